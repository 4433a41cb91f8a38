"""The ordinary Interim-Update: it raises the counters of its connection, and nothing else follows.

Most of what a NAS ever sends is of this kind, so it is told apart by a few comparisons instead of by asking the whole
machine. `Meter.take` does exactly what `holding.report` would have done, or says that the machine must be asked.
"""

from enum import Enum

from attrs import define

from policy.connection import Connection
from policy.holding import Holding, count
from policy.passes import Pass
from policy.quantities import Instant, Octets, Seconds
from policy.usage import Counters, Usage
from policy.values import evolve

_ROUNDING = 2
NEVER = Instant(1 << 62)
ANY = Octets(1 << 62)


class Taken(Enum):
    """What became of a report."""

    NOTHING_NEW = "nothing new"  # repeated, late or empty
    COUNTED = "counted"
    NOT_ORDINARY = "not ordinary"  # more may follow from it than higher counters: ask the machine


@define(eq=False)
class Meter:
    """The counters of one open connection; the only value here that changes in place.

    `octets_allowed`: what this connection may have used before the data of its pass is spent. `quiet_until`: when
    something may follow from the time alone. `counted_from`: where time online is what runs out, since when the seconds
    so far have run; they may not run ahead of the clock then.
    """

    connection_id: int
    opened_at: Instant
    last_at: Instant
    uploaded: Octets
    downloaded: Octets
    seconds: Seconds
    octets_allowed: Octets
    quiet_until: Instant
    counted_from: Instant | None

    def take(self, at: Instant, uploaded: int, downloaded: int, seconds: int) -> Taken:
        """Take over a report of exact counters (with Gigawords, RFC 2869 §5.1), made at `at`."""
        if at >= self.quiet_until:
            return Taken.NOT_ORDINARY
        last_at = at if at > self.last_at else self.last_at
        # Session time is not believed beyond wall time, see connection.meter.
        longest = (last_at - self.opened_at) // 1000 + _ROUNDING
        seconds = max(0, longest) if seconds > longest else seconds
        uploaded = max(uploaded, self.uploaded)
        downloaded = max(downloaded, self.downloaded)
        seconds = max(seconds, self.seconds)
        if uploaded + downloaded > self.octets_allowed:
            return Taken.NOT_ORDINARY
        if self.counted_from is not None and self._runs_ahead(seconds, last_at):
            return Taken.NOT_ORDINARY
        if (uploaded, downloaded, seconds, last_at) == (self.uploaded, self.downloaded, self.seconds, self.last_at):
            return Taken.NOTHING_NEW
        self.uploaded, self.downloaded, self.seconds = Octets(uploaded), Octets(downloaded), Seconds(seconds)
        self.last_at = last_at
        return Taken.COUNTED

    def _runs_ahead(self, seconds: int, last_at: Instant) -> bool:
        """Whether more time online may be over by now than the clock alone would say."""
        longest = (last_at - (self.counted_from or 0)) // 1000 + _ROUNDING
        return last_at >= self.quiet_until or seconds > longest


def is_ordinary(connection: Connection) -> bool:
    """Whether a connection runs as most do, so that its reports may be."""
    counters = connection.counters
    return connection.is_open and connection.started_at is not None and not counters.inexact and counters.exact is None


def is_shared(bought: Pass) -> bool:
    """Whether what is left of a pass depends on what several devices use at the same time."""
    terms = bought.terms
    return terms.devices > 1 and (terms.data is not None or not bought.is_wall_clock)


def quiet_until(holding: Holding, wake_at: Instant | None) -> Instant:
    """Until when nothing follows from the time alone, for a pass that is to wake at `wake_at`."""
    if wake_at is None:
        return NEVER
    if not holding.bought.is_wall_clock:
        # Whole seconds of several connections do not add up to those of the clock, and may be that much ahead.
        return Instant(wake_at - (1 + _ROUNDING) * 1000)
    # A closing time is reckoned in whole seconds from any instant within one.
    return wake_at if holding.bought.terms.hours is None else Instant(wake_at - 1000)


def counted_from(holding: Holding, connection: Connection) -> Instant | None:
    """Since when the seconds of `connection` have run, if time online is what runs out."""
    if holding.bought.is_wall_clock:
        return None
    return Instant(connection.last_at - connection.counters.used.seconds * 1000)


def octets_allowed(holding: Holding, connection: Connection) -> Octets:
    """What `connection` alone may have used before the data of the pass is spent; below 0 if others may use it up."""
    data = holding.bought.data
    if data is None:
        return ANY
    if holding.bought.terms.devices > 1 or sum(not each.is_closed for each in holding.connections) > 1:
        return Octets(-1)
    used = connection.counters.used.octets
    return Octets(data - holding.bought.used.octets + used)


def metered(holding: Holding, meter: Meter) -> Holding:
    """`holding` with what the meter of one of its connections has counted since."""
    before = holding.connection(meter.connection_id)
    now = Usage(meter.uploaded, meter.downloaded, meter.seconds)
    was = before.counters.used
    if now == was and before.last_at == meter.last_at:
        return holding
    holding = holding.with_connection(evolve(before, counters=Counters(now), last_at=meter.last_at))
    if before.session_id is None or now == was:
        return holding
    return count(holding, before.session_id, now.less(was))
