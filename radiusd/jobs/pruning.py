"""Forgetting what nobody asks about any more."""

from attrs import frozen
from sqlalchemy import bindparam, delete, select

from policy.quantities import DAY, Instant, later
from radiusd.store.schema import decisions
from radiusd.store.work import Work
from radiusd.store.writer import Job

KEPT_DAYS = 90
_AT_ONCE = 1000

_OLD = select(decisions.c.id).where(decisions.c.at < bindparam("before")).order_by(decisions.c.at).limit(_AT_ONCE)
_FORGET = delete(decisions).where(decisions.c.id.in_(_OLD.scalar_subquery()))


@frozen
class PruneJob(Job):
    """Decisions older than ninety days, a thousand at a time so that no packet waits for it."""

    at: Instant

    def run(self, work: Work) -> bool:
        """Whether there may be more."""
        before = later(self.at, -KEPT_DAYS * DAY)
        return work.database.execute(_FORGET, {"before": before}).rowcount == _AT_ONCE
