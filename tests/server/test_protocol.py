"""Who is answered, with what, how often; and who is not."""

from typing import Any

import pytest
from pyrad.packet import AuthPacket
from twisted.logger import globalLogPublisher

from radiusd.store.database import Database
from radiusd.wire.packet import decode
from tests.server.given import NOON, SECRET, SOURCE, Server, a_login, a_report, verified
from tests.wire.given import DICTIONARY

ACCEPT, REJECT = 2, 3


def test_a_stranger_gets_no_answer(server: Server) -> None:
    assert server.ask(a_login().RequestPacket(), source=("10.0.0.2", 40000)) == []
    assert server.counters.counts["dropped_unknown_source"] == 1


def test_a_malformed_packet_gets_no_answer(server: Server) -> None:
    assert server.ask(a_login().RequestPacket()[:-1]) == []
    assert server.counters.counts["dropped_packet_length"] == 1


def test_a_wrong_secret_gets_no_answer(server: Server) -> None:
    assert server.ask(a_login(secret=b"wrong").RequestPacket()) == []
    assert server.ask(a_report("Start", secret=b"wrong", Acct_Session_Id="1").RequestPacket()) == []
    assert server.counters.counts["dropped_bad_message_authenticator"] == 1
    assert server.counters.counts["dropped_bad_authenticator"] == 1


@pytest.mark.parametrize("port", ["auth", "acct"])
def test_a_code_that_is_not_served_at_a_port_gets_no_answer(server: Server, port: str) -> None:
    wrong = a_report("Start", Acct_Session_Id="1") if port == "auth" else a_login()
    assert server.ask(wrong.RequestPacket(), getattr(server, port)) == []


def test_log_lines_of_one_reason_come_once_a_second(server: Server, caplog: Any) -> None:
    seen: list[Any] = []
    globalLogPublisher.addObserver(seen.append)
    try:
        for _ in range(50):
            server.ask(b"x")
        server.pass_time(1)
        server.ask(b"x")
    finally:
        globalLogPublisher.removeObserver(seen.append)
    assert len([each for each in seen if "dropped" in each["log_format"]]) == 2
    assert seen[-1]["more"] == 49


def test_the_signature_is_the_first_attribute_of_accept_and_reject(server: Server) -> None:
    for password in ("secret", "wrong"):
        (reply,) = server.ask(a_login(password=password).RequestPacket())
        assert reply[20:22] == b"\x50\x12"


def test_proxy_state_is_echoed_in_its_order(server: Server) -> None:
    request = a_login()
    request[33] = [b"one", b"two", b"three"]
    request.add_message_authenticator()
    (reply,) = server.ask(request.RequestPacket())
    assert decode(reply).all(33) == [b"one", b"two", b"three"]
    assert verified(request, reply).code == ACCEPT


# Message-Authenticator


def test_an_unsigned_request_is_answered_until_a_signed_one_was_seen(server: Server) -> None:
    assert server.log_in(signed=False).code == ACCEPT
    assert server.log_in().code == ACCEPT
    assert server.log_in(signed=False) is None
    server.restart()
    assert server.log_in(signed=False) is None
    assert server.counters.counts["dropped_message_authenticator_missing"] == 2


def test_where_it_is_required_an_unsigned_request_is_never_answered(database: Database) -> None:
    server = Server(database, require_message_authenticator="yes")
    assert server.log_in(signed=False) is None


def test_where_it_is_not_required_unsigned_requests_stay_welcome(database: Database) -> None:
    server = Server(database, require_message_authenticator="no")
    assert server.log_in().code == ACCEPT
    assert server.log_in(signed=False).code == ACCEPT


def test_proxy_state_without_a_signature_is_refused_even_where_none_is_required(database: Database) -> None:
    server = Server(database, require_message_authenticator="no")
    request = a_login(signed=False)
    request[33] = [b"state"]
    assert server.ask(request.RequestPacket()) == []
    assert server.counters.counts["dropped_proxy_state_unsigned"] == 1


def test_status_server_is_answered_on_both_ports_and_only_when_signed(server: Server) -> None:
    for port, code in ((server.auth, ACCEPT), (server.acct, 5)):
        request = AuthPacket(code=12, secret=SECRET, dict=DICTIONARY, id=9)
        request.authenticator = bytes(range(16))
        unsigned = request.RequestPacket()
        assert server.ask(unsigned, port) == []
        request.add_message_authenticator()
        (reply,) = server.ask(request.RequestPacket(), port)
        assert decode(reply).code == code
        assert verified(request, reply)


# Several routers behind one address


def test_routers_behind_one_address_are_told_apart_by_their_secrets(server: Server) -> None:
    with server.database.writing() as connection:
        server.add_router(connection, "r2", secret=b"the other secret")
    server.restart()
    (reply,) = server.ask(a_login(secret=b"the other secret").RequestPacket())
    assert decode(reply).code == ACCEPT
    assert server.log_in().code == ACCEPT
    assert server.ask(a_report("Start", secret=b"the other secret", Acct_Session_Id="1").RequestPacket()) != []


def test_an_unsigned_request_from_an_address_of_two_routers_is_nobodys(server: Server) -> None:
    with server.database.writing() as connection:
        server.add_router(connection, "r2", secret=b"the other secret")
    server.restart()
    assert server.log_in(signed=False) is None
    assert server.counters.counts["dropped_ambiguous_unsigned"] == 1


def test_a_router_is_known_by_its_network(server: Server) -> None:
    with server.database.writing() as connection:
        server.add_router(connection, "r2", secret=b"the other secret", network="10.1.0.0/16")
    server.restart()
    request = a_login(secret=b"the other secret")
    assert len(server.ask(request.RequestPacket(), source=("10.1.2.3", 1024))) == 1
    assert server.ask(request.RequestPacket(), source=("10.2.2.3", 1024)) == []


# Duplicates (RFC 5080 §2.2.2)


def test_the_same_octets_again_get_the_same_octets_back(server: Server) -> None:
    octets = a_login().RequestPacket()
    first = server.ask(octets)
    jobs = len(server.committed)
    server.pass_time(2)
    assert server.ask(octets) == first
    assert len(server.committed) == jobs


def test_a_request_still_in_work_is_not_begun_twice(server: Server) -> None:
    server.held_back = []
    octets = a_login().RequestPacket()
    assert server.ask(octets) == []
    jobs = len(server.committed)
    assert server.ask(octets) == []
    assert len(server.committed) == jobs
    server.let_go()
    wire: Any = server.auth.transport
    assert len(wire.sent) == 1


def test_another_port_or_authenticator_makes_another_request(server: Server) -> None:
    request = a_login()
    octets = request.RequestPacket()
    server.ask(octets)
    jobs = len(server.committed)
    server.ask(octets, source=(SOURCE[0], SOURCE[1] + 1))
    again = a_login()
    again.id = request.id
    server.ask(again.RequestPacket())
    assert len(server.committed) == jobs + 2


def test_other_octets_under_the_same_identifier_and_authenticator_get_no_old_answer(server: Server) -> None:
    request = a_login()
    good = request.RequestPacket()
    (accepted,) = server.ask(good)
    forged = bytearray(good)
    forged[-1] ^= 1
    assert server.ask(bytes(forged)) == []
    assert server.ask(good) == [accepted]


def test_after_ten_seconds_a_reply_is_forgotten(server: Server) -> None:
    octets = a_login().RequestPacket()
    server.ask(octets)
    jobs = len(server.committed)
    server.pass_time(11)
    server.ask(a_login(mac="AA:BB:CC:00:00:09", password="wrong").RequestPacket())
    server.ask(octets)
    assert len(server.committed) == jobs + 2


# Recorded, then answered


def test_accounting_is_answered_after_the_commit_and_not_before(server: Server) -> None:
    server.log_in(Acct_Session_Id="80100001")
    server.held_back = []
    request = a_report("Start", Acct_Session_Id="80100001")
    assert server.ask(request.RequestPacket()) == []
    server.let_go()
    wire: Any = server.acct.transport
    assert verified(request, wire.sent[-1][0]).code == 5


def test_what_could_not_be_recorded_is_not_answered_and_may_be_asked_again(server: Server) -> None:
    octets = a_report("Start", Acct_Session_Id="80100001").RequestPacket()
    commit = server.committer._commit
    server.committer._commit = _fail  # type: ignore[method-assign]
    assert server.ask(octets) == []
    server.committer._commit = commit  # type: ignore[method-assign]
    assert len(server.ask(octets)) == 1
    assert server.counters.counts["not_recorded"] == 1


def _fail(jobs: object) -> Any:
    raise OSError("the disk is full")


def test_time_is_read_once_where_the_datagram_enters(server: Server) -> None:
    server.held_back = []
    server.ask(a_login().RequestPacket())
    server.pass_time(3)
    server.let_go()
    assert any(getattr(job, "at", None) == NOON for job in server.committed)
