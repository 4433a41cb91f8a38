"""Time of a simulated world: one queue of what will happen, in whole milliseconds, and nothing happens by itself."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from policy.quantities import Instant

START = Instant(1_795_262_400_000)
"""Noon of a day without a change of season in it."""


@implementer(IDelayedCall)
class Timer:
    """Something that will happen unless it is cancelled; Twisted knows it as an IDelayedCall."""

    __slots__ = ("args", "at", "call", "is_called", "is_cancelled", "is_step", "life")

    def __init__(self, at: int, call: Callable[..., Any], args: tuple[Any, ...], life: "Life") -> None:
        self.at = at
        self.call = call
        self.args = args
        self.life = life
        self.is_step = True
        self.is_called = self.is_cancelled = False

    def active(self) -> bool:
        """Whether it is still to happen."""
        return not (self.is_called or self.is_cancelled)

    def cancel(self) -> None:
        """Let it not happen."""
        self.is_cancelled = True

    def delay(self, secondsLater: float) -> None:
        """Nobody asks for this."""
        raise NotImplementedError

    def reset(self, secondsFromNow: float) -> None:
        """Nor for this."""
        raise NotImplementedError

    def getTime(self) -> float:
        """When it happens."""
        return (self.at - START) / 1000


class Life:
    """What a crash ends: whatever was to happen in it does not."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


_FOR_EVER = Life()


class Clock:
    """The world's time. `events` counts all that happened, `steps` leaves out what happens all the time for little."""

    def __init__(self) -> None:
        self.at: int = START
        self.steps = self.events = 0
        self._queue: list[tuple[int, int, Timer]] = []
        self._enqueued = 0

    def later(self, milliseconds: int, call: Callable[..., Any], *args: Any, life: Life = _FOR_EVER) -> Timer:
        """Have it happen so many milliseconds from now, unless `life` is over by then.

        Of two for one millisecond the older comes first.
        """
        timer = Timer(self.at + milliseconds, call, args, life)
        self._enqueued += 1
        heappush(self._queue, (timer.at, self._enqueued, timer))
        return timer

    def step(self) -> bool:
        """Have the next thing happen; False if there is none."""
        while self._queue:
            at, _, timer = heappop(self._queue)
            if timer.is_cancelled or timer.life.is_over:
                continue
            self.at = at
            self.events += 1
            self.steps += timer.is_step
            timer.is_called = True
            timer.call(*timer.args)
            return True
        return False

    @property
    def next_at(self) -> int:
        """When the next thing may happen."""
        return self._queue[0][0] if self._queue else self.at

    def now(self) -> Instant:
        """What every clock in the world shows."""
        return Instant(self.at)


class NodeClock:
    """The world's time as a node sees it: a reactor, as far as a node needs one. All it waits for ends with its life.

    `listen` gives a node's sockets their addresses.
    """

    def __init__(self, clock: Clock, life: Life, listen: Callable[[Any], Any]) -> None:
        self._clock = clock
        self._life = life
        self._listen = listen

    def seconds(self) -> float:
        """Seconds since the world began."""
        return (self._clock.at - START) / 1000

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **named: Any) -> Timer:
        """Twisted's word for `later`, in seconds; part of a millisecond counts as a whole."""
        if named:
            return self.callLater(delay, lambda: callable(*args, **named))
        return self._clock.later(-int(-delay * 1000 // 1), callable, *args, life=self._life)

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> Any:
        """A socket of the node's own."""
        return self._listen(protocol)
