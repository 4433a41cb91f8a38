"""`GET /health`: whether the process answers, its store with it, and how long the oldest cut waits."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd import __version__
from radiusd.web.rates import READS
from radiusd.web.routes import Call, Raw, Route, Who
from radiusd.web.speaking import JSON, as_json

LIMIT = 1.0
"""Seconds a store may take to answer."""
_KEPT_FOR = 1_000


@frozen
class StoreHealth:
    """`answered_in` is in milliseconds, None for a store that did not answer in time."""

    ok: bool
    answered_in: int | None


@frozen
class QueueHealth:
    """Jobs that wait to be committed."""

    waiting: int


@frozen
class SpoolHealth:
    """Records on the disk that wait for the store, and the age of the oldest in seconds."""

    waiting: int = 0
    oldest: int = 0


@frozen
class HealthReply:
    """`status` is ok or degraded, `uptime` in seconds.

    `oldest_uncut`: seconds since the oldest wish to cut somebody that is not settled yet, null for none.
    """

    status: str
    version: str
    uptime: int
    store: StoreHealth
    queue: QueueHealth
    spool: SpoolHealth
    oldest_uncut: int | None


Look = Callable[[], "Deferred[Instant | None]"]
"""Reads in a thread when the oldest open cut was wished for, None if there is none."""


class Health:
    """Asks the store at most once a second, and one at a time: whoever asks us costs it nothing."""

    def __init__(
        self,
        look: Look,
        waiting: Callable[[], int],
        now: Callable[[], Instant],
        clock: Any,
        spooled: Callable[[], SpoolHealth] = SpoolHealth,
    ) -> None:
        self._spooled = spooled
        self._look = look
        self._waiting = waiting
        self._now = now
        self._clock = clock
        self._since = now()
        self._looked: tuple[Instant, StoreHealth, Instant | None] | None = None
        self._waiters: list[Deferred[None]] = []
        self._timer: Any = None
        self._is_reading = False

    def route(self) -> Route:
        """The route."""
        return Route(
            method="GET",
            path="/health",
            who=Who.ANYONE,
            rate=READS,
            gives=HealthReply,
            also=(503,),
            serve=self.tell,
            summary="Whether all is well; 503 with the same fields when the store does not answer",
        )

    async def tell(self, call: Call) -> Raw:
        """How things are."""
        if self._looked is None or call.at - self._looked[0] >= _KEPT_FOR:
            await self._look_again()
        _, store, oldest = self._looked or (call.at, StoreHealth(ok=False, answered_in=None), None)
        reply = HealthReply(
            status="ok" if store.ok else "degraded",
            version=__version__,
            uptime=max(0, call.at - self._since) // 1000,
            store=store,
            queue=QueueHealth(waiting=self._waiting()),
            spool=self._spooled(),
            oldest_uncut=None if oldest is None else max(0, call.at - oldest) // 1000,
        )
        return Raw(as_json(reply), JSON, 200 if store.ok else 503)

    def _look_again(self) -> "Deferred[None]":
        """Fires when the store answered, or did not within the limit; a store that hangs is asked once."""
        heard: Deferred[None] = Deferred()
        self._waiters.append(heard)
        if len(self._waiters) == 1:
            self._timer = self._clock.callLater(LIMIT, self._late)
            if not self._is_reading:
                self._is_reading = True
                self._look().addBoth(self._answered, self._now())
        return heard

    def _answered(self, result: Instant | Failure | None, began: Instant) -> None:
        self._is_reading = False
        at = self._now()
        if isinstance(result, Failure):
            self._late()
        else:
            self._keep(StoreHealth(ok=True, answered_in=max(0, at - began)), result)

    def _late(self) -> None:
        self._keep(StoreHealth(ok=False, answered_in=None), None if self._looked is None else self._looked[2])

    def _keep(self, store: StoreHealth, oldest: Instant | None) -> None:
        self._looked = (self._now(), store, oldest)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        waiters, self._waiters = self._waiters, []
        for each in waiters:
            each.callback(None)
