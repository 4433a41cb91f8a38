"""What is written of spools: their records, carried out exactly once, and a sign of life."""

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import bindparam, select, text

from policy.quantities import Instant
from radiusd.store.spool_schema import spooled
from radiusd.store.work import Work
from radiusd.store.writer import Job

_KEEP = text(
    "INSERT INTO spooled (spool_id, position, at) VALUES (:spool_id, :position, :at) ON CONFLICT (spool_id) "
    "DO UPDATE SET position = excluded.position, at = excluded.at"
)
_POSITION = select(spooled.c.position).where(spooled.c.spool_id == bindparam("wanted")).with_for_update()
PROBE = "probe"
"""Stands in place of a spool's id for whoever only asks whether the store can write."""


@frozen
class ReplayJob(Job):
    """Carries out records of one spool, in their order; each is its sequence and the jobs that it leads to.

    How far it came is written in the same transaction, and what was carried out before is left out: however often the
    same records are handed over, each has its effect once.
    """

    spool_id: str
    records: Sequence[tuple[int, Sequence[Job]]]
    at: Instant

    def run(self, work: Work) -> None:
        """Carry out what was not yet."""
        position = replayed_to(work.database, self.spool_id)
        new = [job for sequence, jobs in self.records if sequence > position for job in jobs]
        work.prepare(job for job in new if not job.is_ordinary)
        for job in new:
            job.run(work)
        position = max(position, self.records[-1][0])
        work.database.execute(_KEEP, {"spool_id": self.spool_id, "position": position, "at": self.at})


@frozen
class ProbeJob(Job):
    """Writes one row: whether the store can."""

    at: Instant

    def run(self, work: Work) -> None:
        """Write it."""
        work.database.execute(_KEEP, {"spool_id": PROBE, "position": 0, "at": self.at})


def replayed_to(connection: DatabaseConnection, spool_id: str) -> int:
    """The sequence of the last record that was carried out, 0 for none; nobody else replays this spool meanwhile."""
    position: Any = connection.execute(_POSITION, {"wanted": spool_id}).scalar()
    return int(position or 0)
