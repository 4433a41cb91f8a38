"""A package as it stands on the price list: what a pass of it may use, and for how long."""

from enum import Enum

from attrs import field, frozen

from policy.errors import InvalidPackage
from policy.quantities import DAY, BitsPerSecond, Instant, Money, Octets, Seconds

MAX_DEVICES = 5
SLOWEST = BitsPerSecond(1_000)


class Clock(Enum):
    """What makes the time of a pass run out."""

    WALL = "wall"  # from the first login on, online or not
    ONLINE = "online"  # only while a device is connected


@frozen
class Rate:
    """The speed sold; `burst` is what may be used on top for ten seconds, in percent of it, 0 for none."""

    up: BitsPerSecond
    down: BitsPerSecond
    burst: int = 0
    priority: int = 8

    def __attrs_post_init__(self) -> None:
        if min(self.up, self.down) < SLOWEST:
            raise InvalidPackage("speeds start at 1k (1000 bit/s)")
        if not 0 <= self.burst <= 100:
            raise InvalidPackage("a burst is 0 to 100 percent")
        if not 1 <= self.priority <= 8:
            raise InvalidPackage("a priority is 1 (best) to 8")


@frozen
class Hours:
    """Hours of the day in which a package may be used, as seconds after local midnight; `opens` > `closes` spans it."""

    opens: Seconds
    closes: Seconds

    def until_closing(self, time_of_day: Seconds) -> Seconds:
        """Seconds until closing, 0 when closed at `time_of_day`."""
        length = (self.closes - self.opens) % DAY or DAY
        since_opening = (time_of_day - self.opens) % DAY
        return Seconds(max(0, length - since_opening))


@frozen(kw_only=True)
class Package:
    """Terms of sale. None means unlimited, `validity` is the longest wait between sale and first login."""

    name: str
    time: Seconds | None = None
    clock: Clock = Clock.WALL
    data: Octets | None = None
    validity: Seconds | None = None
    rate: Rate | None = None
    devices: int = 1
    price: Money = Money(0)
    hours: Hours | None = None
    max_users: int | None = field(default=None)

    def __attrs_post_init__(self) -> None:
        for problem in _problems(self):
            raise InvalidPackage(problem)


def _problems(package: Package) -> list[str]:
    checks = (
        (not package.name.strip(), "a package needs a name"),
        (not 1 <= package.devices <= MAX_DEVICES, f"devices must be 1 to {MAX_DEVICES}"),
        (package.time is not None and package.time <= 0, "time must be longer than 0 s"),
        (package.data is not None and package.data <= 0, "data must be more than 0 octets"),
        (package.validity is not None and package.validity <= 0, "validity must be longer than 0 s"),
        (package.price < 0, "a price cannot be negative"),
        (package.max_users is not None and package.max_users < 1, "at least one user must fit in"),
        (package.clock is Clock.ONLINE and package.time is None, "time online can only be counted where time is sold"),
    )
    return [text for wrong, text in checks if wrong]


def time_of_day(at: Instant, utc_offset: Seconds) -> Seconds:
    """Seconds after local midnight at `at`, where local time is UTC + `utc_offset`."""
    return Seconds((at // 1000 + utc_offset) % DAY)
