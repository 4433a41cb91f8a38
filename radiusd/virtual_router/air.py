"""What stands between a router and the rest of the net: datagrams that are lost, and the time it is off."""

from collections.abc import Callable
from random import Random

from twisted.internet.interfaces import IReactorTime

from radiusd.virtual_router.habits import Habits


class Air:
    """Decides about each datagram; the same `random` loses the same ones."""

    def __init__(self, clock: IReactorTime, random: Random, habits: Callable[[], Habits]) -> None:
        self._clock = clock
        self._random = random
        self._habits = habits
        self._off_until = float("-inf")
        self.lost = 0

    @property
    def is_off(self) -> bool:
        """Whether the router has no power just now."""
        return self._clock.seconds() < self._off_until

    def go_off(self, seconds: float) -> None:
        """Lose power for so long."""
        self._off_until = self._clock.seconds() + seconds

    def loses(self) -> bool:
        """Whether the next datagram, in either direction, is lost."""
        loss = self._habits().loss
        is_lost = loss > 0 and self._random.random() < loss
        self.lost += is_lost
        return is_lost
