"""R1: kill -9 under load, at any moment and just around a commit; what was acknowledged is there, once."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from attrs import field, frozen

from radiusd.bench.errors import BenchError
from radiusd.faults import comparing, ledger, told, towns
from radiusd.faults.breaking import POINTS, Point
from radiusd.faults.evening import Evening, Rates
from radiusd.faults.nodes import Node, drained
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report, at_least, at_most
from radiusd.store.database import Database

FIRST_ANSWER = 3.0
_LONGEST_DELAY = 0.02
_RETIRE = 0.3


@frozen(kw_only=True)
class Plan:
    """How many kills, how long each life may last (seconds), and at what load."""

    kills: int = 30
    shortest: float = 0.3
    longest: float = 1.2
    guests: int = 3000
    online: int = 300
    rates: Rates = field(factory=Rates)


class _Life:
    """When the server that was launched last gave its first answer."""

    def __init__(self) -> None:
        self._launched = 0.0
        self._answered = asyncio.Event()
        self.took: list[float] = []

    def begin(self) -> None:
        self._launched = time.monotonic()
        self._answered.clear()

    def answered(self) -> None:
        if not self._answered.is_set():
            self._answered.set()
            self.took.append(time.monotonic() - self._launched)

    async def until_answered(self, node: Node) -> bool:
        """Whether it answered; not if it died, as it was told to, before anybody asked."""
        until = time.monotonic() + 20
        while not self._answered.is_set():
            if not node.is_running:
                return False
            if time.monotonic() > until:
                raise BenchError("the server gave no answer within 20 s of its start")
            await asyncio.sleep(0.005)
        return True


async def run(stage: Stage, plan: Plan) -> Report:
    """Kill, start, and compare at the end."""
    random = Random(stage.seed)  # noqa: S311 - the same moments again
    with stage.town(plan.guests) as (town, url, folder):
        database = Database(url)
        diary_path = folder / "diary"
        diary = told.Diary(diary_path)
        node = Node(folder, url, switches=stage.switches)
        life = _Life()
        evening = _evening(town, diary, plan, random, node, life)
        with node:
            try:
                _put_on(database, town, diary)
                await evening.open()
                await _begin(node, life, evening, plan)
                await _lives(stage, plan, random, node, life, evening)
                is_settled = await _end(node, life, evening)
            finally:
                await evening.close()
                node.kill()
                diary.close()
        return _report(database, diary_path, evening, life, plan, is_settled=is_settled)


def _evening(town: Any, diary: told.Diary, plan: Plan, random: Random, node: Node, life: _Life) -> Evening:
    return Evening(
        town=town,
        diary=diary,
        rates=plan.rates,
        random=random,
        auth=[("127.0.0.1", node.auth)],
        acct=[("127.0.0.1", node.acct)],
        web=[node.web],
        answered_at=life.answered,
    )


def _put_on(database: Database, town: Any, diary: told.Diary) -> None:
    diary.asked("top-up", key="first", amount=towns.MONEY)
    towns.put_on(database, town, towns.MONEY, "first")
    diary.put_down("top-up", key="first", amount=towns.MONEY)


async def _begin(node: Node, life: _Life, evening: Evening, plan: Plan) -> None:
    """A first life in peace, in which guests come online."""
    life.begin()
    node.launch()
    _, has_lived = await asyncio.gather(evening.fill(plan.online, 20), life.until_answered(node))
    _must(node, has_lived=has_lived)
    node.kill()


def _must(node: Node, *, has_lived: bool) -> None:
    if not has_lived:
        raise BenchError(f"the server ended by itself: {node.last_words()}")


async def _lives(stage: Stage, plan: Plan, random: Random, node: Node, life: _Life, evening: Evening) -> None:
    going_on = asyncio.create_task(evening.go_on())
    try:
        for number in range(plan.kills):
            lasts = random.uniform(plan.shortest, plan.longest)
            point = _point(random, number)
            life.begin()
            node.launch(point)
            has_lived = await life.until_answered(node)
            refilling = asyncio.create_task(evening.fill(plan.online, lasts))
            if point is None:
                _must(node, has_lived=has_lived)
                await asyncio.sleep(lasts)
            else:
                await node.has_died(lasts + 2)
            refilling.cancel()
            node.kill()
            evening.retire(_RETIRE)
            stage.progress(number + 1, plan.kills)
    finally:
        going_on.cancel()


def _point(random: Random, number: int) -> Point | None:
    """Every third kill comes at any moment, the others just after a named point is reached."""
    if number % 3 == 0:
        return None
    delay = random.choice((0.0, random.uniform(0, _LONGEST_DELAY)))
    # The time counts from the start of the process, and it takes a second until it serves.
    return Point(POINTS[number % 3 - 1], random.uniform(1.2, 2.2), delay)


async def _end(node: Node, life: _Life, evening: Evening) -> bool:
    """A last life, in which everything that is still asked is answered."""
    life.begin()
    node.launch()
    # Perhaps nothing is asked any more.
    await node.is_up()
    is_settled = await evening.settle(30)
    await drained(node.folder)
    await asyncio.sleep(0.5)
    await node.stop()
    return is_settled


def _report(database: Database, diary: Path, evening: Evening, life: _Life, plan: Plan, *, is_settled: bool) -> Report:
    with database.reading() as connection:
        stored = comparing.read(connection)
    database.close()
    promised = ledger.replay(told.read(diary))
    found = comparing.compare(promised, stored)
    kinds = Counter(each.kind for each in found)
    return Report(
        figures=[
            at_least("kills", plan.kills, plan.kills),
            at_least("answers written down", evening.answered, plan.kills),
            # What was lost may show as something else: a line that was begun anew counts fewer seconds.
            at_most("acknowledged, and lost or wrong", kinds[comparing.LOST] + kinds[comparing.WRONG], 0),
            at_most("doubled", kinds[comparing.DOUBLED], 0),
            at_most("invariants broken", kinds[comparing.INVARIANT], 0),
            at_most("longest until the first answer", max(life.took), FIRST_ANSWER, "s"),
            at_most("unanswered at the end", 0 if is_settled else 1, 0),
        ],
        complaints=[f"{each.kind}: {each.text}" for each in found],
    )
