"""Instants for what lasts: a clock on the wall may be set back, and then nothing would be due for as long."""

from collections.abc import Callable
from typing import Protocol

from policy.quantities import Instant


class _Clock(Protocol):
    def seconds(self) -> float: ...


def steady_time(clock: _Clock) -> Callable[[], Instant]:
    """Milliseconds by a clock that nobody sets; they say how long something took, and nothing of the time of day."""
    return lambda: Instant(round(clock.seconds() * 1000))
