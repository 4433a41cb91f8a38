"""While the store is away, whoever it let in lately is let in, for no longer than was left; nobody else is answered."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from pyrad.packet import AuthPacket
from sqlalchemy import select
from twisted.internet.defer import Deferred, succeed

from policy.connection import Connection
from policy.package import Package
from policy.quantities import Octets, Seconds
from radiusd.away.logins import Reminding
from radiusd.away.outlook import Outlook
from radiusd.spool.errors import SpoolFull
from radiusd.store import accounts, devices, loading, packages
from radiusd.store.database import Database
from radiusd.store.schema import decisions, sessions
from radiusd.store.work import CutCommand
from tests.away.given import AwayServer
from tests.server.given import NOON, PHONE, SECRET, TABLET, a_login, verified
from tests.wire.given import DICTIONARY


def timeout(accept: Any) -> int:
    value: int = accept["Session-Timeout"][0]
    return value


def reasons(server: AwayServer) -> list[tuple[str, str]]:
    with server.database.reading() as connection:
        query = select(decisions.c.verdict, decisions.c.reason).order_by(decisions.c.id)
        return [(row.verdict, row.reason) for row in connection.execute(query)]


def test_a_known_device_is_let_in_into_the_same_session(server: AwayServer) -> None:
    before = server.log_in()
    server.store.refuse()
    again = server.log_in()
    assert (again.code, again["Class"]) == (2, before["Class"])


def test_it_gets_no_more_than_what_was_left_then_less_the_time_that_passed(server: AwayServer) -> None:
    server.log_in()
    server.pass_time(600.4)
    server.store.refuse()
    assert timeout(server.log_in()) == 3600 - 601


def test_nobody_gets_more_than_an_hour(server: AwayServer) -> None:
    with server.database.writing() as connection:
        packages.add(connection, Package(name="1d", time=Seconds(86_400)), NOON)
        server.add_account(connection, "dan", "secret", "1d")
    server.log_in("dan")
    server.store.refuse()
    assert timeout(server.log_in("dan")) == 3600


def test_data_granted_while_away_never_adds_up_to_more_than_what_was_left(server: AwayServer) -> None:
    with server.database.writing() as connection:
        packages.add(connection, Package(name="300M", data=Octets(300_000_000)), NOON)
        server.add_account(connection, "dan", "secret", "300M")
    server.log_in("dan")
    server.store.refuse()
    limits = [server.log_in("dan")["Mikrotik-Total-Limit"][0] for _ in range(2)]
    assert limits == [200_000_000, 100_000_000]
    assert server.log_in("dan") is None


def test_whose_time_is_over_is_not_answered(server: AwayServer) -> None:
    server.log_in()
    server.store.refuse()
    server.at = type(server.at)(server.at + 3_600_000)
    assert server.log_in() is None


def test_whoever_was_last_here_more_than_a_day_ago_is_not_answered(server: AwayServer) -> None:
    with server.database.writing() as connection:
        packages.add(connection, Package(name="7d", time=Seconds(7 * 86_400)), NOON)
        server.add_account(connection, "dan", "secret", "7d")
    server.log_in("dan")
    server.store.refuse()
    server.at = type(server.at)(NOON + 86_400_000)
    assert server.log_in("dan") is not None
    server.at = type(server.at)(NOON + 86_400_001)
    assert server.log_in("dan") is None


def test_nobody_unknown_is_answered(server: AwayServer) -> None:
    with server.database.writing() as connection:
        server.add_account(connection, "otto", "secret")
    server.log_in()
    server.store.refuse()
    assert server.log_in("otto") is None  # a first login
    assert server.log_in(mac=TABLET) is None  # a new device, or a switch
    assert server.log_in(mac="") is None


def test_a_wrong_password_is_not_answered(server: AwayServer) -> None:
    server.log_in()
    server.store.refuse()
    assert server.log_in(password="wrong") is None
    assert server.log_in() is not None


def test_whoever_was_refused_last_is_not_answered(server: AwayServer) -> None:
    server.log_in()
    assert server.log_in(password="wrong").code == 3
    server.store.refuse()
    assert server.log_in() is None


@pytest.mark.parametrize("was_online", [True, False])
def test_whoever_gave_up_the_place_is_not_answered(was_online: bool, server: AwayServer) -> None:
    accept = server.log_in(Acct_Session_Id="80100001")
    server.report("Start", Acct_Session_Id="80100001", Class=accept["Class"][0])
    if not was_online:
        server.report("Stop", Acct_Session_Id="80100001", Acct_Session_Time=1)
    assert server.log_in(mac=TABLET).code == 2
    server.store.refuse()
    assert server.log_in() is None
    assert server.log_in(mac=TABLET) is not None


def test_whom_an_administrator_cut_is_not_answered(server: AwayServer) -> None:
    server.log_in(Acct_Session_Id="80100001")
    line = Connection(id=1, session_id=1, router_id=1, user_name="nora", device=PHONE, opened_at=NOON, last_at=NOON)
    server.logins.heard([CutCommand(id=1, connection=line, created_at=NOON)])
    server.store.refuse()
    assert server.log_in() is None


def test_whom_an_administrator_cut_is_not_answered_by_any_name(server: AwayServer) -> None:
    with server.database.writing() as connection:
        devices.tie(connection, PHONE, accounts.find(connection, "nora")["id"], NOON)
    assert server.log_in(PHONE, "", Acct_Session_Id="80100001").code == 2
    assert server.log_in(Acct_Session_Id="80100001").code == 2
    line = Connection(id=1, session_id=1, router_id=1, user_name="nora", device=PHONE, opened_at=NOON, last_at=NOON)
    server.logins.heard([CutCommand(id=1, connection=line, created_at=NOON)])
    server.store.refuse()
    assert server.log_in(PHONE, "") is None
    assert server.log_in() is None


def test_where_the_operator_wants_it_nobody_is_answered(database: Database, tmp_path: Path) -> None:
    server = AwayServer(database, tmp_path / "spool", on_store_loss="refuse")
    server.log_in()
    server.store.refuse()
    assert server.log_in() is None
    assert server.report("Start", Acct_Session_Id="80100001")  # accounting is recorded all the same


def test_the_ledger_tells_it_once_the_store_is_back(server: AwayServer) -> None:
    server.log_in()
    server.store.refuse()
    server.log_in()
    server.store.be_well()
    server.pass_time(1)
    assert reasons(server)[-2:] == [("accepted", "granted"), ("accepted", "store_away")]


def test_what_cannot_be_written_down_is_not_granted(server: AwayServer) -> None:
    server.log_in()
    server.store.refuse()
    server.spool.refuses = SpoolFull("it is full")
    assert server.log_in() is None


def test_a_store_that_is_only_slow_answers_what_cannot_be_written_down(server: AwayServer) -> None:
    server.log_in(Acct_Session_Id="80100001")
    server.spool.refuses = SpoolFull("it is full")
    server.store.hang()
    before = len(server.auth.transport.sent)
    server.ask(a_login(Acct_Session_Id="80100002").RequestPacket())
    server.pass_time(0.5)
    assert (server.gate.outlook, len(server.auth.transport.sent)) == (Outlook.SLOW, before)
    server.store.go_on()
    assert len(server.auth.transport.sent) == before + 1


def test_accounting_finds_the_session_of_whoever_was_let_in_while_away(server: AwayServer) -> None:
    accept = server.log_in(Acct_Session_Id="80100001")
    server.report("Start", Acct_Session_Id="80100001", Class=accept["Class"][0])
    server.store.refuse()
    again = server.log_in(Acct_Session_Id="80100002")
    named = {"Acct_Session_Id": "80100002", "Class": again["Class"][0]}
    server.report("Start", **named)
    server.report("Interim-Update", Acct_Input_Octets=7_000, **named)
    server.store.be_well()
    server.pass_time(1)
    with server.database.reading() as connection:
        assert connection.execute(select(sessions.c.phase)).scalars().all() == ["ACTIVE"]
        owners = connection.exec_driver_sql("SELECT session_id, uploaded FROM connections ORDER BY id").all()
    assert {tuple(each) for each in owners} == {(1, 0), (1, 7_000)}


def test_behind_a_store_that_hangs_a_known_device_is_answered_in_time(server: AwayServer) -> None:
    server.log_in()
    server.store.hang()
    wire: Any = server.auth.transport
    before = len(wire.sent)
    assert server.log_in() is None
    server.pass_time(0.19)
    assert len(wire.sent) == before + 1
    assert server.log_in() is not None


def answers_of_a_store_that_hangs(server: AwayServer, seconds: float) -> int:
    """How many answers a login has had after so long."""
    wire: Any = server.auth.transport
    before = len(wire.sent)
    server.store.hang()
    server.log_in()
    server.pass_time(seconds)
    return len(wire.sent) - before


@pytest.mark.parametrize("changed", [None, [1]])
def test_while_the_store_is_only_slow_nobody_is_let_in_whose_pass_others_changed(
    changed: list[int] | None, server: AwayServer, reminding: Reminding
) -> None:
    server.log_in()
    server.logins.others_changed([77])
    server.logins.others_changed(changed)
    assert answers_of_a_store_that_hangs(server, 0.5) == 0
    server.store.go_on()
    reminding.look()  # the session lives: it is certain again
    assert answers_of_a_store_that_hangs(server, 0.19) == 1


def test_a_doubt_goes_on_until_the_store_has_said_otherwise(server: AwayServer) -> None:
    server.log_in()
    server.lately.doubt(None)
    answers: list[Deferred[Any]] = []

    def ended(_: object) -> "Deferred[Any]":
        answers.append(Deferred())
        return answers[-1]

    reminding = Reminding(server.logins, server.lately, server.gate, ended, ended)
    reminding.look()
    answers.pop().errback(OSError())
    reminding.look()
    server.lately.doubt(None)  # while the answer is on its way
    answers.pop().callback(set())
    assert answers_of_a_store_that_hangs(server, 0.5) == 0


def test_a_slow_store_still_answers_whom_memory_does_not_know(server: AwayServer) -> None:
    server.store.hang()
    server.log_in()
    server.pass_time(1)
    wire: Any = server.auth.transport
    assert wire.sent == []
    server.store.go_on()
    assert len(wire.sent) == 1


def test_a_login_that_was_given_up_begins_nothing_when_the_store_goes_on(server: AwayServer) -> None:
    server.store.hang()
    assert server.log_in() is None
    server.pass_time(6)
    server.store.go_on()
    server.pass_time(1)
    with server.database.reading() as connection:
        assert connection.execute(select(sessions.c.phase)).scalars().all() == ["PENDING"]
    assert server.log_in().code == 2


def test_an_answer_from_the_store_after_that_from_memory_is_dropped(server: AwayServer) -> None:
    server.log_in()
    server.store.hang()
    server.log_in()
    server.pass_time(0.5)
    wire: Any = server.auth.transport
    before = len(wire.sent)
    server.store.go_on()
    assert len(wire.sent) == before


# CHAP: the proof comes from the store, a moment after the login


def chap(server: AwayServer, password: str = "secret") -> Any:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY)
    request["User-Name"] = "nora"
    request["CHAP-Challenge"] = b"c" * 16
    request["CHAP-Password"] = b"\x07" + hashlib.md5(b"\x07" + password.encode() + b"c" * 16).digest()  # noqa: S324
    request["Calling-Station-Id"] = PHONE
    request["NAS-Identifier"] = "r1"
    request.add_message_authenticator()
    answers = server.ask(request.RequestPacket())
    return verified(request, answers[0]) if answers else None


@pytest.fixture
def reminding(server: AwayServer) -> Reminding:
    def logins(names: Any) -> "Deferred[Any]":
        with server.database.reading() as connection:
            return succeed(loading.load_logins(connection, names))

    def ended(asked: Any) -> "Deferred[Any]":
        with server.database.reading() as connection:
            query = select(sessions.c.id).where(sessions.c.phase == "ACTIVE")
            return succeed(set(asked) - set(connection.execute(query).scalars()))

    return Reminding(server.logins, server.lately, server.gate, logins, ended)


def test_by_chap_a_known_device_is_let_in(server: AwayServer, reminding: Reminding) -> None:
    chap(server)
    reminding.look()
    server.store.refuse()
    assert chap(server).code == 2
    assert chap(server, "wrong") is None
    assert server.log_in().code == 2  # the same password, shown otherwise


def test_by_chap_without_proof_nobody_is_let_in(server: AwayServer) -> None:
    chap(server)
    server.store.refuse()
    assert chap(server) is None


def test_a_session_that_others_ended_is_forgotten(server: AwayServer, reminding: Reminding) -> None:
    server.log_in()
    with server.database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE sessions SET phase = 'TERMINATED', slot = NULL, ended_at = created_at, end_reason = 'by hand'"
        )
    reminding.look()
    server.store.refuse()
    assert server.log_in() is None


def test_while_the_store_is_away_it_is_not_asked(server: AwayServer, reminding: Reminding) -> None:
    chap(server)
    server.store.refuse()
    server.report("Start", Acct_Session_Id="80100001")
    reminding.look()
    assert server.logins.without_proof  # it is asked for when the store is back


def test_memory_is_bounded(server: AwayServer) -> None:
    server.lately._most = 1
    with server.database.writing() as connection:
        server.add_account(connection, "otto", "secret")
    server.log_in()
    server.log_in("otto", mac=TABLET)
    server.store.refuse()
    assert server.log_in() is None
    assert server.log_in("otto", mac=TABLET) is not None
