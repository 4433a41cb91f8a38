"""The units everything is counted in, all whole numbers; every rounding has its name here."""

from typing import NewType

Instant = NewType("Instant", int)
"""Milliseconds since 1970-01-01T00:00Z."""

Seconds = NewType("Seconds", int)
Octets = NewType("Octets", int)
Money = NewType("Money", int)
"""Whole VND, the smallest unit there is."""

BitsPerSecond = NewType("BitsPerSecond", int)

MINUTE = Seconds(60)
HOUR = Seconds(3600)
DAY = Seconds(86400)

LONGEST_SESSION_TIMEOUT = Seconds(21_474_720)
"""The most that RouterOS documents; nobody can be told a later end."""


def later(at: Instant, seconds: int) -> Instant:
    """The instant `seconds` after `at`, or before it when negative."""
    return Instant(at + seconds * 1000)


def whole_seconds_between(start: Instant, end: Instant) -> Seconds:
    """Full seconds from `start` to `end`, rounded down, so that nobody is told more than is left; never negative."""
    return Seconds(max(0, end - start) // 1000)
