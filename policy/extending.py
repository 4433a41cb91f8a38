"""Adding to a pass that was sold already."""

from attrs import evolve

from policy.passes import Pass
from policy.quantities import Instant, Octets, Seconds


def extended(bought: Pass, time: Seconds, data: Octets, at: Instant) -> Pass:
    """The pass with more time and data from `at` on."""
    return evolve(
        bought,
        extra_time=Seconds(bought.extra_time + _seconds_over(bought, time, at) + time),
        extra_data=Octets(bought.extra_data + data),
    )


def _seconds_over(bought: Pass, time: Seconds, at: Instant) -> Seconds:
    """How long ago a wall clock ran out: what is added must not be over before the guest hears of it."""
    if not time or bought.wall_end is None or bought.wall_end >= at:
        return Seconds(0)
    return Seconds(-((bought.wall_end - at) // 1000))
