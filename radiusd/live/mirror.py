"""Keeps the keys in Redis to the store, and has what happens told on its channels.

What commits moved is read from the store a moment later, and written as it is by then, at most a page at a time. Beside
that one server at a time, whoever has the turn, goes through all active sessions again and again and then through all
keys: so what a full queue dropped, what Redis lost, what `icafectl` changed and what ended meanwhile comes right.
Nobody waits for any of this, and nothing is ever decided by it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from policy.quantities import Instant, later
from radiusd.cluster.guarding import Away, Guard
from radiusd.live import reading, stations
from radiusd.live.mirroring import Around, Mirroring
from radiusd.live.script import TAKE_TURN, WRITE
from radiusd.live.states import State, encode
from radiusd.store.directory import Cafe

_log = Logger()

EVERY = 0.1
"""Seconds from look to look."""
PAGE = 50
"""Passes or keys that are read and written in one go."""
PAGES = 2
"""Of what moved, at one look: it must never take a processor's time that packets want."""
MOST_WAITING = 20_000
"""Passes that moved and are not written yet: what is more is left to the next round."""
TURN = 5_000
"""Milliseconds after which somebody else takes the turn of a server that is gone."""
TURN_EVERY = 10
"""Looks from one renewal of the turn to the next."""
ROUND_EVERY = 60_000
"""Milliseconds from the begin of a round to that of the next; four times as long as it took, if that is more."""
_STATIONS_KEPT = 60
_STATIONS_RENEWED = 20_000
_LOOKED_BACK = 10
"""Seconds of ends that another server may have been about to tell of when it was gone."""
_MOST_ENDING = 500


class Client(Protocol):
    """What is asked of redis.asyncio.Redis."""

    def eval(self, script: str, numkeys: int, *keys_and_args: str | bytes | int) -> Awaitable[Any]:
        """Run a script in Redis."""

    def scan(self, cursor: int, match: str, count: int) -> Awaitable[Any]:
        """Some keys, and the cursor for the next; 0 after the last."""

    def unlink(self, *names: bytes) -> Awaitable[Any]:
        """Delete keys."""

    async def aclose(self) -> None:
        """Close every connection."""


class Mirror(Mirroring):
    """One server's part in it. `sender` is a name no other has; `expiring`: seconds, when an end is told beforehand."""

    def __init__(
        self, client: Client, guard: Guard, around: Around, *, sender: str, prefix: str, expiring: int
    ) -> None:
        self._client = client
        self._guard = guard
        self._around = around
        self._sender = sender
        self._prefix = prefix
        self._expiring = expiring
        self._waiting: dict[int, None] = {}
        self._looks = 0
        self._has_turn = False
        self._round = Round()
        self._told_of_until: Instant | None = None
        self._stations: tuple[stations.Stations, Instant] | None = None
        self._is_failing = False
        self._loop = LoopingCall(self._begin_look)

    def moved(self, pass_ids: Collection[int]) -> None:
        """These passes were changed, or their sessions: their keys are to be written."""
        for each in pass_ids:
            if len(self._waiting) >= MOST_WAITING and each not in self._waiting:
                del self._waiting[next(iter(self._waiting))]
                self._around.count("live_dropped")
                self._round.is_asked = True
            self._waiting[each] = None

    def everything_may_have_moved(self) -> None:
        """Somebody else changed something: have a look at all sessions."""
        self._round.is_asked = True

    def start(self, clock: IReactorTime) -> None:
        """Begin to write."""
        self._loop.clock = clock
        self._loop.start(EVERY)

    def stop(self) -> "Deferred[None]":
        """Write no more; fires when the connection is closed."""
        if self._loop.running:
            self._loop.stop()
        return self._guard.stop(self._client.aclose)

    def _begin_look(self) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._look())

    async def _look(self) -> None:
        if self._guard.is_resting:
            return
        try:
            await self._write_what_waits()
            if self._looks % TURN_EVERY == 0:
                await self._take_turn()
            self._looks += 1
            if self._has_turn:
                await self._go_on()
        except (Away, DBAPIError):
            # Either is told by those who need it to answer. It is tried again, from where it stood.
            self._has_turn = self._has_turn and not self._guard.is_resting
        except Exception:  # noqa: BLE001 - it must not end the mirror, and never the server
            if not self._is_failing:
                _log.failure("the live keys could not be written")
            self._is_failing = True
        else:
            self._is_failing = False

    # What moved

    async def _write_what_waits(self) -> None:
        for _ in range(PAGES):
            page = list(islice(self._waiting, PAGE))
            if not page:
                return
            for each in page:
                del self._waiting[each]
            try:
                await self._write(lambda connection, at: reading.of_passes(connection, page, self._cafes, at))  # noqa: B023
            except BaseException:
                self.moved(page)
                raise

    async def _write(self, read: Callable[[Connection, Instant], list[State]]) -> list[State]:
        """Write what `read` finds, as it is in the store at this moment."""
        at = self._around.now()

        def states(connection: Connection) -> tuple[list[State], bytes]:
            found = read(connection, at)
            return found, encode(found, self._expiring)

        found: list[State]
        found, octets = await self._around.read(states)
        if found:
            keys = [f"{self._prefix}session:{each.session.id}" for each in found]
            told = await self._guard.call(lambda: self._client.eval(WRITE, len(keys), *keys, octets, self._prefix))
            for _ in range(told):
                self._around.count("live_told")
        return found

    @property
    def _cafes(self) -> Mapping[int, Cafe]:
        return self._around.cafes()

    # The turn

    async def _take_turn(self) -> None:
        key = f"{self._prefix}live:turn"
        taken = await self._guard.call(lambda: self._client.eval(TAKE_TURN, 1, key, self._sender, TURN))
        # Nobody had it: whoever did is gone, or Redis was emptied. So there may be a lot to write.
        if taken == 2:
            self._round = Round(is_asked=True)
            self._told_of_until = self._stations = None
        self._has_turn = taken != 0

    async def _go_on(self) -> None:
        at = self._around.now()
        if self._looks % TURN_EVERY == 1:
            await self._tell_of_ends(at)
            await self._write_stations(at)
        if self._round.begins(at):
            self._round.begin(at)
        if self._round.is_over:
            return
        if self._round.cursor is None:
            await self._next_sessions()
        else:
            await self._next_keys(self._round.cursor)

    async def _tell_of_ends(self, at: Instant) -> None:
        until = later(at, self._expiring)
        after = later(until, -_LOOKED_BACK) if self._told_of_until is None else self._told_of_until
        found = await self._around.read(lambda connection: reading.ending(connection, after, until, _MOST_ENDING))
        self.moved(found)
        self._told_of_until = until

    async def _write_stations(self, at: Instant) -> None:
        found = await self._around.read(lambda connection: stations.read(connection, self._cafes, at))
        if self._stations is not None and found == self._stations[0] and at < self._stations[1] + _STATIONS_RENEWED:
            return
        values = (f"{self._prefix}stations", stations.encode(found), self._prefix, _STATIONS_KEPT)
        await self._guard.call(lambda: self._client.eval(stations.WRITE_STATIONS, 1, *values))
        self._stations = found, at

    async def _next_sessions(self) -> None:
        after = self._round.after
        page = await self._around.read(lambda connection: reading.active_passes(connection, after, PAGE))
        if not page:
            self._round.cursor = 0
            return
        await self._write(lambda connection, at: reading.of_passes(connection, page, self._cafes, at))
        self._round.after = page[-1]

    async def _next_keys(self, cursor: int) -> None:
        cursor, keys = await self._guard.call(lambda: self._client.scan(cursor, f"{self._prefix}session:*", 2 * PAGE))
        numbered = {int(number): key for key in keys if (number := key.rpartition(b":")[2]).isdigit()}
        if numbered:
            found = await self._write(
                lambda connection, at: reading.of_sessions(connection, numbered.keys(), self._cafes, at)
            )
            known = {each.session.id for each in found}
            unknown = [key for number, key in numbered.items() if number not in known]
            if unknown:
                await self._guard.call(lambda: self._client.unlink(*unknown))
        self._round.cursor = cursor
        if cursor == 0:
            self._round.end(self._around.now())


class Round:
    """Where the one with the turn stands: first all active sessions by the id of their pass, then all keys."""

    def __init__(self, *, is_asked: bool = False) -> None:
        self.is_asked = is_asked
        self.is_over = True
        self.after = 0
        self.cursor: int | None = None
        self._began_at = self._next_at = Instant(0)

    def begins(self, at: Instant) -> bool:
        """Whether it is time for the next."""
        return self.is_over and (self.is_asked or at >= self._next_at)

    def begin(self, at: Instant) -> None:
        """From the first session on."""
        self.is_asked, self.is_over = False, False
        self.after, self.cursor = 0, None
        self._began_at = at

    def end(self, at: Instant) -> None:
        """All was seen."""
        self.is_over = True
        self._next_at = Instant(self._began_at + max(ROUND_EVERY, 4 * (at - self._began_at)))
