"""Adding to a pass that was sold already."""

from policy.passes import Pass
from policy.quantities import LONGEST_SESSION_TIMEOUT, Instant, Octets, Seconds
from policy.values import evolve


def extended(bought: Pass, time: Seconds, data: Octets, at: Instant) -> Pass:
    """The pass with more time and data from `at` on."""
    return evolve(
        bought,
        extra_time=Seconds(bought.extra_time + _seconds_over(bought, time, at) + time),
        extra_data=Octets(bought.extra_data + data),
    )


def _seconds_over(bought: Pass, time: Seconds, at: Instant) -> Seconds:
    """How long ago a wall clock ran out: what is added must not be over before the guest hears of it."""
    stands_at = at if bought.paused_at is None else bought.paused_at
    if not time or bought.wall_end is None or bought.wall_end >= stands_at:
        return Seconds(0)
    return Seconds(-((bought.wall_end - stands_at) // 1000))


def session_timeout(opened_at: Instant, rest: Seconds | None, at: Instant) -> Seconds:
    """The Session-Timeout that leaves `rest` from `at` on, counted from the session's start; None: no limit was sold.

    A router that counts from the change on is told too late an end: it is the server that ends the session in time.
    """
    if rest is None:
        return LONGEST_SESSION_TIMEOUT
    return min(Seconds((at - opened_at) // 1000 + rest), LONGEST_SESSION_TIMEOUT)
