"""A mirror over a store and a Redis of a few lines, which keeps what the scripts are given."""

import json
from collections.abc import Awaitable, Callable, Collection
from fnmatch import fnmatch
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed

from policy.quantities import Instant
from radiusd.cluster.guarding import Guard
from radiusd.live.mirror import Mirror
from radiusd.live.mirroring import Around
from radiusd.live.script import TAKE_TURN, WRITE
from radiusd.live.stations import WRITE_STATIONS
from radiusd.store.database import Database
from tests.server.given import Server


class FakeRedis:
    """Keeps the last record of each key; it can be down, or hung."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.written: list[int] = []
        self.stations: dict[str, Any] = {}
        self.turn: str | None = None
        self.error: Exception | None = None
        self.is_hung = False
        self.asked = 0
        self.is_closed = False

    async def _answer(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.is_hung:
            await Deferred()

    async def eval(self, script: str, numkeys: int, *values: Any) -> int:
        await self._answer()
        if script is TAKE_TURN:
            before, self.turn = self.turn, self.turn or values[1]
            return 2 if before is None else int(before == values[1])
        if script is WRITE_STATIONS:
            self.stations = json.loads(values[1])
            return 0
        assert script is WRITE
        keys, records = values[:numkeys], json.loads(values[numkeys])
        for key, record in zip(keys, records, strict=True):
            self.records[key] = record
            self.written.append(record["id"])
        return len(records)

    async def scan(self, cursor: int, match: str, count: int) -> tuple[int, list[bytes]]:
        await self._answer()
        names = sorted(each for each in self.records if fnmatch(each, match))
        page = names[cursor : cursor + count]
        after = cursor + count
        return (after if after < len(names) else 0), [each.encode() for each in page]

    async def unlink(self, *names: bytes) -> None:
        await self._answer()
        for each in names:
            del self.records[each.decode()]

    async def aclose(self) -> None:
        self.is_closed = True

    def die(self) -> None:
        self.error = RedisConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")

    def come_back(self) -> None:
        self.error, self.is_hung = None, False

    def phase(self, session: int) -> str | None:
        """What is shown of a session."""
        record = self.records.get(f"icafe:session:{session}")
        return None if record is None else str(record["phase"])


def begin(awaitable: Awaitable[Any]) -> "Deferred[Any]":
    """Run what the fake gives; it waits for nothing but Deferreds."""
    return Deferred.fromCoroutine(awaitable)  # type: ignore[arg-type]


class Heard(Server):
    """A server of whose commits mirrors hear."""

    def __init__(self, database: Database) -> None:
        self.mirrors: list[Mirror] = []
        super().__init__(database)

    def moved(self, pass_ids: Collection[int]) -> None:
        """As the server does."""
        for mirror in self.mirrors:
            mirror.moved(pass_ids)


class Shown:
    """A café whose server has a mirror; time passes as a test says."""

    def __init__(self, server: Heard, redis: FakeRedis, sender: str = "here", *, hears: bool = True) -> None:
        self.server = server
        self.redis = redis
        self.reads = 0
        self.store_error: Exception | None = None
        self.guard = Guard(begin, server.clock, lost="lost: {reason}", back="back")
        around = Around(
            read=self._read,
            cafes=lambda: server.known.directory.cafes,
            count=server.counters.count,
            now=lambda: server.at,
        )
        self.mirror = Mirror(redis, self.guard, around, sender=sender, prefix="icafe:", expiring=300)
        self.mirror.start(server.clock)
        if hears:
            server.mirrors.append(self.mirror)

    def _read(self, read: Callable[[Connection], Any]) -> "Deferred[Any]":
        self.reads += 1
        if self.store_error is not None:
            error = self.store_error
            return Deferred.fromCoroutine(_raising(error))
        with self.server.database.reading() as connection:
            return succeed(read(connection))

    def pass_time(self, seconds: float) -> None:
        """Look after look."""
        for _ in range(round(seconds * 10)):
            self.server.at = Instant(self.server.at + 100)
            self.server.clock.advance(0.1)


async def _raising(error: Exception) -> None:
    raise error
