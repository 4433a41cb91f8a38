"""Forgetting what nobody asks about any more."""

from attrs import frozen
from sqlalchemy import Column, Delete, bindparam, delete, select

from policy.quantities import DAY, Instant, later
from radiusd.store.decisions import KEPT_DAYS
from radiusd.store.game_schema import otts
from radiusd.store.pc_schema import pc_events, pc_refusals, portal_logins
from radiusd.store.schema import decisions
from radiusd.store.work import Work
from radiusd.store.writer import Job

_AT_ONCE = 1000

_BY_AGE = (
    decisions.c.at,
    pc_events.c.received_at,
    pc_refusals.c.at,
    portal_logins.c.expires_at,
    otts.c.issued_at,
)
"""What is forgotten, by the instant its age is counted from."""


def _forgetting(age: "Column[int]") -> Delete:
    table = age.table
    (key,) = table.primary_key.columns
    old = select(key).where(age < bindparam("before")).order_by(age).limit(_AT_ONCE)
    return delete(table).where(key.in_(old.scalar_subquery()))


_FORGET = tuple(_forgetting(each) for each in _BY_AGE)


@frozen
class PruneJob(Job):
    """What is older than ninety days: decisions, events of PC systems, portal logins that ran out, one-time tokens.

    A thousand at a time, so that no packet waits for it.
    """

    at: Instant

    def run(self, work: Work) -> bool:
        """Whether there may be more."""
        before = later(self.at, -KEPT_DAYS * DAY)
        forgotten = [work.database.execute(each, {"before": before}).rowcount for each in _FORGET]
        return _AT_ONCE in forgotten
