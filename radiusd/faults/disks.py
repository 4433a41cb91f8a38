"""R26: while the database hangs, the disk under the spool is full, read-only or slow, or flips a bit."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from attrs import define, frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.stores import PostgresStore
from radiusd.faults import comparing, ledger, towns
from radiusd.faults.breaking import FULL, READ_ONLY, SLOW, WELL
from radiusd.faults.crowd import Crowd
from radiusd.faults.nodes import Node, drained
from radiusd.faults.own_postgres import OwnPostgres
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Figure, Report, at_least, at_most
from radiusd.store.database import Database

FLIPPED = "flipped"
_SLOWEST = 1900
"""Milliseconds that an answer takes at least, when its fsync takes 2 s."""
_NOTICED = 1.5
"""Seconds after which a database that hangs is taken to be away."""


@frozen(kw_only=True)
class Plan:
    """Which ills, and for how long each."""

    ills: Sequence[str] = (FULL, READ_ONLY, SLOW, FLIPPED)
    times: int = 1
    seconds: float = 3
    online: int = 200
    reports: float = 200


@define(eq=False)
class _Scene:
    postgres: OwnPostgres
    node: Node
    crowd: Crowd
    folder: Path
    disk: Path
    plan: Plan

    async def report_for(self, seconds: float) -> None:
        """Reports, and what comes of them is counted from now on."""
        self.crowd.begin_counting()
        going_on = asyncio.create_task(self.crowd.go_on(0, 0, self.plan.reports))
        await asyncio.sleep(seconds)
        going_on.cancel()

    @contextmanager
    def database_away(self) -> Iterator[None]:
        self.postgres.hang()
        try:
            yield
        finally:
            self.disk.write_text(WELL)
            self.postgres.go_on()

    async def unwritable(self, ill: str) -> list[Figure]:
        """Nothing may be acknowledged, and it must be told; when the disk is well again, all is."""
        with self.database_away():
            await self.report_for(_NOTICED)
            self.disk.write_text(ill)
            # What was being written just then may still be acknowledged.
            await asyncio.sleep(0.3)
            lines = len(self.node.lines("spool"))
            await self.report_for(self.plan.seconds)
            acknowledged = self.crowd.reports.answered
            told = len(self.node.lines("spool")) - lines
            self.disk.write_text(WELL)
            await self.report_for(self.plan.seconds)
            after = self.crowd.reports.answered
        await self.recover()
        return [
            at_most(f"{ill}: acknowledged meanwhile", acknowledged, 0),
            at_least(f"{ill}: log lines that tell of it", told, 1),
            at_least(f"{ill}: acknowledged when it is well again", after, 1),
        ]

    async def slow(self) -> list[Figure]:
        """Answers wait for the fsync."""
        with self.database_away():
            await self.report_for(_NOTICED)
            self.disk.write_text(SLOW)
            await self.crowd.settle(3)
            await self.report_for(self.plan.seconds + 4)
            took = self.crowd.reports.took
        await self.recover()
        return [
            at_least("slow: acknowledged meanwhile", len(took), 1),
            at_least("slow: the quickest acknowledgement", round(min(took, default=0.0)), _SLOWEST, "ms"),
        ]

    async def flipped(self) -> list[Figure]:
        """A server is killed with a full spool, and on its disk a bit flips."""
        with self.database_away():
            await self.report_for(_NOTICED + self.plan.seconds)
            acknowledged = self.crowd.reports.answered
            self.node.kill()
            flip(_largest(self.folder))
        self.node.launch()
        await self.node.is_up()
        await self.recover()
        aside = list((self.folder / "spool").glob("**/*.damaged"))
        return [
            at_least("flipped: acknowledged meanwhile", acknowledged, 10),
            at_least("flipped: records set aside", len(aside), 1),
            at_least("flipped: log lines that tell of it", len(self.node.lines("set aside")), 1),
        ]

    async def recover(self) -> None:
        """All that waits is answered, and the spool is replayed."""
        await self.crowd.settle(20)
        await drained(self.folder)
        await asyncio.sleep(0.5)


def _largest(folder: Path) -> Path:
    """The segment with most in it."""
    found = sorted((folder / "spool").glob("*/*.spool"), key=lambda each: each.stat().st_size)
    if not found:
        raise BenchError("nothing was put into the spool")
    return found[-1]


def flip(path: Path) -> None:
    """One bit in the middle of a file."""
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 0x10
    path.write_bytes(octets)


async def run(stage: Stage, plan: Plan) -> Report:
    """Each ill in turn, and then what is in the store."""
    with stage.places.folder() as folder, OwnPostgres() as postgres, PostgresStore(postgres.url, None) as store:
        town = towns.make(store, folder, plan.online, lambda _: None)
        with Node(folder, store.url, switches=stage.switches) as node:
            disk = node.disk = folder / "disk"
            disk.write_text(WELL)
            node.launch()
            await node.is_up()
            addresses = [(("127.0.0.1", node.auth), ("127.0.0.1", node.acct))]
            crowd = Crowd(town, addresses, Random(stage.seed))  # noqa: S311 - nothing secret
            await crowd.open()
            scene = _Scene(postgres, node, crowd, folder, disk, plan)
            try:
                await crowd.come(plan.online)
                figures = await _ills(stage, plan, scene)
                is_settled = await crowd.settle(30)
            finally:
                await crowd.close()
                postgres.go_on()
                await node.stop()
            return _judged(store.url, crowd, plan, figures, is_settled=is_settled)


async def _ills(stage: Stage, plan: Plan, scene: _Scene) -> list[Figure]:
    figures: list[Figure] = []
    wanted = [ill for _ in range(plan.times) for ill in plan.ills]
    for number, ill in enumerate(wanted):
        if ill == SLOW:
            figures += await scene.slow()
        elif ill == FLIPPED:
            figures += await scene.flipped()
        else:
            figures += await scene.unwritable(ill)
        stage.progress(number + 1, len(wanted))
    return figures


def _judged(url: str, crowd: Crowd, plan: Plan, figures: list[Figure], *, is_settled: bool) -> Report:
    database = Database(url)
    with database.reading() as connection:
        stored = comparing.read(connection)
    database.close()
    found = comparing.compare(ledger.replay(crowd.entries), stored)
    lost = [each for each in found if each.kind == comparing.LOST]
    damaged = plan.times * list(plan.ills).count(FLIPPED)
    return Report(
        figures=[
            *figures,
            at_most("acknowledged and lost, but for damaged records", max(0, len(lost) - damaged), 0),
            at_most("doubled or wrong", len(found) - len(lost) - len(stored.violations), 0),
            at_most("invariants broken", len(stored.violations), 0),
            at_most("unanswered at the end", 0 if is_settled else 1, 0),
        ],
        complaints=[
            f"{each.kind}: {each.text}" for each in found if each.kind != comparing.LOST or len(lost) > damaged
        ],
    )
