"""Floods of forged packets: whoever has no secret cannot have the server reckon all day long that it has none.

Anybody can send from a router's address, and each packet costs the check of its authenticator. So an address has a
budget of failures. Once it is spent, only those of its ports are heard that have shown to know the secret: a router
asks from few, and a forger would have to guess one. A router that is not known by its port, as after a restart, has
only the part of the budget that the forger leaves.
"""

from policy.quantities import Instant

WINDOW = 100
"""Milliseconds until failures are forgiven."""
MOST_FAILURES = 50
"""Of one address in a window: more than the guests of a router with a wrong secret ask."""
_MOST_PORTS = 10_000
_MOST_ADDRESSES = 10_000

Source = tuple[str, int]


class Forgeries:
    """The failures of each address, and the ports that have shown to know the secret."""

    def __init__(self) -> None:
        self._proven: set[Source] = set()
        self._failures: dict[str, int] = {}
        self._until = Instant(0)

    def proved(self, source: Source) -> None:
        """A packet from there was made with the secret."""
        if source not in self._proven:
            if len(self._proven) >= _MOST_PORTS:
                self._proven.clear()
            self._proven.add(source)

    def failed(self, source: Source, at: Instant) -> None:
        """A packet from there was not."""
        if self._is_over(at) or len(self._failures) >= _MOST_ADDRESSES:
            self._failures.clear()
            self._until = Instant(at + WINDOW)
        self._failures[source[0]] = self._failures.get(source[0], 0) + 1

    def refuses(self, source: Source, at: Instant) -> bool:
        """Whether a packet from there is not even looked at."""
        if not self._failures or source in self._proven or self._failures.get(source[0], 0) < MOST_FAILURES:
            return False
        return not self._is_over(at)

    def _is_over(self, at: Instant) -> bool:
        """Of a clock that was set back, the window is over too."""
        return not self._until - WINDOW <= at < self._until
