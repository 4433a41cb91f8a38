"""Where a part is played: a chain in a store, a server, the chain's routers here, and RADIUS beside."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from sqlalchemy import select
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from radiusd.bench.beside import Wish
from radiusd.bench.besides import Besides, Samples
from radiusd.bench.errors import BenchError
from radiusd.bench.pc_figures import Figure
from radiusd.bench.pc_routers import Routers
from radiusd.bench.pc_town import Branch, Size, Town, make
from radiusd.bench.posting import Wires
from radiusd.bench.processes import busy_seconds, cpu_seconds
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store.database import Database
from radiusd.store.schema import commands, connections


@frozen(kw_only=True)
class Cut:
    """How a cut stands, by the store; instants are seconds since 1970."""

    user_name: str
    outcome: str | None
    created: float
    decided: float | None
    was_late: bool


class Effort:
    """CPU time from its making on: what the server used, and what neither it nor we nor the database did."""

    def __init__(self, clock: Any, server: int, database: tuple[int, ...] | None) -> None:
        self._clock = clock
        self._server = server
        self._ours = (os.getpid(), server, *(database or ()))
        self._began = self._now()

    def _now(self) -> tuple[float, float, float, float]:
        return self._clock.seconds(), cpu_seconds([self._server]), cpu_seconds(self._ours), busy_seconds()

    def figures(self) -> list[Figure]:
        """Until now, in cores."""
        passed, server, ours, all_of_it = (now - then for now, then in zip(self._now(), self._began, strict=True))
        others = max(0.0, all_of_it - ours)
        return [
            Figure(name="CPU of the server", value=server / passed, unit="cores"),
            Figure(name="CPU of others on the machine", value=others / passed, unit="cores"),
        ]


@frozen(kw_only=True)
class Stage:
    """Everything a part needs; `server` may be killed and launched again."""

    reactor: Any
    town: Town
    server: Server
    routers: Routers
    database: Database
    shows: Any
    besides: Besides
    database_pids: tuple[int, ...] | None

    def effort(self) -> Effort:
        """From now on."""
        return Effort(self.reactor, self.server.pid, self.database_pids)

    def pause(self, seconds: float) -> "Deferred[None]":
        """Do nothing for a while."""
        return deferLater(self.reactor, seconds, lambda: None)

    async def until(self, is_so: Callable[[], bool], within: float) -> bool:
        """Wait until it is so, not longer than that; whether it is."""
        end = self.reactor.seconds() + within
        while not is_so():
            if self.reactor.seconds() > end:
                return False
            await self.pause(0.02)
        return True

    async def steadily(self, count: int, rate: float, one: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """Begin one after the other, `rate` a second, whether the last is over or not; ends when all are."""
        began, running = self.reactor.seconds(), []
        for number in range(count):
            await self.pause(max(0.0, began + number / rate - self.reactor.seconds()))
            running.append(Deferred.fromCoroutine(one(number)))
        await gatherResults(running)

    def wires(self, branch: Branch, most: int = 8) -> Wires:
        """Connections of a branch's PC system."""
        return Wires(self.reactor, self.server.web, branch.source, most)

    async def samples(self) -> Samples:
        """End the requests beside, and read them."""
        found: Samples = await deferToThread(self.besides.samples)
        return found

    def cuts(self) -> list[Cut]:
        """All that were wished for until now."""
        query = (
            select(
                connections.c.user_name,
                commands.c.outcome,
                commands.c.created_at,
                commands.c.decided_at,
                commands.c.alerted_at,
            )
            .join_from(commands, connections, commands.c.connection_id == connections.c.id)
            .where(commands.c.kind == "cut")
        )
        with self.database.reading() as connection:
            return [_cut(row) for row in connection.execute(query)]


def _cut(row: Any) -> Cut:
    return Cut(
        user_name=row.user_name,
        outcome=row.outcome,
        created=row.created_at / 1000,
        decided=None if row.decided_at is None else row.decided_at / 1000,
        was_late=row.alerted_at is not None,
    )


@asynccontextmanager
async def staged(reactor: Any, store: Store, folder: Path, size: Size, rate: float, shows: Any) -> AsyncIterator[Stage]:
    """All guests are online, and `rate` requests a second are asked beside. Raises BenchError."""
    total = size.beside + sum(size.guests)
    shows.doing(f"{store.name}: making {total} guests of {len(size.guests)} branches")
    town = make(store, folder, size, lambda done: shows.filling(done, total))
    with ExitStack() as running:
        server = running.enter_context(Server(folder, store.url))
        database = Database(store.url)
        running.callback(database.close)
        routers = Routers(reactor, server.target, town)
        routers.start()
        running.callback(routers.stop)
        shows.doing(f"{town.guests} guests log in")
        await routers.come_online(lambda done: shows.step("online", done, town.guests))
        if len(routers.online) < town.guests:
            raise BenchError(f"only {len(routers.online)} of {town.guests} guests came online")
        wish = Wish(auth_port=server.target.auth_port, acct_port=server.target.acct_port, users=size.beside, rate=rate)
        besides = running.enter_context(Besides(wish))
        yield Stage(
            reactor=reactor,
            town=town,
            server=server,
            routers=routers,
            database=database,
            shows=shows,
            besides=besides,
            database_pids=store.pids,
        )
        server.must_live()
