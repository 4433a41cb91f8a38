"""What a NAS answered to a cut, or that it did not."""

from collections.abc import Mapping

from attrs import frozen
from sqlalchemy import bindparam, select, update

from policy.connection import Closing, CutAnswered
from policy.holding import answer_cut
from policy.quantities import Instant
from radiusd.store.directory import Cafe
from radiusd.store.schema import commands
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

LONGEST_PAUSE = 60_000
GIVE_UP_AFTER = 24 * 3_600_000

_POSTPONE = (
    update(commands)
    .where(commands.c.id == bindparam("row_id"), commands.c.due_at.is_not(None))
    .values(due_at=bindparam("due_at"), attempts=commands.c.attempts + 1, outcome=bindparam("outcome"))
)
_DECIDE = (
    update(commands)
    .where(commands.c.id == bindparam("row_id"), commands.c.due_at.is_not(None))
    .values(
        due_at=None,
        decided_at=bindparam("decided_at"),
        attempts=commands.c.attempts + 1,
        outcome=bindparam("outcome"),
    )
)
_PAST = select(commands.c.created_at, commands.c.attempts).where(commands.c.id == bindparam("row_id"))


@frozen(kw_only=True)
class CutAnsweredJob(Job):
    """`closing` is set when the NAS says that the connection is over; else `outcome` tells what came instead."""

    at: Instant
    command_id: int
    connection_id: int
    closing: Closing | None
    outcome: str
    cafes: Mapping[int, Cafe]

    def needs(self) -> Needs:
        """The connection."""
        return Needs(connection_ids={self.connection_id})

    def run(self, work: Work) -> None:
        """Settle the command, or say when to try again: after 1, 2, 4 … 60 s, for a day."""
        if self.closing is None:
            self._postpone(work)
            return
        holding = work.holding_of_connection(self.connection_id)
        if holding is not None:
            after = answer_cut(holding, self.connection_id, CutAnswered(self.at, self.closing))
            if after is not holding:
                account = work.accounts[holding.bought.account_id]
                work.put(after, (), self.cafes[account.branch_id].branch(self.at), self.at)
        values = {"row_id": self.command_id, "decided_at": self.at, "outcome": self.outcome}
        work.database.execute(_DECIDE, values)

    def _postpone(self, work: Work) -> None:
        past = work.database.execute(_PAST, {"row_id": self.command_id}).one_or_none()
        if past is None:
            return
        if self.at - past.created_at > GIVE_UP_AFTER:
            values = {"row_id": self.command_id, "decided_at": self.at, "outcome": f"given up: {self.outcome}"}
            work.database.execute(_DECIDE, values)
            return
        pause = min(1_000 << min(past.attempts, 10), LONGEST_PAUSE)
        values = {"row_id": self.command_id, "due_at": self.at + pause, "outcome": self.outcome}
        work.database.execute(_POSTPONE, values)
