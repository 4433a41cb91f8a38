"""How many jobs the writer takes at once: while it reckons, nobody else is heard."""

from attrs import define

LARGEST = 256
SMALLEST = 16
_AT_FIRST = 64
HOLDS_UP = 0.05
"""Seconds: far less than a router waits, and long enough that what each batch costs besides is little."""


@define
class Portion:
    """As many as were done within HOLDS_UP of late; what must be read first takes many times as long as the rest."""

    size: int = _AT_FIRST

    def took(self, jobs: int, seconds: float) -> None:
        """So many held the others up for so long."""
        fit = int(jobs * HOLDS_UP / seconds) if seconds > 0 else LARGEST
        # What a small batch costs besides makes few of them fit; so a larger one is tried, but not at once the largest.
        self.size = max(SMALLEST, min(fit, 2 * self.size, LARGEST))
