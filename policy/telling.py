"""Quantities in the words of a café: `41 min`, `2.1 GB`, `2M`, `3 min ago`."""

from datetime import UTC, datetime, tzinfo

from policy.quantities import DAY, HOUR, MINUTE

_PARTS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
_VOLUMES = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_SPEEDS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))

UNLIMITED = "unlimited"
_TOO_LATE = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1000


def told_seconds(seconds: int | None) -> str:
    """A duration in its two largest units, the rest left out; None is no limit."""
    if seconds is None:
        return UNLIMITED
    parts = []
    for size, unit in _PARTS:
        count, seconds = divmod(seconds, size)
        parts.append((count, unit))
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"


def told_octets(octets: int | None) -> str:
    """A volume in decimal units; trailing zeros say that it was rounded. None is no limit."""
    if octets is None:
        return UNLIMITED
    size, unit = next((each for each in _VOLUMES if octets >= each[0]), (1, "B"))
    if octets * 1000 % size:
        return f"{octets / size:.3f} {unit}"
    return f"{octets / size:.3f}".rstrip("0").rstrip(".") + f" {unit}"


def told_speed(bits_per_second: int) -> str:
    """A speed as a price list has it: 2M, 512k."""
    size, unit = next((each for each in _SPEEDS if bits_per_second % each[0] == 0), (1, " bit/s"))
    return f"{bits_per_second // size}{unit}"


def told_instant(at: int | None, zone: tzinfo = UTC) -> str:
    """An instant to the second, by the clocks of `zone`."""
    if at is not None and at >= _TOO_LATE:
        return "after the year 9998"
    return "never" if at is None else f"{datetime.fromtimestamp(at // 1000, zone):%Y-%m-%d %H:%M:%S %Z}"


def told_time_of_day(seconds: int) -> str:
    """Seconds after midnight as a clock shows them; the end of a day is 24:00."""
    return f"{seconds // HOUR:02}:{seconds % HOUR // MINUTE:02}"


def told_since(at: int, now: int) -> str:
    """How long ago `at` was, roughly."""
    seconds = max(0, now - at) // 1000
    if seconds < 1:
        return "just now"
    size, unit = next(((size, unit) for size, unit in _PARTS if seconds >= size), (1, "s"))
    return f"{seconds // size} {unit} ago"
