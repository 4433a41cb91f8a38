"""A pass: what a customer bought. What is left of it outlives any one device."""

from attrs import frozen

from policy.package import Clock, Package
from policy.quantities import Instant, Octets, Seconds, later, whole_seconds_between
from policy.usage import NOTHING, Usage


@frozen(kw_only=True)
class Pass:
    """`terms` are the package as it was at the sale; changing the price list never changes a pass.

    `held` tells why no device may begin to use it, None when any may. `extra_time` and `extra_data` were added later.
    `paused_at`: since when its clock stands still, for its guest's gaming PC was logged off; `paused_for`: how long it
    stood still before.
    """

    id: int
    account_id: int
    terms: Package
    sold_at: Instant
    first_login_at: Instant | None = None
    extra_time: Seconds = Seconds(0)
    extra_data: Octets = Octets(0)
    used: Usage = NOTHING
    held: str | None = None
    paused_at: Instant | None = None
    paused_for: Seconds = Seconds(0)

    @property
    def time(self) -> Seconds | None:
        """All the time it holds, None for no limit."""
        return None if self.terms.time is None else Seconds(self.terms.time + self.extra_time)

    @property
    def data(self) -> Octets | None:
        """All the data it holds, None for no limit."""
        return None if self.terms.data is None else Octets(self.terms.data + self.extra_data)

    @property
    def is_wall_clock(self) -> bool:
        """Whether its time runs whether or not anybody is online."""
        return self.terms.clock is Clock.WALL

    @property
    def valid_until(self) -> Instant | None:
        """The latest instant for the first login, None when there is none or it has been."""
        if self.terms.validity is None or self.first_login_at is not None:
            return None
        return later(self.sold_at, self.terms.validity)

    @property
    def wall_end(self) -> Instant | None:
        """When a wall clock that has started runs out; while it is paused, when it would without the pause."""
        if self.time is None or self.first_login_at is None or not self.is_wall_clock:
            return None
        return later(self.first_login_at, Seconds(self.time + self.paused_for))


def time_left(bought: Pass, online: Seconds, at: Instant) -> Seconds | None:
    """Time still paid for, never negative, rounded down; None if the pass is not limited in time.

    `online` is the time used online up to `at`, which only counts where the package counts it.
    """
    if bought.time is None:
        return None
    if not bought.is_wall_clock:
        return Seconds(max(0, bought.time - online))
    if bought.wall_end is None:
        return bought.time
    return whole_seconds_between(at if bought.paused_at is None else bought.paused_at, bought.wall_end)


def data_left(bought: Pass) -> Octets | None:
    """Octets still paid for, never negative; None if the pass is not limited in data."""
    return None if bought.data is None else Octets(max(0, bought.data - bought.used.octets))


def is_over_data(bought: Pass) -> bool:
    """Whether more than the data paid for was used; at exactly the limit it is not."""
    return bought.data is not None and bought.used.octets > bought.data
