"""Not more often than need be: many batches a second are worth no more looks than a few."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

PAUSE = 0.02
"""Seconds from one look that was asked for to the next."""


class Paced:
    """Has something done at once, but not sooner than PAUSE after the last time; however often asked, then once."""

    def __init__(self, do: Callable[[], None], clock: IReactorTime) -> None:
        self._do = do
        self._clock = clock
        self._not_before = float("-inf")
        self._is_waiting = False

    def __call__(self) -> None:
        """Have it done."""
        if self._is_waiting:
            return
        wait = self._not_before - self._clock.seconds()
        if wait > 0:
            self._is_waiting = True
            self._clock.callLater(wait, self._now)
        else:
            self._now()

    def _now(self) -> None:
        self._is_waiting = False
        self._not_before = self._clock.seconds() + PAUSE
        self._do()
