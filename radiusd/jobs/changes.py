"""What came of a change."""

from attrs import frozen
from sqlalchemy import bindparam, select

from policy.connection import Connection, ConnectionState
from policy.extending import session_timeout
from policy.holding import left
from policy.quantities import Instant
from radiusd.store import outbox
from radiusd.store.directory import Cafe
from radiusd.store.schema import connections
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job

LONGEST_PAUSE = 60_000

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
        past = outbox.find_open(work.database, self.command_id)
        if past is None:
            return
        outcome, due_at = self.outcome, None
        if outcome is None:
            is_running = work.database.execute(_STATE, {"row_id": self.connection.id}).scalar_one() == "OPEN"
            due_at = outbox.next_try(past.attempts, self.at, LONGEST_PAUSE) if is_running else None
            outcome = None if is_running else "refused"
        outbox.keep(work.database, self.command_id, outbox.Heard(outcome, self.evidence, self.at, due_at))


@frozen(kw_only=True)
class LiftLeashJob(Job):
    """A connection that began with a minute gets what its pass has left; one without limit the longest there is."""

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
        work.order_change(line, {"Session-Timeout": session_timeout(line.opened_at, rest, self.at)}, self.at)
