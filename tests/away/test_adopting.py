"""What a process left behind that died is replayed by one that lives, and removed."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from radiusd.away.adopting import EVERY, Adopting
from radiusd.away.replaying import Replaying, Source
from radiusd.away.reviving import Reviving
from tests.away.given import AwayServer
from tests.spool.given import NOON, Told, crash, made

SESSION = "80100001"


@pytest.fixture
def adopting(server: AwayServer) -> Adopting:
    def replaying(source: Source) -> Replaying:
        reviving = Reviving(server.make_accounting, lambda: server.known.directory.routers)
        return Replaying(source, reviving, server.gate, server.clock, lambda: server.at, server.counters)

    keeper: Any = server.spool
    return Adopting(server.root, keeper, replaying, Told())


def orphan(server: AwayServer, count: int) -> None:
    """Another process kept records and died."""
    accept = server.log_in(Acct_Session_Id=SESSION)
    server.store.refuse()
    server.report("Start", Acct_Session_Id=SESSION, Class=accept["Class"][0])
    for n in range(1, count):
        server.report("Interim-Update", Acct_Session_Id=SESSION, Acct_Input_Octets=n * 1_000)
    crash(server.spool.journal_itself)
    server.restart()


def folders(root: Path) -> int:
    return len(list(root.iterdir()))


def test_an_orphan_is_replayed_and_removed(server: AwayServer, adopting: Adopting) -> None:
    orphan(server, 5)
    adopting.start(server.clock)
    server.pass_time(1)
    with server.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT uploaded FROM connections").scalars().all() == [4_000]
    assert adopting.journals == []
    assert folders(server.root) == 1  # its own


def test_one_that_appears_later_is_found_by_and_by(server: AwayServer, adopting: Adopting) -> None:
    adopting.start(server.clock)
    orphan_of_another = made(server.root)
    orphan_of_another.append([b"\x07what nobody understands"], NOON)
    crash(orphan_of_another)
    server.pass_time(EVERY + 1)
    assert server.counters.counts["spool_set_aside"] == 1
    assert len(list(server.root.glob("*.damaged"))) == 1


def test_while_the_store_is_away_it_waits(server: AwayServer, adopting: Adopting) -> None:
    orphan(server, 5)
    server.store.refuse()
    server.report("Start", Acct_Session_Id="80100009")
    adopting.start(server.clock)
    server.pass_time(1)
    assert [each.waiting for each in adopting.journals] == [5]
    server.store.be_well()
    server.pass_time(1)
    assert adopting.journals == []


def test_stopped_it_looks_no_more(server: AwayServer, adopting: Adopting) -> None:
    clock = Clock()
    adopting.start(clock)
    adopting.stop()
    assert clock.getDelayedCalls() == []
