"""How long an answer may wait for something: a router asks again after its timeout, and gives up after a few."""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.store.directory import Router

_log = Logger()
_SHARE = 0.6


class Asked(Protocol):
    """A request, and when it came."""

    @property
    def at(self) -> Instant: ...

    @property
    def router(self) -> Router: ...


class Patience:
    """Waits 60 % of what a router waits before it asks again."""

    def __init__(self, call_later: Callable[..., IDelayedCall], now: Callable[[], Instant]) -> None:
        self._call_later = call_later
        self.now = now

    def within(self, waited_for: "Deferred[bool]", request: Asked) -> "Deferred[bool]":
        """What `waited_for` brings; False when it does not come in time."""
        in_time: Deferred[bool] = Deferred()
        left = request.at + int(request.router.timeout * _SHARE) - self.now()
        timer = self._call_later(max(0, left) / 1000, self._too_late, in_time)

        def came(result: bool) -> None:
            if timer.active():
                timer.cancel()
                in_time.callback(result)

        waited_for.addCallback(came)
        waited_for.addErrback(lambda failure: _log.failure("what an answer waited for failed", failure))
        return in_time

    @staticmethod
    def _too_late(in_time: "Deferred[bool]") -> None:
        in_time.callback(False)
