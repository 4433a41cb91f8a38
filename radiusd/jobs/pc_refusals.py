"""A sample of the events that were turned away, for whoever asks why nothing happens."""

from attrs import frozen
from sqlalchemy import insert

from policy.quantities import Instant
from radiusd.store.pc_schema import pc_refusals
from radiusd.store.work import Work
from radiusd.store.writer import Job

_INSERT = insert(pc_refusals)


@frozen(kw_only=True)
class KeepPcRefusalJob(Job):
    """`times`: how many of the same kind came since the last that was kept."""

    at: Instant
    branch_id: int | None
    source: str
    cause: str
    times: int

    def run(self, work: Work) -> None:
        """Keep it."""
        values = {"at": self.at, "branch_id": self.branch_id, "source": self.source, "cause": self.cause}
        work.database.execute(_INSERT, {"id": work.new_id("pc_refusals"), "times": self.times, **values})
