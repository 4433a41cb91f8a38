"""All orderings of six accounting events, under eight faults, through the real store: no total is ever bent."""

from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest
from attrs import evolve, frozen
from sqlalchemy import Connection, select

from policy.admission import Accepted
from policy.connection import AccountingReport, AccountingStart, AccountingStop, InterimUpdate
from policy.package import Package
from policy.quantities import Instant, Octets, Seconds
from policy.usage import Report
from radiusd.handlers.classes import ClassKey
from radiusd.handlers.translate import Line, Pap
from radiusd.jobs.access import AccessJob
from radiusd.jobs.accounting import AccountingJob
from radiusd.jobs.routers import RebootJob
from radiusd.store import accounts, branches, directory, routers, sales
from radiusd.store.database import Database
from radiusd.store.directory import Cafe, Router
from radiusd.store.invariants import check
from radiusd.store.schema import connections, passes, sessions
from radiusd.store.writer import Committer, Failed, Job
from radiusd.vault import Vault

NOON = Instant(1_795_262_400_000)
GIB = 1 << 30
ORDERINGS = list(permutations(range(6)))


@frozen
class Evening:
    """Six events of one connection, by what the NAS sent at which minute; `truth` is what was used in the end."""

    events: tuple[AccountingReport, ...]
    truth: int
    repeats: int = 1
    reboots_after: int | None = None
    has_class: bool = True


def at(minute: float) -> Instant:
    return Instant(NOON + int(minute * 60_000))


def counted(minute: int, octets: int, *, gigawords: bool = True) -> Report:
    """Counters as a NAS sends them, all of it downloaded; without Gigawords only the low 32 bits are known."""
    low = octets if gigawords else octets % (1 << 32)
    return Report(Octets(0), Octets(low), Seconds(minute * 60), is_exact=gigawords)


def evening(
    octets: Sequence[int], stop: Report | None = None, *, gigawords: bool = True
) -> tuple[AccountingReport, ...]:
    """Start, four interims two minutes apart, Stop."""
    start = AccountingStart(at=at(0), is_dated=True)
    interims = (
        InterimUpdate(at=at(2 * i), report=counted(2 * i, used, gigawords=gigawords))
        for i, used in enumerate(octets[:4], 1)
    )
    last = stop if stop is not None else counted(10, octets[4], gigawords=gigawords)
    return (start, *interims, AccountingStop(at=at(10), report=last, cause=2))


STEADY = [100, 200, 300, 400, 500]
GROWING = [GIB, 2 * GIB, 3 * GIB, 5 * GIB - 7, 6 * GIB]  # past 32 bits between the third and the fourth

FAULTS = {
    "none": Evening(evening(STEADY), 500),
    "wrapped counters": Evening(evening(GROWING), 6 * GIB),
    "Gigawords missing": Evening(evening([g + 5 for g in GROWING], gigawords=False), 6 * GIB + 5),
    "Gigawords missing in the Stop": Evening(evening(GROWING, counted(10, 6 * GIB + 5, gigawords=False)), 6 * GIB + 5),
    "Stop without counters": Evening(evening(STEADY, Report()), 400),
    "Stop all zero": Evening(evening(STEADY, counted(10, 0)), 400),
    "counters reset without Stop": Evening(evening([100, 200, 5, 10, 15]), 200),
    "reboot without notice": Evening(evening(STEADY), 500, reboots_after=3),
    "every packet twice": Evening(evening(STEADY), 500, repeats=2),
    "no Class comes back": Evening(evening(STEADY), 500, has_class=False),
}


@pytest.fixture
def store(database_url: str) -> Iterator["Store"]:
    database = Database(database_url)
    database.migrate()
    yield Store(database)
    database.close()


class Store:
    """A café with as many guests as there are orderings, each logged in at noon."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.vault = Vault(bytes(32))
        self.committer = Committer(database)
        with database.writing() as connection:
            self.cafe, self.router = _cafe(connection, self.vault)
            cafe = branches.cafe(connection, self.cafe.id)
            for number in range(len(ORDERINGS)):
                accounts.add(connection, self.vault, f"guest{number}", "p", cafe, NOON)
            buyers = [
                accounts.buyer(connection, accounts.find(connection, f"guest{n}"), NOON) for n in range(len(ORDERINGS))
            ]
            sales.sell(connection, buyers, Package(name="day", time=Seconds(86_400)), NOON)

    def commit(self, jobs: Sequence[Job]) -> list[object]:
        results, _ = self.committer.commit(jobs)
        failures = [each for each in results if isinstance(each, Failed)]
        assert not failures, failures[0]
        return results

    def log_in(self) -> list[ClassKey]:
        jobs = [
            AccessJob(
                at=NOON,
                came_at=NOON,
                line=line(number),
                credentials=Pap(b"p"),
                router=self.router,
                cafe=self.cafe,
                source="127.0.0.1",
                vault=self.vault,
            )
            for number in range(len(ORDERINGS))
        ]
        accepted = [each for each in self.commit(jobs) if isinstance(each, Accepted)]
        return [ClassKey(each.session_id, each.connection_id) for each in accepted]


def _cafe(connection: Connection, vault: Vault) -> tuple[Cafe, Router]:
    branch_id = branches.add(
        connection, "q1", NOON, password_store="recoverable", interim=120, idle_timeout=300, timezone="UTC"
    )
    settings = {
        "branch_id": branch_id,
        "network": "127.0.0.1/32",
        "kind": "mikrotik",
        "coa_port": 3799,
        "require_message_authenticator": "learn",
        "mac_password": "empty",
    }
    routers.add(connection, vault, "r1", NOON, {**settings, **routers.sealed(vault, secret="s")})
    known = directory.load(connection, vault)
    return next(iter(known.cafes.values())), next(iter(known.routers.values()))


def line(number: int) -> Line:
    return Line(
        user_name=f"guest{number}",
        device=f"AA:BB:CC:00:{number >> 8:02X}:{number & 255:02X}",
        nas="cafe",
        acct_session_id=f"801{number:05x}",
        framed_ip_address="10.0.0.1",
        boot="1",
    )


def deliver(store: Store, night: Evening) -> None:
    """Send every guest's six packets in that guest's own order, all within a minute after the evening."""
    named = store.log_in()
    for step in range(6):
        arrival = at(10 + step / 10)
        jobs: list[Job] = []
        for number, ordering in enumerate(ORDERINGS):
            event = night.events[ordering[step]]
            about = line(number)
            event = evolve(event, acct_session_id=about.acct_session_id, boot="1")
            key = named[number] if night.has_class else None
            jobs += [
                AccountingJob(
                    received_at=event.at, line=about, event=event, named=key, router=store.router, cafe=store.cafe
                )
            ] * night.repeats
        store.commit(jobs)
        if night.reboots_after == step:
            store.commit(
                [RebootJob(at=arrival, router=store.router, cafe=store.cafe, nas="cafe", how="test", boot="2")]
            )


@pytest.mark.parametrize("fault", FAULTS)
def test_no_order_of_six_events_bends_the_ledger(store: Store, fault: str) -> None:
    night = FAULTS[fault]
    deliver(store, night)
    with store.database.reading() as connection:
        assert [str(each) for each in check(connection)] == []
        used = set(connection.execute(select(passes.c.uploaded, passes.c.downloaded)).all())
        lines = connection.execute(select(connections.c.state, connections.c.closing)).all()
        assert len(lines) == len(ORDERINGS), "a packet opened a line of its own"
        assert {each.state for each in lines} == {"CLOSED"}
        phases = set(connection.execute(select(sessions.c.phase, sessions.c.end_reason)).all())
    assert used == {(0, night.truth)}
    expected = {("ACTIVE", None), ("TERMINATED", "NAS_REBOOT")} if night.reboots_after else {("ACTIVE", None)}
    assert phases <= expected
