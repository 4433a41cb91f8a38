"""R3: the database hangs, is killed, and hangs again and again.

What is acknowledged is kept, and those who were let in are let in again.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field, frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import resident
from radiusd.bench.stores import PostgresStore
from radiusd.faults import comparing, ledger, towns
from radiusd.faults.asking import line_of, login
from radiusd.faults.crowd import Crowd, Tally
from radiusd.faults.nodes import Node, drained
from radiusd.faults.own_postgres import OwnPostgres
from radiusd.faults.posting import Poster
from radiusd.faults.stage import Stage
from radiusd.faults.towns import MONEY, Town
from radiusd.faults.verdicts import Figure, Report, at_least, at_most
from radiusd.store.database import Database
from radiusd.wire.codes import Code

HUNG, KILLED, BRIEFLY = "hung", "killed", "hung briefly"
_PATIENCE = "patience = 1000\n"
_HANGS_FOR, _ANSWERS_FOR = 1.5, 0.5
"""Seconds, if briefly: what was given up, and begun again, is still under way there when it goes on."""
_LET_IN, _P99, _DRAINED, _MEMORY = 99.9, 800, 60, 100
_NEVER_SEEN = 50


@frozen(kw_only=True)
class Plan:
    """Seconds of an outage, and requests a second meanwhile."""

    kinds: tuple[str, ...] = (HUNG, KILLED, BRIEFLY)
    seconds: float = 15
    times: int = 1
    logins: float = 500
    reports: float = 500
    online: int = 400


@define
class _Granted:
    """What was granted meanwhile, and must not have been."""

    tokens: int = 0
    strangers: int = 0
    asked: int = 0


@define(eq=False)
class _Scene:
    postgres: OwnPostgres
    node: Node
    town: Town
    crowd: Crowd
    poster: Poster
    otts: list[tuple[str, int]] = field(factory=list)
    granted: _Granted = field(factory=_Granted)
    _stranger: int = 0

    async def take_tokens(self, count: int) -> None:
        """Of a launcher, while all is well."""
        status, body = await self.poster.ask(self.town.start("PC-1"))
        if status != 200:
            raise BenchError("a launcher was not let in")
        token = json.loads(body)["data"]["session_token"]
        for number in range(count):
            status, body = await self.poster.ask(self.town.wish(token, number))
            if status == 200:
                self.otts.append((json.loads(body)["data"]["ott"], number))

    async def ask_for_what_must_not_be(self, until: float) -> None:
        """Verify tokens, and come as guests nobody has seen."""
        while time.monotonic() < until:
            if self.otts:
                await self._verify(*self.otts.pop())
            guest = self.town.guests - 1 - self._stranger % _NEVER_SEEN
            self._stranger += 1
            router = self.crowd.routers[self.town.router_of(guest)]
            line = line_of(self.town, guest)
            # It may be let in once the database is back.
            self.crowd.entries.append({"which": "asked", "kind": "login", "line": line.acct_session_id})
            make = login(self.town, guest, line)
            reply = await router.ask(make, [("127.0.0.1", self.node.auth)], [0.3])
            self.granted.strangers += reply is not None and reply.code == Code.ACCESS_ACCEPT
            self.granted.asked += 2
            await asyncio.sleep(0.2)

    async def _verify(self, ott: str, game: int) -> None:
        self.crowd.entries.append({"which": "asked", "kind": "verify"})
        status, body = await self.poster.ask(self.town.verify(ott, game), 2)
        if status == 200:
            data = json.loads(body)["data"]
            self.granted.tokens += data["is_valid"]
            session = data["game_session_id"] if data["is_valid"] else None
            self.crowd.entries.append({"which": "told", "kind": "verify", "session": session})


async def run(stage: Stage, plan: Plan) -> Report:
    """Each kind of outage, and then what is in the store."""
    with stage.places.folder() as folder, OwnPostgres() as postgres, PostgresStore(postgres.url, None) as store:
        town = towns.make(store, folder, plan.online + 200, lambda _: None)
        with Node(folder, store.url, in_store=_PATIENCE, switches=stage.switches) as node:
            node.launch()
            await node.is_up()
            addresses = [(("127.0.0.1", node.auth), ("127.0.0.1", node.acct))]
            crowd = Crowd(town, addresses, Random(stage.seed))  # noqa: S311 - nothing secret
            await crowd.open()
            scene = _Scene(postgres, node, town, crowd, Poster(node.web))
            try:
                figures = await _outages(stage, plan, scene, store.url, folder)
                is_settled = await crowd.settle(60)
            finally:
                await crowd.close()
                await scene.poster.close()
                postgres.go_on()
                await node.stop()
            return _judged(store.url, scene, figures, is_settled=is_settled)


async def _outages(stage: Stage, plan: Plan, scene: _Scene, url: str, folder: Path) -> list[Figure]:
    database = Database(url)
    towns.put_on(database, scene.town, MONEY, "first")
    database.close()
    for which in ("asked", "told"):
        scene.crowd.entries.append({"which": which, "kind": "top-up", "amount": MONEY})
    await scene.crowd.come(plan.online)
    await scene.take_tokens(20)
    figures: list[Figure] = []
    # What a guest knows is remembered of those who were let in lately.
    await asyncio.sleep(1)
    memory = resident(scene.node.pid)
    going_on = asyncio.create_task(scene.crowd.go_on(plan.logins, 0, plan.reports))
    try:
        await asyncio.sleep(2)
        for number in range(plan.times * len(plan.kinds)):
            figures += await _outage(plan.kinds[number % len(plan.kinds)], plan, scene, folder)
            stage.progress(number + 1, plan.times * len(plan.kinds))
    finally:
        going_on.cancel()
    grown = round(resident(scene.node.pid) - memory, 1)
    return [*figures, at_most("memory, more than before", grown, _MEMORY, "MB")]


async def _outage(kind: str, plan: Plan, scene: _Scene, folder: Path) -> list[Figure]:
    scene.crowd.begin_counting()
    until = time.monotonic() + plan.seconds
    if kind == BRIEFLY:
        await _hang_briefly(scene.postgres, until)
    else:
        with _away(kind, scene.postgres):
            await scene.ask_for_what_must_not_be(until)
    took = await drained(folder)
    await asyncio.sleep(1)
    return _figures(kind, scene.crowd.logins, scene.crowd.reports, took)


async def _hang_briefly(postgres: OwnPostgres, until: float) -> None:
    while time.monotonic() < until:
        with _away(HUNG, postgres):
            await asyncio.sleep(_HANGS_FOR)
        await asyncio.sleep(_ANSWERS_FOR)


def _figures(kind: str, logins: Tally, reports: Tally, took: float) -> list[Figure]:
    # Those under way as it came back were not unanswered.
    waiting = logins.asked - logins.answered
    share = 100 * (logins.answered - logins.refused) / max(1, logins.asked - min(waiting, 20))
    return [
        Figure(name=f"{kind}: reports acknowledged meanwhile", value=reports.answered),
        at_least(f"{kind}: known guests let in", round(min(100.0, share), 2), _LET_IN, "%"),
        at_most(f"{kind}: p99 of their logins", logins.percentile(0.99), _P99, "ms"),
        at_most(f"{kind}: until the spool was empty", round(took, 1), _DRAINED, "s"),
    ]


@contextmanager
def _away(kind: str, postgres: OwnPostgres) -> Iterator[None]:
    if kind == HUNG:
        postgres.hang()
        try:
            yield
        finally:
            postgres.go_on()
    else:
        postgres.kill()
        try:
            yield
        finally:
            postgres.start()


def _judged(url: str, scene: _Scene, figures: list[Figure], *, is_settled: bool) -> Report:
    database = Database(url)
    with database.reading() as connection:
        stored = comparing.read(connection)
    database.close()
    found: list[Any] = comparing.compare(ledger.replay(scene.crowd.entries), stored)
    granted = scene.granted
    return Report(
        figures=[
            *figures,
            at_most("granted meanwhile, of what must not be", granted.tokens + granted.strangers, 0),
            at_most("acknowledged and lost", sum(each.kind == comparing.LOST for each in found), 0),
            at_most("doubled or wrong", sum(each.kind in (comparing.DOUBLED, comparing.WRONG) for each in found), 0),
            at_most("invariants broken", len(stored.violations), 0),
            at_most("unanswered at the end", 0 if is_settled else 1, 0),
        ],
        complaints=[f"{each.kind}: {each.text}" for each in found],
    )
