"""Logins over the wire: by password, by MAC, by code; kept in clear under a key, or hashed."""

from typing import Any

import pytest
from pyrad.packet import AuthPacket
from sqlalchemy import select

from radiusd.store import blocks, branches, devices, vouchers
from radiusd.store.branches import cafe as cafe_of
from radiusd.store.database import Database
from radiusd.store.decisions import latest
from radiusd.store.holdings import look_at
from radiusd.store.packages import find as find_package
from radiusd.store.schema import accounts, connections, nases, passes, sessions
from tests.server.given import NOON, PHONE, SECRET, SOURCE, TABLET, Server, a_login, a_report, verified
from tests.wire.given import DICTIONARY

ACCEPT, REJECT = 2, 3
SEVEN = [
    "AA:BB:CC:00:00:01",
    "AABB:CC00:0001",
    "AABBCC:000001",
    "AA-BB-CC-00-00-01",
    "AABBCC-000001",
    "AABBCC000001",
    "AA BB CC 00 00 01",
]


def reasons(server: Server) -> list[str]:
    """Why, for the latest decision."""
    with server.database.reading() as connection:
        return [each.code for each in latest(connection, 1)[0].facts]


def tie(server: Server, mac: str = PHONE) -> None:
    with server.database.writing() as connection:
        account_id = connection.execute(select(accounts.c.id).where(accounts.c.name == "nora")).scalar_one()
        devices.tie(connection, mac, account_id, NOON)


def test_an_accept_carries_what_the_pass_sells(server: Server) -> None:
    reply = server.log_in()
    assert reply["Session-Timeout"] == [3600]
    assert reply["Idle-Timeout"] == [300]
    assert reply["Acct-Interim-Interval"] == [120]
    assert reply["Port-Limit"] == [2]
    assert len(reply["Class"][0]) == 31
    assert reply["Reply-Message"] == ["Welcome. 1h: 1 h 00 min left."]


def test_a_wrong_password_and_an_unknown_name_are_refused_in_the_same_words(server: Server) -> None:
    wrong, unknown = server.log_in(password="wrong"), server.log_in(name="nobody")
    assert wrong.code == unknown.code == REJECT
    assert wrong["Reply-Message"] == unknown["Reply-Message"]


@pytest.mark.parametrize("name", SEVEN + [each.lower() for each in SEVEN])
def test_a_tied_device_logs_in_by_its_mac_in_any_form(server: Server, name: str) -> None:
    tie(server)
    assert server.log_in(name=name, password="").code == ACCEPT


def test_a_device_that_is_not_tied_does_not(server: Server) -> None:
    assert server.log_in(name=PHONE, password="").code == REJECT
    assert reasons(server)[-1] == "mac_not_tied"


def test_nobody_logs_in_by_the_mac_of_another(server: Server) -> None:
    tie(server)
    assert server.log_in(name=PHONE, password="", mac=TABLET).code == REJECT
    assert reasons(server)[-1] == "mac_not_its_own"


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [("empty", None, "", PHONE), ("mac", None, "AA-BB-CC-00-00-01", ""), ("fixed", "guests", "guests", "")],
)
def test_the_password_of_a_mac_login_is_what_the_router_sends(
    database: Database, kind: str, value: str | None, right: str, wrong: str
) -> None:
    server = Server(database, mac_password=kind, mac_password_value=value)
    tie(server)
    assert server.log_in(name="AA-BB-CC-00-00-01", password=right).code == ACCEPT
    assert server.log_in(name="AA-BB-CC-00-00-01", password=wrong).code == REJECT


def test_a_voucher_logs_in_with_its_code_as_password_or_with_none(server: Server) -> None:
    with server.database.writing() as connection:
        cafe = cafe_of(connection, server.branch_id)
        (code,) = vouchers.create(connection, server.vault, find_package(connection, "1h"), cafe, 1, NOON)
    assert server.log_in(name=code, password="").code == ACCEPT
    assert server.log_in(name=code.lower(), password=code.lower()).code == ACCEPT
    assert server.log_in(name=code, password="wrong").code == REJECT


def test_names_and_passwords_may_be_of_any_alphabet_and_length(server: Server) -> None:
    name, password = "ngườidùng" * 17, "mậtkhẩu" * 11
    assert len(name.encode()) <= 253
    assert len(password.encode()) <= 128
    with server.database.writing() as connection:
        server.add_account(connection, name, password)
    assert server.log_in(name=name, password=password).code == ACCEPT


def test_a_hashed_password_is_checked_elsewhere_and_nobody_waits_for_it(database: Database) -> None:
    server = Server(database, hashes=True)
    with server.database.writing() as connection:
        server.add_account(connection, "an", "word")
    assert server.log_in(name="an", password="word") is None
    (encoded, password, done) = server.hashing[0]
    assert encoded.startswith(b"$argon2id$")
    assert password == b"word"
    wire: Any = server.auth.transport
    done(True)
    assert wire.sent[-1][0][0] == ACCEPT
    assert server.log_in(name="nora", password="wrong") is None
    server.hashing[1][2](False)
    assert wire.sent[-1][0][0] == REJECT
    assert server.log_in(name="nora", password="secret") is None
    server.hashing[2][2](None)
    assert wire.sent[-1][0][0] == REJECT
    assert reasons(server)[-1] == "hashing_busy"


def test_chap_at_a_hashing_branch_is_refused_for_a_reason_that_can_be_asked_for(database: Database) -> None:
    server = Server(database, hashes=True)
    request = AuthPacket(secret=SECRET, dict=DICTIONARY)
    request["User-Name"] = "nora"
    request["CHAP-Password"] = bytes(17)
    request.add_message_authenticator()
    (reply,) = server.ask(request.RequestPacket())
    assert verified(request, reply)["Reply-Message"] == ["Wrong user name or password."]
    assert reasons(server)[-1] == "chap_at_hashing_branch"


def test_a_blocked_device_is_refused(server: Server) -> None:
    with server.database.writing() as connection:
        blocks.block_device(connection, PHONE, NOON)
    assert server.log_in().code == REJECT
    assert server.log_in(mac=TABLET).code == ACCEPT


def test_a_router_of_another_branch_lets_nobody_of_ours_in(server: Server) -> None:
    with server.database.writing() as connection:
        other = branches.add(
            connection, "q7", NOON, password_store="recoverable", interim=120, idle_timeout=None, timezone="UTC"
        )
        server.add_router(connection, "r7", secret=b"secret of q7", network="10.0.0.7/32", branch_id=other)
    server.restart()
    request = a_login(secret=b"secret of q7")
    (reply,) = server.ask(request.RequestPacket(), source=("10.0.0.7", 1024))
    assert verified(request, reply).code == REJECT
    assert reasons(server)[-1] == "other_branch"


# Accounting over the wire


def usage(server: Server) -> tuple[int, int, int]:
    with server.database.reading() as connection:
        (pass_id,) = connection.execute(select(passes.c.id)).scalars()
        used = look_at(connection, [pass_id])[pass_id].bought.used
        return used.uploaded, used.downloaded, used.seconds


def states(server: Server) -> list[tuple[str, str | None]]:
    with server.database.reading() as connection:
        found = connection.execute(select(connections.c.state, connections.c.closing).order_by(connections.c.id))
        return [(row[0], row[1]) for row in found]


def test_a_start_is_matched_by_class_by_name_or_by_user_and_device(server: Server) -> None:
    reply = server.log_in()  # the router named no session yet
    assert server.report("Start", Acct_Session_Id="80100001", Class=reply["Class"][0])
    server.pass_time(60)
    assert server.report("Interim-Update", Acct_Session_Id="80100001", Acct_Session_Time=60, Acct_Input_Octets=5)
    assert usage(server) == (5, 0, 60)
    server.log_in()
    assert server.report("Start", Acct_Session_Id="80100002", Calling_Station_Id=PHONE)
    assert len(states(server)) == 2


def test_a_report_of_nobody_we_know_is_kept_apart_and_answered(server: Server) -> None:
    assert server.report("Interim-Update", Acct_Session_Id="99", Acct_Session_Time=60, Acct_Input_Octets=5)
    assert usage(server) == (0, 0, 0)
    with server.database.reading() as connection:
        row = connection.execute(select(connections.c.session_id, connections.c.uploaded)).one()
    assert tuple(row) == (None, 5)


def test_a_class_we_did_not_write_names_nothing(server: Server) -> None:
    reply = server.log_in()
    forged = bytearray(reply["Class"][0])
    forged[-1] ^= 1
    assert server.report("Start", Acct_Session_Id="1", Class=bytes(forged), Calling_Station_Id=TABLET)
    of_session = select(connections.c.session_id).where(connections.c.acct_session_id == "1")
    with server.database.reading() as connection:
        assert connection.execute(of_session).scalars().all() == [None]


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_class_that_names_what_is_anothers_by_now_is_not_believed(server: Server, is_remembered: bool) -> None:
    """As after a backup was restored: who came since it was made is online under ids that are given out again."""
    reply = server.log_in()
    named = {"Class": reply["Class"][0], "Calling_Station_Id": TABLET, "User_Name": "mila"}
    for seconds, status_type in enumerate(("Start", "Interim-Update", "Interim-Update", "Stop")):
        if not is_remembered:
            server.restart()
        counted = {"Acct_Session_Time": seconds * 60, "Acct_Input_Octets": seconds * 1000}
        assert server.report(status_type, Acct_Session_Id="80100009", **named, **counted)
    assert usage(server) == (0, 0, 0)
    of_stranger = select(connections.c.session_id, connections.c.uploaded).where(connections.c.device == TABLET)
    with server.database.reading() as connection:
        assert connection.execute(of_stranger).all() == [(None, 3000)]
    assert states(server) == [("OPEN", None), ("CLOSED", "stopped")]


def test_accounting_on_ends_what_the_router_had(server: Server) -> None:
    reply = server.log_in(Acct_Session_Id="80100001")
    server.report("Start", Acct_Session_Id="80100001", Class=reply["Class"][0])
    server.pass_time(60)
    assert len(server.ask(a_report("Accounting-On").RequestPacket())) == 1
    with server.database.reading() as connection:
        row = connection.execute(select(sessions.c.phase, sessions.c.end_reason, sessions.c.ended_at)).one()
    assert tuple(row) == ("TERMINATED", "NAS_REBOOT", NOON)


def test_a_new_boot_digit_means_that_the_router_rebooted(server: Server) -> None:
    reply = server.log_in(Acct_Session_Id="80100005", NAS_Port=0x80100005)
    server.report("Start", Acct_Session_Id="80100005", Class=reply["Class"][0])
    with server.database.writing() as connection:
        server.add_account(connection, "an", "word")
    server.pass_time(60)
    server.log_in(name="an", password="word", mac=TABLET, Acct_Session_Id="80200001", NAS_Port=0x80200001)
    assert states(server) == [("CLOSED", "rebooted"), ("OPEN", None)]
    with server.database.reading() as connection:
        assert connection.execute(select(nases.c.boot)).scalar_one() == "2"


def test_ids_that_do_not_count_boots_mean_nothing(server: Server) -> None:
    server.log_in(Acct_Session_Id="80100005", NAS_Port=1)
    server.log_in(Acct_Session_Id="80200001", NAS_Port=2)
    assert {state for state, _ in states(server)} == {"OPEN"}


def test_a_report_with_an_attribute_of_a_wrong_type_is_not_answered(server: Server) -> None:
    request = a_report("Start", Acct_Session_Id="1")
    octets = bytearray(request.RequestPacket())
    assert server.ask(bytes(octets)) != []
    request = a_report("Start", Acct_Session_Id="2")
    request[46] = [b"abc"]
    assert server.ask(request.RequestPacket()) == []
    assert server.counters.counts["dropped_integer_length"] == 1


# Copies that wait at a server until all is over


def test_a_copy_that_waited_until_its_connection_was_over_begins_no_other(server: Server) -> None:
    request = a_login(Acct_Session_Id="80100001")
    asked, came = request.RequestPacket(), server.at
    (reply,) = server.ask(asked)
    server.pass_time(60)
    server.report("Stop", Acct_Session_Id="80100001", Class=verified(request, reply)["Class"][0], Acct_Session_Time=60)
    server.pass_time(1)
    server.auth.came_at = lambda: came
    assert server.ask(asked, source=(SOURCE[0], 50_001)) == []
    assert server.counters.counts["late_copy"] == 1
    server.auth.came_at = lambda: server.at
    assert len(server.ask(asked, source=(SOURCE[0], 50_002))) == 1  # some NASes name the next one as the last
    with server.database.reading() as connection:
        states = connection.execute(select(connections.c.state).order_by(connections.c.id)).scalars().all()
    assert states == ["CLOSED", "OPEN"]
