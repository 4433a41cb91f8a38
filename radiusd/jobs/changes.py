"""What came of a change."""

from attrs import frozen
from sqlalchemy import bindparam, select, update

from policy.connection import Connection, ConnectionState
from policy.holding import left
from policy.quantities import Instant
from radiusd.store.directory import Cafe
from radiusd.store.schema import commands, connections
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

LONGEST_PAUSE = 60_000
_WITHOUT_LIMIT = 365 * 86_400

_ANSWERED = (
    update(commands)
    .where(commands.c.id == bindparam("row_id"), commands.c.due_at.is_not(None))
    .values(
        due_at=bindparam("due_at"),
        attempts=commands.c.attempts + 1,
        outcome=bindparam("outcome"),
        evidence=bindparam("evidence"),
        decided_at=bindparam("decided_at"),
        elapsed=bindparam("decided_at") - commands.c.created_at,
    )
)
_PAST = select(commands.c.attempts).where(commands.c.id == bindparam("row_id"))
_STATE = select(connections.c.state).where(connections.c.id == bindparam("row_id"))


@frozen(kw_only=True)
class ChangeAnsweredJob(Job):
    """`outcome` is None when nobody answered: then it is tried again for as long as the connection goes on."""

    at: Instant
    command_id: int
    connection: Connection
    outcome: str | None
    evidence: str

    def run(self, work: Work) -> None:
        """Keep it."""
        outcome, due_at = self.outcome, None
        if outcome is None:
            attempts = work.database.execute(_PAST, {"row_id": self.command_id}).scalar_one()
            state = work.database.execute(_STATE, {"row_id": self.connection.id}).scalar_one()
            if state == "OPEN":
                due_at = self.at + min(1_000 << min(attempts, 10), LONGEST_PAUSE)
            else:
                outcome = "refused"
        values = {
            "row_id": self.command_id,
            "due_at": due_at,
            "outcome": outcome,
            "evidence": self.evidence,
            "decided_at": None if outcome is None else self.at,
        }
        work.database.execute(_ANSWERED, values)


@frozen(kw_only=True)
class LiftLeashJob(Job):
    """A connection that began with a minute gets what its pass has left; one without limit gets a year."""

    at: Instant
    connection_id: int
    cafe: Cafe

    def needs(self) -> Needs:
        """The connection."""
        return Needs(connection_ids={self.connection_id})

    def run(self, work: Work) -> None:
        """Have it changed by CoA, if it goes on."""
        holding = work.holding_of_connection(self.connection_id)
        line = work.connection(self.connection_id)
        if holding is None or line is None or line.state is not ConnectionState.OPEN:
            return
        rest = left(holding, self.cafe.branch(self.at), self.at)
        seconds = _WITHOUT_LIMIT if rest is None else (self.at - line.opened_at) // 1000 + rest
        work.order_change(line, {"Session-Timeout": seconds}, self.at)
