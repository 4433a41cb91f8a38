"""What a writer remembers: the next packet asks the store nothing, and comes to the same."""

from typing import Any, ClassVar

import pytest
from attrs import evolve
from sqlalchemy import select, text

from policy.connection import Connection
from policy.package import Package
from policy.quantities import Octets, Seconds
from radiusd.store import blocks, live, packages
from radiusd.store.database import Database
from radiusd.store.invariants import check
from radiusd.store.memory import Kept, Known, Memory, Wire
from radiusd.store.schema import connections, passes, sessions
from radiusd.store.work import Work
from radiusd.store.writer import Job
from tests.server.given import NOON, PHONE, TABLET, Server
from tests.store.statements import statements
from tests.store.worlds import Fails, without_connection


def kinds(seen: list[tuple[str, Any]]) -> list[str]:
    """What each statement does."""
    return [statement.removeprefix("WITH written AS (").split(maxsplit=1)[0] for statement, _ in seen]


def lines(server: Server) -> list[Any]:
    with server.database.reading() as connection:
        return list(connection.execute(select(connections).order_by(connections.c.id)).all())


def used(server: Server) -> list[tuple[int, int]]:
    """Octets of each pass and of each of its connections that is not open: what is settled."""
    with server.database.reading() as connection:
        return [(row.uploaded, row.downloaded) for row in connection.execute(select(passes).order_by(passes.c.id))]


def is_sound(server: Server) -> bool:
    with server.database.reading() as connection:
        return check(connection) == []


class Guest:
    """A device that is online since noon, and what its router says of it."""

    def __init__(
        self,
        server: Server,
        mac: str = PHONE,
        session: str = "a1",
        name: str = "nora",
        *,
        logs_in: bool = True,
    ) -> None:
        self.mac, self.session, self.name = mac, session, name
        self.named_by: bytes | None = None
        if logs_in:
            self.named_by = server.log_in(name, mac=mac, Acct_Session_Id=session)["Class"][0]

    def says(self, server: Server, kind: str, octets: int = 0, seconds: int = 0, **more: Any) -> bool:
        values = {
            "User_Name": self.name,
            "Calling_Station_Id": self.mac,
            "Acct_Session_Id": self.session,
            "Acct_Session_Time": seconds,
            "Acct_Input_Octets": octets,
            "Acct_Output_Octets": 0,
            "Acct_Input_Gigawords": 0,
            "Acct_Output_Gigawords": 0,
            "Class": self.named_by,
            **more,
        }
        return server.report(kind, **{name: value for name, value in values.items() if value is not None})


@pytest.fixture
def guest(server: Server) -> Guest:
    """Nora, online, and her router's reports known."""
    made = Guest(server)
    assert made.says(server, "Start")
    return made


@pytest.fixture
def other(server: Server) -> Server:
    """Another worker over the same store."""
    return Server(server.database, is_first=False)


# What is asked


def test_an_ordinary_report_asks_the_store_nothing_and_writes_one_row(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    with statements(server.database) as seen:
        assert guest.says(server, "Interim-Update", 100, 60)
    assert kinds(seen) == ["UPDATE"]
    assert (lines(server)[0].uploaded, lines(server)[0].version) == (100, 2)


def test_reports_of_one_batch_are_one_row_with_the_greatest_counters(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    server.held_back = []
    for octets in (100, 300, 200):
        guest.says(server, "Interim-Update", octets, 60)
    version = lines(server)[0].version
    server.let_go()
    assert (lines(server)[0].uploaded, lines(server)[0].version) == (300, version + 1)
    assert guest.says(server, "Interim-Update", 400, 60)
    assert server.committer.conflicts == 0


def test_a_start_and_a_stop_read_nothing_of_what_is_remembered(server: Server) -> None:
    guest = Guest(server)
    for kind in ("Start", "Stop"):
        with statements(server.database) as seen:
            assert guest.says(server, kind)
        assert "SELECT" not in kinds(seen)


def test_an_interim_and_the_stop_in_one_batch_count_once(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    server.held_back = []
    guest.says(server, "Interim-Update", 100, 60)
    guest.says(server, "Stop", 150, 60, Acct_Terminate_Cause=2)
    guest.says(server, "Interim-Update", 120, 60)
    server.let_go()
    (line,) = lines(server)
    assert (line.state, line.uploaded) == ("CLOSED", 150)
    assert used(server) == [(150, 0)]
    assert is_sound(server)


@pytest.mark.parametrize("kind", ["Interim-Update", "Stop", "Start"])
def test_what_is_repeated_or_late_after_the_stop_counts_once(server: Server, guest: Guest, kind: str) -> None:
    server.pass_time(60)
    guest.says(server, "Interim-Update", 100, 60)
    guest.says(server, "Stop", 150, 60, Acct_Terminate_Cause=2)
    assert list(server.committer.memory.lines) == []
    assert guest.says(server, kind, 150, 60)
    (line,) = lines(server)
    assert (line.state, line.uploaded) == ("CLOSED", 150)
    assert used(server) == [(150, 0)]


def test_an_address_that_was_first_told_by_a_late_report_is_kept_with_the_next(server: Server, guest: Guest) -> None:
    server.pass_time(120)
    guest.says(server, "Interim-Update", 100, 120, Framed_IP_Address="10.5.0.1")
    guest.says(server, "Interim-Update", 50, 60, Framed_IP_Address="10.5.0.2", Acct_Delay_Time=60)
    assert lines(server)[0].framed_ip_address == "10.5.0.1"
    server.pass_time(60)
    guest.says(server, "Interim-Update", 200, 180, Framed_IP_Address="10.5.0.2")
    assert lines(server)[0].framed_ip_address == "10.5.0.2"


class FailsBeside(Fails):
    """In one transaction with what is remembered, on either store."""

    is_ordinary = True


def test_a_batch_that_fails_is_forgotten_and_done_again(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    guest.says(server, "Interim-Update", 100, 60)
    known = list(server.committer.memory.lines)
    server.held_back = []
    guest.says(server, "Interim-Update", 200, 60)
    server.submit(FailsBeside(), lambda _: None)
    server.let_go()
    assert [type(job) for job, _ in server.failures] == [FailsBeside]
    assert all(not each.is_current for each in known)
    assert lines(server)[0].uploaded == 200
    guest.says(server, "Interim-Update", 300, 60)
    assert lines(server)[0].uploaded == 300


# Devices that came back by memory: their Class names the session alone


def test_the_start_of_a_device_that_came_back_makes_one_connection(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    guest.session, guest.named_by = "a2", without_connection(guest.named_by or b"")
    for _ in range(2):
        assert guest.says(server, "Start")
    assert guest.says(server, "Interim-Update", 100, 0)
    assert [(each.acct_session_id, each.state, each.uploaded) for each in lines(server)] == [
        ("a1", "CLOSED", 0),
        ("a2", "OPEN", 100),
    ]
    assert is_sound(server)


@pytest.mark.parametrize("kind", ["Interim-Update", "Stop"])
def test_its_report_finds_its_connection_though_another_login_loaded_the_pass(
    server: Server, guest: Guest, kind: str
) -> None:
    guest.session, guest.named_by = "a2", without_connection(guest.named_by or b"")
    server.pass_time(1)
    guest.says(server, "Start")
    server.held_back = []
    guest.says(server, kind, 100, 0, Acct_Terminate_Cause=2)
    server.log_in(mac=TABLET, Acct_Session_Id="t1")
    server.let_go()
    mine = [each for each in lines(server) if each.acct_session_id == "a2"]
    assert [each.uploaded for each in mine] == [100]
    assert is_sound(server)


@pytest.mark.parametrize("kind", ["Interim-Update", "Stop"])
def test_what_is_over_at_another_worker_counts_once_though_a_login_loaded_the_pass(
    server: Server, other: Server, guest: Guest, kind: str
) -> None:
    server.pass_time(60)
    other.pass_time(60)
    assert guest.says(other, "Stop", 150, 60, Acct_Terminate_Cause=2)
    server.held_back = []
    guest.says(server, kind, 150, 60, Acct_Terminate_Cause=2)
    server.log_in(mac=TABLET, Acct_Session_Id="t1")
    server.let_go()
    assert [each.uploaded for each in lines(server)] == [150, 0]
    assert used(server) == [(150, 0)]
    assert is_sound(server)


def test_a_repeated_stop_under_another_name_than_the_class_says_counts_once(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    for _ in range(2):  # a line that the NAS opened without a login of its own
        guest.says(server, "Stop", 500, 30, Acct_Session_Id="b7")
    assert [(each.acct_session_id, each.uploaded) for each in lines(server)] == [("a1", 0), ("b7", 500)]
    assert used(server) == [(500, 0)]


def test_a_line_without_class_finds_its_guest_beside_one_that_is_remembered(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    server.held_back = []
    guest.says(server, "Stop", 100, 60, Acct_Terminate_Cause=2)
    guest.says(server, "Interim-Update", 7, 1, Acct_Session_Id="b7", Class=None)
    server.let_go()
    assert {each.session_id for each in lines(server)} == {lines(server)[0].session_id}


# Connections of nobody we know


def test_the_reports_of_a_stranger_are_counted_too(server: Server) -> None:
    stranger = Guest(server, TABLET, "x1", "stranger", logs_in=False)
    assert stranger.says(server, "Start")
    server.pass_time(60)
    with statements(server.database) as seen:
        assert stranger.says(server, "Interim-Update", 100, 60)
    assert kinds(seen) == ["UPDATE"]
    server.held_back = []
    stranger.says(server, "Interim-Update", 200, 60)
    stranger.says(server, "Stop", 300, 60)
    server.let_go()
    assert [(each.state, each.uploaded, each.session_id) for each in lines(server)] == [("CLOSED", 300, None)]
    assert list(server.committer.memory.lines) == []


def test_of_two_connections_of_one_name_the_last_is_known() -> None:
    memory = Memory()
    wire = Wire((1, b"r1"), b"x1", None, None, "10.0.0.1")
    line = Connection(
        id=1, session_id=None, router_id=1, user_name="stranger", device=PHONE, opened_at=NOON, last_at=NOON
    )
    line = evolve(line, started_at=NOON)
    memory.keep_loose(line, 0, wire)
    (first,) = memory.lines
    memory.keep_loose(evolve(line, id=2), 0, wire)
    memory.forget_line(first)
    assert [each.connection_id for each in memory.lines] == [2]
    assert not first.is_current


def test_no_more_is_remembered_than_there_is_room_for(database: Database) -> None:
    server = Server(database, memory=Memory(1))
    with database.writing() as connection:
        server.add_account(connection, "an", "secret")
    for name in ("nora", "an", "stranger", "another"):
        guest = Guest(server, session=name, name=name, logs_in=name in ("nora", "an"))
        guest.says(server, "Start")
    assert {each.acct_session_id for each in server.committer.memory.lines} == {b"an", b"another"}


# Other writers


def cut(server: Server) -> None:
    with server.database.writing() as connection:
        (session_id,) = connection.execute(select(sessions.c.id).where(sessions.c.phase == "ACTIVE")).scalars()
        live.cut(connection, session_id, "no", server.at)


def block(server: Server) -> None:
    with server.database.writing() as connection:
        blocks.block_account(connection, "nora", server.at)


def extend(server: Server) -> None:
    with server.database.writing() as connection:
        (session_id,) = connection.execute(select(sessions.c.id).where(sessions.c.phase == "ACTIVE")).scalars()
        live.extend(connection, session_id, Seconds(600), Octets(0), server.at)


def stop_elsewhere(server: Server) -> None:
    other = Server(server.database, is_first=False)
    other.at = server.at
    guest = Guest(other, logs_in=False)
    assert guest.says(other, "Stop", 150, 60, Acct_Terminate_Cause=2)


def another_device(server: Server) -> None:
    other = Server(server.database, is_first=False)
    other.at = server.at
    Guest(other, TABLET, "t1")


CHANGES = [cut, block, extend, stop_elsewhere, another_device]


def after(server: Server, change: Any, kind: str, *, remembers: bool) -> list[dict[str, Any]]:
    """The rows when somebody else made this change between two packets."""
    if not remembers:
        server.committer.memory = Memory(0)
        server.restart()
    guest = Guest(server)
    guest.says(server, "Start")
    server.pass_time(60)
    guest.says(server, "Interim-Update", 100, 60)
    change(server)
    server.pass_time(60)
    assert guest.says(server, kind, 200, 120, Acct_Terminate_Cause=1)
    assert guest.says(server, "Interim-Update", 210, 120)
    assert is_sound(server)
    queries = [
        "SELECT state, started_at, last_at, closed_at, closing, terminate_cause, uploaded, seconds, acct_session_id "
        "FROM connections ORDER BY id",
        "SELECT phase, device, ended_at, end_reason, uploaded, seconds FROM sessions ORDER BY id",
        "SELECT extra_time, uploaded, seconds, held, is_open, wake_at FROM passes",
        "SELECT kind, outcome FROM commands ORDER BY id",
        "SELECT verdict, reason FROM decisions ORDER BY at, verdict, reason",
    ]
    with server.database.reading() as connection:
        return [dict(row) for each in queries for row in connection.execute(text(each)).mappings()]


@pytest.fixture
def rows_of_one_that_asks(tmp_path: Any, request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """What the store comes to by a server that remembers nothing."""
    change, kind = request.param
    database = Database(f"sqlite:///{tmp_path / 'asks.sqlite'}")
    database.migrate()
    try:
        return after(Server(database), change, kind, remembers=False)
    finally:
        database.close()


CASES = [(change, kind) for change in CHANGES for kind in ("Start", "Interim-Update", "Stop")]


@pytest.mark.parametrize(
    ("rows_of_one_that_asks", "case"),
    [pytest.param(each, each, id=f"{each[0].__name__}-{each[1]}") for each in CASES],
    indirect=["rows_of_one_that_asks"],
)
def test_what_another_writer_changed_is_seen_by_the_next_packet(
    server: Server, rows_of_one_that_asks: list[dict[str, Any]], case: tuple[Any, str]
) -> None:
    change, kind = case
    rows = after(server, change, kind, remembers=True)
    assert rows == rows_of_one_that_asks
    if change is not extend:
        assert server.committer.conflicts == 1


def test_data_that_two_devices_use_at_two_workers_is_not_used_twice(server: Server, other: Server) -> None:
    with server.database.writing() as connection:
        packages.add(connection, Package(name="shared", data=Octets(1000), devices=2), NOON)
        server.add_account(connection, "an", "secret", "shared")
    here, there = Guest(server, name="an"), Guest(other, TABLET, "t1", name="an")
    for number in range(1, 5):
        server.pass_time(60)
        other.pass_time(60)
        assert here.says(server, "Interim-Update", 150 * number, 60 * number)
        assert there.says(other, "Interim-Update", 150 * number, 60 * number)
    with server.database.reading() as connection:
        ended = connection.execute(select(sessions.c.end_reason).where(sessions.c.device.is_not(None))).scalars().all()
    assert set(ended) == {"DATA_LIMIT"}
    assert {each.state for each in lines(server)} == {"CUTTING"}


class Looks(Job):
    """Has a look at all that is remembered of a connection, and changes nothing."""

    is_ordinary: ClassVar[bool] = True

    def __init__(self, known: Known) -> None:
        self.known = known

    def recall(self, memory: Memory) -> Kept | Known | None:
        return self.known.kept

    def run(self, work: Work) -> None:
        work.prepare([self])


def test_what_was_counted_is_written_when_the_pass_is_only_looked_at(server: Server, guest: Guest) -> None:
    server.pass_time(60)
    (known,) = server.committer.memory.lines
    server.held_back = []
    guest.says(server, "Interim-Update", 100, 60)
    server.submit(Looks(known), lambda _: None)
    server.let_go()
    assert lines(server)[0].uploaded == 100
    guest.says(server, "Interim-Update", 200, 60)
    assert lines(server)[0].uploaded == 200
    assert server.committer.conflicts == 0
