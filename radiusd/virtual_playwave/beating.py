"""Something that is done again and again, each time saying how long to wait for the next."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

_log = Logger()


class Beating:
    """Does `turn` after so many seconds as the one before said; None was the last."""

    def __init__(self, clock: Any, turn: "Callable[[], Coroutine[Any, Any, float | None]]") -> None:
        self._clock = clock
        self._turn = turn
        self._next: Any = None
        self._is_over = False

    def begin(self, after: float) -> None:
        """The first turn comes after so many seconds."""
        self._next = self._clock.callLater(after, self._go)

    def stop(self) -> None:
        """No further turn; one that is under way is not interrupted."""
        self._is_over = True
        if self._next is not None and self._next.active():
            self._next.cancel()

    def _go(self) -> None:
        turn = Deferred.fromCoroutine(self._once())
        turn.addErrback(lambda failure: _log.failure("a heartbeat broke off", failure))

    async def _once(self) -> None:
        after = await self._turn()
        if after is not None and not self._is_over:
            self.begin(after)
