"""Cuts, from taken up to settled."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import frozen
from sqlalchemy import bindparam, select

from policy.connection import Connection, CutProven, FoundGone
from policy.cut import Outcome, Verdict
from policy.holding import lose_connection
from policy.quantities import Instant
from radiusd.store import outbox, rows
from radiusd.store.directory import Cafe
from radiusd.store.schema import IS_ACTIVE, connections, sessions
from radiusd.store.work import Command, Needs, Work
from radiusd.store.writer import Job

GIVE_UP_AFTER = 24 * 3_600_000

# By time: every server takes ids from a block of its own, so that a later connection may have a smaller one.
_LATER = select(connections.c.device, connections.c.nas, connections.c.started_at).where(
    connections.c.router_id == bindparam("router_id"),
    connections.c.state != "CLOSED",
    connections.c.id != bindparam("itself"),
    connections.c.opened_at >= bindparam("since"),
    connections.c.user_name == bindparam("user_name"),
)
_its_session = sessions.alias("its_session")
# Who comes back and is let in from memory has no connection until the Start.
_IN_AGAIN = (
    select(sessions.c.id)
    .join_from(sessions, _its_session, _its_session.c.pass_id == sessions.c.pass_id)
    .where(
        _its_session.c.id == bindparam("session_id"),
        sessions.c.id != _its_session.c.id,
        IS_ACTIVE,
        sessions.c.device == bindparam("device"),
    )
)
_LATER_AT_ADDRESS = _LATER.where(connections.c.framed_ip_address == bindparam("framed_ip_address"))


@frozen
class TakeUpJob(Job):
    """Take up commands that are due, so that nobody else does."""

    ids: tuple[int, ...]
    at: Instant

    def run(self, work: Work) -> tuple[Command, ...]:
        """Those that nobody else took up first."""
        return outbox.take(work.database, self.ids, self.at)


@frozen
class HurryJob(Job):
    """A router that was silent speaks again: what is open there is due now."""

    router_id: int
    at: Instant

    def run(self, work: Work) -> None:
        """Make it due."""
        outbox.hurry(work.database, self.router_id, self.at)


@frozen
class VoidLeasesJob(Job):
    """The only server of this store starts: whoever took commands up before is dead."""

    at: Instant

    def run(self, work: Work) -> None:
        """Make them due."""
        outbox.void_leases(work.database, self.at)


_WITNESSES = (
    select(connections)
    .where(
        connections.c.router_id == bindparam("router_id"),
        connections.c.nas == bindparam("nas"),
        connections.c.state == "OPEN",
        connections.c.started_at.is_not(None),
    )
    .order_by(connections.c.last_at.desc())
    .limit(20)
)


class Successor(Enum):
    """What is known of a later connection of the same user, on the same router, at the same address."""

    NONE = "none"
    ACCEPTED = "accepted, and its Start has not come"
    BEGUN = "begun: its router gave the device's address away anew, so the older one is over"


@frozen
class FindSuccessorJob(Job):
    """Whether a cut that names user and address, and not the session, might hit a later one."""

    connection: Connection

    def run(self, work: Work) -> Successor:
        """Look."""
        line = self.connection
        values: dict[str, Any] = {
            "router_id": line.router_id,
            "itself": line.id,
            "since": line.opened_at,
            "user_name": line.user_name,
        }
        if line.framed_ip_address is not None:
            values["framed_ip_address"] = line.framed_ip_address
        # Without an address only the user is named, and any later connection of theirs might be hit.
        query = _LATER if line.framed_ip_address is None else _LATER_AT_ADDRESS
        found = work.database.execute(query, values).all()
        if any(row.started_at is not None and (row.device, row.nas) == (line.device, line.nas) for row in found):
            return Successor.BEGUN
        return Successor.ACCEPTED if found or self._is_in_again(work) else Successor.NONE

    def _is_in_again(self, work: Work) -> bool:
        """Whether the device has another session by now, in which it may be let in at any moment."""
        values = {"session_id": self.connection.session_id, "device": self.connection.device}
        return work.database.execute(_IN_AGAIN, values).first() is not None


@frozen
class FindWitnessJob(Job):
    """Somebody else who should be online at the same NAS, and was not `asked` after: it can show that it hears us."""

    connection: Connection
    asked: frozenset[int]

    def run(self, work: Work) -> Connection | None:
        """Look."""
        line = self.connection
        found = work.database.execute(_WITNESSES, {"router_id": line.router_id, "nas": line.nas}).mappings()
        row = next((row for row in found if row["id"] not in self.asked), None)
        return None if row is None else rows.connection_from_row(row)


@frozen(kw_only=True)
class CutDecidedJob(Job):
    """One try came to its end."""

    at: Instant
    command_id: int
    connection_id: int
    verdict: Verdict
    longest_pause: int
    cafes: Mapping[int, Cafe]

    def needs(self) -> Needs:
        """The connection."""
        return Needs(connection_ids={self.connection_id})

    def run(self, work: Work) -> bool:
        """Settle the command; or keep it, and try again after 1, 2, 4 … 60 s for a day.

        The result says whether this is the first that is heard of a connection that could not be cut.
        """
        past = outbox.find_open(work.database, self.command_id)
        if past is None:
            return False  # settled meanwhile, by its Stop
        verdict = self.verdict
        due_at = None
        if verdict.closing is not None:
            lose(work, self.connection_id, CutProven(self.at, verdict.closing), self.cafes)
        elif self.at - past.created_at <= GIVE_UP_AFTER:
            due_at = outbox.next_try(past.attempts, self.at, self.longest_pause)
        outcome = outbox.Heard(verdict.outcome.value, verdict.evidence, self.at, due_at)
        outbox.keep(work.database, self.command_id, outcome)
        return verdict.outcome is Outcome.NOT_CUT and past.outcome is None


@frozen(kw_only=True)
class FoundGoneJob(Job):
    """Asked whether these connections go on, their routers knew of none."""

    at: Instant
    connection_ids: tuple[int, ...]
    cafes: Mapping[int, Cafe]

    def needs(self) -> Needs:
        """The connections."""
        return Needs(connection_ids=self.connection_ids)

    def run(self, work: Work) -> None:
        """Close them at their last packet."""
        for each in self.connection_ids:
            lose(work, each, FoundGone(self.at), self.cafes)


def lose(work: Work, connection_id: int, event: CutProven | FoundGone, cafes: Mapping[int, Cafe]) -> None:
    """Close a connection that its router has no more."""
    holding = work.holding_of_connection(connection_id)
    if holding is None:
        return
    after = lose_connection(holding, connection_id, event)
    if after is not holding:
        account = work.accounts[holding.bought.account_id]
        work.learned_at(event.at)
        work.put(after, (), cafes[account.branch_id].branch(event.at), event.at)
