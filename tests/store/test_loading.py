"""What a packet costs the store: statements that do not grow in number with the batch, and none that looks at every
row of a table."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Index
from sqlalchemy.sql import visitors

from policy.connection import Closing
from policy.cut import BY_CLOSING
from policy.quantities import Instant
from radiusd.jobs.changes import ChangeAnsweredJob
from radiusd.jobs.cuts import CutDecidedJob, FindSuccessorJob, FoundGoneJob, HurryJob, TakeUpJob
from radiusd.jobs.pruning import PruneJob
from radiusd.jobs.routers import RebootJob
from radiusd.jobs.ticks import TickJob
from radiusd.store import live, outbox, revisions
from radiusd.store.database import Database
from radiusd.store.reasons import find_subject, look_into
from radiusd.store.schema import connections, passes, sessions
from radiusd.store.session_list import Wanted, list_sessions
from radiusd.store.writer import Job
from tests.server.given import NOON, PHONE, TABLET, Server, a_login, a_report
from tests.store.statements import statements

BATCHES = (1, 10, 100)
REPORTS = ("Start", "Interim-Update", "Stop")


# How many statements


@pytest.fixture
def crowded(server: Server) -> Server:
    """A café with guests g0 to g110, whose router is known to sign."""
    with server.database.writing() as connection:
        for number in range(sum(BATCHES)):
            server.add_account(connection, f"g{number}", "secret")
    server.log_in()
    return server


def costs(server: Server, packet: Callable[[int], Any]) -> list[int]:
    """How many statements a batch of 1, of 10 and of 100 of these packets takes."""
    guests = iter(range(sum(BATCHES)))
    found: list[int] = []
    for size in BATCHES:
        server.held_back = []
        for _ in range(size):
            server.ask(packet(next(guests)).RequestPacket())
        with statements(server.database) as heard:
            server.let_go()
        assert server.failures == []
        # Ids are taken a hundred at a time.
        found.append(len([each for each, _ in heard if "identifiers" not in each]))
    return found


def test_a_batch_of_any_size_takes_the_same_statements(crowded: Server) -> None:
    cost = {"Access-Request": costs(crowded, lambda n: a_login(f"g{n}", mac=mac(n), Acct_Session_Id=f"{n:x}"))}
    for kind in REPORTS:
        crowded.pass_time(60)
        cost[kind] = costs(
            crowded, lambda n, kind=kind: a_report(kind, User_Name=f"g{n}", Acct_Session_Id=f"{n:x}", **usage(kind))
        )
    assert {name: len(set(each)) for name, each in cost.items()} == dict.fromkeys(cost, 1), cost
    assert cost["Interim-Update"][0] <= 12


def mac(number: int) -> str:
    return f"AA:BB:CC:00:01:{number:02X}"


def usage(kind: str) -> dict[str, int]:
    return {} if kind == "Start" else {"Acct_Session_Time": 60, "Acct_Input_Octets": 5000}


# How they look for rows


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Server]:
    """A café in SQLite, whichever store is under test: it tells how it would look."""
    database = Database(f"sqlite:///{tmp_path / 'icafe.sqlite'}")
    database.migrate()
    yield Server(database)
    database.close()


def commit(server: Server, job: Job) -> Any:
    results: list[Any] = []
    server.submit(job, results.append)
    return results[0]


def log_in_by_name_and_by_mac(server: Server) -> None:
    server.log_in()
    server.log_in("AA-BB-CC-00-00-01", "")
    server.log_in("nobody", "")


def report(server: Server) -> None:
    for number, kind in enumerate(REPORTS):
        server.pass_time(60)
        server.report(kind, Acct_Session_Id="80100001", Calling_Station_Id=PHONE, Acct_Session_Time=60 * number)
    server.report("Interim-Update", Acct_Session_Id="99", Acct_Session_Time=60)


def switch_devices(server: Server) -> None:
    server.log_in()
    server.log_in(mac=TABLET)
    (command,) = server.cuts
    taken = commit(server, TakeUpJob((command.id,), later(server, 10)))  # type: ignore[union-attr]
    commit(server, HurryJob(1, server.at))
    commit(server, FindSuccessorJob(taken[0].connection))
    connection_id = taken[0].connection.id
    cafes = server.known.directory.cafes
    commit(
        server,
        CutDecidedJob(
            at=server.at,
            command_id=taken[0].id,
            connection_id=connection_id,
            verdict=BY_CLOSING[Closing.ABSENT],
            longest_pause=60_000,
            cafes=cafes,
        ),
    )
    commit(server, FoundGoneJob(at=server.at, connection_ids=(2,), cafes=cafes))


def change_what_is_running(server: Server) -> None:
    server.log_in()
    with server.database.writing() as connection:
        live.extend(connection, 1, 60, 0, server.at)  # type: ignore[arg-type]
    (command,) = commit(server, TakeUpJob((1,), later(server, 10)))
    commit(
        server,
        ChangeAnsweredJob(
            at=server.at, command_id=command.id, connection=command.connection, outcome=None, evidence="silent"
        ),
    )


def let_time_pass(server: Server) -> None:
    server.log_in()
    at = later(server, 4000)
    with server.database.reading() as connection:
        seen = outbox.look(connection, server.vault, revisions.current(connection), at)
    assert seen.waking
    commit(server, TickJob(at, seen.waking, server.known.directory.cafes))
    commit(server, PruneJob(at))


def reboot(server: Server) -> None:
    server.log_in()
    (router,) = server.known.directory.routers.values()
    commit(server, RebootJob(at=server.at, router=router, cafe=server.known.cafe(router), nas="r1", how="?", boot="2"))


def later(server: Server, seconds: int) -> Instant:
    return Instant(server.at + seconds * 1000)


def plans(server: Server, heard: list[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each of these statements, with each step of how it finds its rows."""
    with server.database.reading() as connection:
        for statement, parameters in heard:
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                yield statement, row.detail


@pytest.mark.parametrize(
    "happens",
    [log_in_by_name_and_by_mac, report, switch_devices, change_what_is_running, let_time_pass, reboot],
    ids=lambda each: each.__name__,
)
def test_no_statement_looks_at_every_row(on_sqlite: Server, happens: Callable[[Server], None]) -> None:
    with statements(on_sqlite.database) as heard:
        happens(on_sqlite)
    assert on_sqlite.failures == []
    looking = [each for each in heard if each[0].startswith(("SELECT", "UPDATE", "DELETE"))]
    scans = {
        scanned: statement
        for statement, step in plans(on_sqlite, looking)
        for scanned in re.findall(r"^SCAN (\w+)", step)
    }
    # Lists that were bound, rows that were (one alone is no table), and a table of one row.
    # What was given with the statement, and what it has found already.
    told = {"json_each", "given", "CONSTANT", "found", "revisions"}
    assert {name: scans[name] for name in scans.keys() - told} == {}


LISTS: dict[str, tuple[str, Callable[[Connection], object]]] = {
    "online": ("ix_sessions_active", lambda store: list_sessions(store, Wanted(phase="ACTIVE"), 20, NOON)),
    "of a device": ("ix_sessions_device", lambda store: list_sessions(store, Wanted(device=PHONE), 20, NOON)),
    "why an account": ("ix_sessions_pass_id_ended_at", lambda store: why(store, "nora")),
    "why a device": ("ix_decisions_device", lambda store: why(store, PHONE)),
    "why a name": ("ix_decisions_name", lambda store: why(store, "nobody")),
}


def why(store: Connection, about: str) -> None:
    look_into(store, find_subject(store, about), 5, NOON)


@pytest.mark.parametrize(("index", "asks"), LISTS.values(), ids=LISTS)
def test_no_list_looks_at_every_session_or_decision(
    on_sqlite: Server, index: str, asks: Callable[[Connection], object]
) -> None:
    on_sqlite.log_in()
    on_sqlite.log_in("nobody", "")
    with on_sqlite.database.reading() as connection, statements(on_sqlite.database) as heard:
        asks(connection)
    steps = [step for _, step in plans(on_sqlite, heard)]
    assert any(f" INDEX {index}" in each for each in steps)
    whole = [each for each in steps if re.match(r"SCAN (sessions|decisions)\b", each) and " INDEX " not in each]
    assert whole == []


def test_a_scan_is_seen(on_sqlite: Server) -> None:
    with on_sqlite.database.reading() as connection:
        plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT id FROM sessions WHERE slot = 1").one()
    assert re.match(r"^SCAN sessions", plan.detail)


# What they write


def had_to_do_with(index: Index) -> set[str]:
    """The columns it is of, and those by which it chooses rows."""
    chooses = index.dialect_options["sqlite"]["where"]
    parts = [] if chooses is None else visitors.iterate(chooses)
    return {each.name for each in index.columns} | {each.name for each in parts if isinstance(each, Column)}


INDEXED = {
    table.name: set().union(*(had_to_do_with(each) for each in table.indexes))
    for table in (connections, passes, sessions)
}


def written(heard: list[tuple[str, Any]]) -> dict[str, set[str]]:
    """The columns that were rewritten, by table."""
    found: dict[str, set[str]] = {}
    for statement, _ in heard:
        update = re.match(r"UPDATE OR FAIL (\w+) AS t SET (.*?) FROM ", statement)
        if update is not None:
            found.setdefault(update[1], set()).update(re.findall(r"(\w+) = ", update[2]))
    return found


def test_no_index_is_renewed_for_what_stays_the_same(on_sqlite: Server) -> None:
    steps: dict[str, Callable[[], object]] = {"login": on_sqlite.log_in}
    for kind in REPORTS:
        said = {**usage(kind), "Acct_Session_Id": "80100001", "Calling_Station_Id": PHONE}
        said |= {"Acct_Terminate_Cause": 1} if kind == "Stop" else {}
        steps[kind] = partial(on_sqlite.report, kind, **said)
    renewed: dict[str, dict[str, set[str]]] = {}
    for name, step in steps.items():
        on_sqlite.pass_time(60)
        with statements(on_sqlite.database) as heard:
            step()
        found = written(heard)
        renewed[name] = {table: columns & INDEXED[table] for table, columns in found.items()}
    assert renewed == {
        "login": {"passes": {"wake_at"}, "sessions": {"phase", "device", "slot"}},
        "Start": {"connections": {"key"}},
        "Interim-Update": {"connections": set()},
        "Stop": {"connections": {"state"}, "passes": {"wake_at"}, "sessions": {"phase", "slot", "ended_at"}},
    }
