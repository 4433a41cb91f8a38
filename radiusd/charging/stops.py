"""Charges that are to be stopped: rows that outlive a crash, and stay due until the café's side has acknowledged."""

from collections.abc import Callable

from attrs import frozen
from sqlalchemy import Connection, bindparam, func, select, update

from policy.quantities import Instant, Seconds
from radiusd.store.game_schema import charge_stops
from radiusd.store.keys import among
from radiusd.store.outbox import next_try
from radiusd.store.work import Work
from radiusd.store.writer import Job

LEASE = 10_000
"""Milliseconds in which whoever took up a stop must be done with it; then another may."""
LONGEST_PAUSE = 60_000
MOST_AT_ONCE = 20

_ID = charge_stops.c.game_session_id
_DUE = select(_ID).where(charge_stops.c.due_at <= bindparam("at")).order_by(charge_stops.c.due_at).limit(MOST_AT_ONCE)
# What another server holds at this moment is its own: to wait for it might be to wait for each other.
_FREE = select(_ID).where(among(_ID), charge_stops.c.due_at <= bindparam("at")).with_for_update(skip_locked=True)
_TAKE = (
    update(charge_stops)
    .where(_ID.in_(_FREE))
    .values(due_at=bindparam("until"))
    .returning(
        _ID,
        charge_stops.c.played,
        charge_stops.c.unbilled,
        charge_stops.c.reason,
        charge_stops.c.attempts,
    )
)
_DONE = select(_ID).where(among(_ID), charge_stops.c.done_at.is_not(None))
_OPEN = (
    update(charge_stops)
    .where(charge_stops.c.game_session_id == bindparam("row_id"), charge_stops.c.due_at.is_not(None))
    .values(due_at=bindparam("due"), done_at=bindparam("done"), attempts=charge_stops.c.attempts + 1)
)
_OLDEST = select(func.min(charge_stops.c.created_at)).where(charge_stops.c.due_at.is_not(None))


@frozen
class Stop:
    """A charge to be stopped, tried `attempts` times before."""

    key: str
    played: Seconds
    unbilled: Seconds
    reason: str
    attempts: int


@frozen
class Taken:
    """What was taken up; of the others, those that are done."""

    stops: tuple[Stop, ...]
    done: frozenset[str]


def due(connection: Connection, at: Instant) -> tuple[str, ...]:
    """The game sessions whose stops are due, the oldest first, at most MOST_AT_ONCE of them."""
    return tuple(connection.execute(_DUE, {"at": at}).scalars())


def oldest(connection: Connection) -> Instant | None:
    """Since when a charge that should be stopped has waited for it."""
    found: Instant | None = connection.execute(_OLDEST).scalar_one()
    return found


@frozen
class TakeUpStopsJob(Job):
    """Take up stops that are due, so that nobody else does for the time of a lease."""

    keys: tuple[str, ...]
    at: Instant

    def run(self, work: Work) -> Taken:
        """Those that nobody else took up first."""
        values = {"keys": list(self.keys), "at": self.at, "until": self.at + LEASE}
        stops = tuple(Stop(*row) for row in work.database.execute(_TAKE, values))
        rest = [key for key in self.keys if key not in {each.key for each in stops}]
        done = work.database.execute(_DONE, {"keys": rest}).scalars() if rest else ()
        return Taken(stops, frozenset(done))


@frozen
class AcknowledgedJob(Job):
    """The café's side has stopped a charge; `closing` says which job must be done with it, in the same transaction."""

    key: str
    at: Instant
    closing: Callable[[str, Instant], Job]

    def run(self, work: Work) -> None:
        """Settle it, once."""
        if work.database.execute(_OPEN, {"row_id": self.key, "due": None, "done": self.at}).rowcount:
            self.closing(self.key, self.at).run(work)


@frozen
class PutOffJob(Job):
    """Nobody could tell whether a charge is stopped: again after 1, 2, 4 … 60 s, for ever."""

    stop: Stop
    at: Instant

    def run(self, work: Work) -> None:
        """Set when, unless another server has settled it."""
        due_at = next_try(self.stop.attempts, self.at, LONGEST_PAUSE)
        work.database.execute(_OPEN, {"row_id": self.stop.key, "due": due_at, "done": None})
