"""Calls to a Redis that may be away: each is given up after 200 ms, and after three that failed there are none for 5 s.

What becomes of a call is told to who made it; that Redis is away is logged once, and once that it is back.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from radiusd.cluster.publishing import FAILURES, LIMIT, RESTS
from radiusd.cluster.reasons import reason_of
from radiusd.cluster.subscribing import PATIENCE, Begin

_log = Logger()


class Away(Exception):
    """Redis did not do what it was asked, or was not asked because it did not lately."""


class Guard:
    """Between a client and whoever uses it. `lost` and `back` are the lines for the log; `lost` has a `{reason}`."""

    def __init__(self, begin: Begin, clock: IReactorTime, lost: str, back: str) -> None:
        self._begin = begin
        self._clock = clock
        self._lost = lost
        self._back = back
        self._failures = 0
        self._rests_until = 0.0
        self._under_way: Deferred[Any] | None = None
        self._has_stopped = False

    @property
    def is_resting(self) -> bool:
        """Whether Redis is not asked just now."""
        return self._has_stopped or self._clock.seconds() < self._rests_until

    @property
    def was_lost(self) -> bool:
        """Whether it is known to be away, and has not answered since."""
        return self._failures >= FAILURES

    async def call(self, make: Callable[[], Awaitable[Any]]) -> Any:
        """What the client's coroutine gives. One at a time. Raises Away."""
        if self.is_resting:
            raise Away
        self._under_way = self._begin(make()).addTimeout(LIMIT, self._clock)
        try:
            answer = await self._under_way
        except CancelledError:
            raise Away from None
        except Exception as error:
            self._failed(error)
            raise Away from error
        finally:
            self._under_way = None
        self._answered()
        return answer

    def stop(self, close: Callable[[], Awaitable[Any]]) -> "Deferred[None]":
        """Ask nothing any more, and give up what is under way; fires when `close` has closed the client."""
        self._has_stopped = True
        if self._under_way is not None:
            self._under_way.cancel()
        closed = self._begin(close()).addTimeout(PATIENCE, self._clock)
        return closed.addBoth(lambda _: None)

    def _answered(self) -> None:
        if self.was_lost:
            _log.info(self._back)
        self._failures = 0

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == FAILURES:
            _log.warn(self._lost, reason=reason_of(error))
        if self.was_lost:
            self._rests_until = self._clock.seconds() + RESTS
