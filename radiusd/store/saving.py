"""Writes what one transaction changed: each kind of row in one statement, whoever the rows belong to."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import bindparam, insert, or_, update

from policy.connection import Connection
from policy.cut import BY_CLOSING, Outcome
from policy.holding import Holding, settled
from policy.quantities import Instant
from policy.session import Session
from policy.usage import Usage
from policy.values import evolve
from radiusd.store import rows
from radiusd.store.bulk import Insert, Rewrite, Row
from radiusd.store.memory import Known
from radiusd.store.schema import commands, connections, passes, sessions

Pair = tuple[Connection | None, Connection]
"""A connection as it was stored, None for a new one, and as it is now."""


Written = tuple[Row, Row]
"""The row of something as it is now, with its id, and as it was stored."""


@frozen
class PassState:
    """What is kept of a pass beside its value."""

    wake_at: Instant | None
    is_open: bool
    version: int


class Change:
    """A holding as it was stored, and as it is now: the sessions and connections that are new or differ.

    `unsaved`: connections whose rows are older than `before`. What open connections use is with them until they are
    not open, so that a session's row may differ when only its connection did.
    """

    __slots__ = ("after", "before", "is_structural", "lines", "sessions")

    def __init__(self, before: Holding, after: Holding, unsaved: Collection[int]) -> None:
        self.before, self.after = before, after
        lines = {each.id: each for each in before.connections}
        self.lines: list[Pair] = [
            (lines.get(each.id), each)
            for each in after.connections
            if each is not lines.get(each.id) or each.id in unsaved
        ]
        settled_of = {
            now.session_id
            for was, now in self.lines
            if was is None or not now.is_open or not was.is_open or was.session_id != now.session_id
        }
        known = {each.id: each for each in before.sessions}
        self.sessions: list[tuple[Session | None, Session]] = [
            (known.get(each.id), each)
            for each in after.sessions
            if each.id in settled_of or _differs(known.get(each.id), each)
        ]
        self.is_structural = bool(settled_of) or bool(self.sessions)
        """Whether more differs than what connections counted: whoever decides over this pass must know of it."""
        if self.is_structural and after.bought.data is not None:
            # There may be less left for the other lines: whoever remembers them must read them anew.
            written = {now.id for _, now in self.lines}
            self.lines += [
                (lines[each.id], each)
                for each in after.connections
                if each.is_open and each.id in lines and each.id not in written
            ]

    @property
    def is_news(self) -> bool:
        """Whether more differs than its connections and what they used: who may use it, for how long, with what."""
        bought = self.after.bought
        return evolve(self.before.bought, used=bought.used) != bought or any(
            before is None or (before.phase, before.device) != (after.phase, after.device)
            for before, after in self.sessions
        )


def _differs(before: Session | None, after: Session) -> bool:
    """Whether more of a session differs than what was used of it."""
    return before is None or (before is not after and evolve(before, used=after.used) != after)


def pass_values(holding: Holding, state: PassState) -> tuple[Any, ...]:
    """The row of a pass."""
    open_lines = [each for each in holding.connections if each.is_open]
    used = settled(holding.bought.used, open_lines)
    return rows.changed_pass(holding.bought, used, wake_at=state.wake_at, is_open=state.is_open)


def settled_usage(session: Session, holding: Holding) -> Usage:
    """What is kept with a session: all but what its open connections used."""
    open_lines = [each for each in holding.connections if each.session_id == session.id and each.is_open]
    return settled(session.used, open_lines)


_REWRITE_PASS = Rewrite(passes, rows.CHANGED_PASS, has_version=True, lasting=(("wake_at",),))
_REWRITE_SESSION = Rewrite(
    sessions,
    rows.CHANGED_SESSION,
    has_version=False,
    lasting=(
        ("phase", "device", "slot", "started_at", "ended_at", "end_reason"),  # it goes on
        ("ended_at", "end_reason"),  # it begins
        ("device", "started_at"),  # it ends
    ),
)
_INSERT_SESSION = Insert(sessions, rows.NEW_SESSION)
_INSERT_CONNECTION = Insert(connections, rows.NEW_CONNECTION)
_REWRITE_COUNTED = Rewrite(
    connections,
    rows.COUNTED,
    has_version=True,
    never_empties=("started_at",),
    lasting=(("state", "closed_at", "closing", "terminate_cause"),),
)
_REWRITE_DESCRIBED = Rewrite(
    connections, rows.DESCRIBED, has_version=False, lasting=(("session_id", "key"), ("session_id",))
)


def save_passes(database: DatabaseConnection, batch: list[Written]) -> None:
    """Write passes, in the order of their ids; raises Conflict."""
    _REWRITE_PASS.run(database, *_in_order(batch, -2))


def _in_order(batch: list[Written], place_of_id: int) -> tuple[list[Row], list[Row]]:
    """The rows in the order of their ids, and what each was before."""
    batch.sort(key=lambda each: each[0][place_of_id])
    return [row for row, _ in batch], [was for _, was in batch]


def save_sessions(database: DatabaseConnection, changed: Sequence[Change]) -> None:
    """Write sessions; the lock of their pass protects them."""
    new: list[Row] = []
    old: list[Written] = []
    for each in changed:
        for before, after in each.sessions:
            used = settled_usage(after, each.after)
            if before is None:
                new.append(rows.new_session(after, used))
                continue
            row = rows.changed_session(after, used)
            was = rows.changed_session(before, settled_usage(before, each.before))
            if row != was:
                old.append(((*row, after.id), was))
    # Places are given up before they are taken (S1 is a unique index, checked row by row).
    _REWRITE_SESSION.run(database, *_in_order([each for each in old if each[0][_SLOT] is None], -1))
    _REWRITE_SESSION.run(database, *_in_order([each for each in old if each[0][_SLOT] is not None], -1))
    _INSERT_SESSION.run(database, new)


_SLOT = rows.CHANGED_SESSION.index("slot")


def insert_connections(database: DatabaseConnection, new: Sequence[Connection]) -> None:
    """Write new connections."""
    _INSERT_CONNECTION.run(database, [rows.new_connection(each) for each in new])


_UNTOLD = (*[None] * (len(rows.COUNTED) - len(rows.GOES_ON)), *rows.GOES_ON)
"""What is known of the row of a connection that was only counted: that it goes on."""


def save_connections(
    database: DatabaseConnection,
    changed: Sequence[tuple[Connection, Connection]],
    versions: Mapping[int, int],
    counted: Mapping[int, Known],
) -> None:
    """Write connections, those that were only counted too, in the order of all their ids; raises Conflict."""
    batch = [((*rows.counted(after), after.id, versions[after.id]), rows.counted(before)) for before, after in changed]
    batch += [
        ((each.uploaded, each.downloaded, each.seconds, each.last_at, *rows.GOES_ON, line_id, each.version), _UNTOLD)
        for line_id, each in counted.items()
    ]
    _REWRITE_COUNTED.run(database, *_in_order(batch, -2))
    described = [(after.id, rows.described(after), rows.described(before)) for before, after in changed]
    batch = [((*now, line_id), was) for line_id, now, was in described if now != was]
    _REWRITE_DESCRIBED.run(database, *_in_order(batch, -1))


def save_commands(database: DatabaseConnection, cuts: Sequence[Any], changes: Sequence[Any], lease: int) -> None:
    """Write wishes to cut or change connections; nobody else may take them up within `lease` milliseconds."""
    # A newer order for the same thing takes the place of one that the router has not answered yet.
    replaced = [
        {"row_id": each.connection.id, "same": f'{{"{next(iter(each.attributes))}"%', "at": each.created_at}
        for each in changes
    ]
    if replaced:
        database.execute(_REPLACE_CHANGE, replaced)
    batch = [_command(each, "cut", None, lease) for each in cuts]
    batch += [_command(each, "change", json.dumps(dict(each.attributes)), lease) for each in changes]
    if batch:
        database.execute(_INSERT_COMMAND, batch)


def _command(order: Any, kind: str, attributes: str | None, lease: int) -> dict[str, Any]:
    return {
        "id": order.id,
        "kind": kind,
        "attributes": attributes,
        "connection_id": order.connection.id,
        "created_at": order.created_at,
        "due_at": order.created_at + lease,
    }


def settle(database: DatabaseConnection, closed: Sequence[Connection], latest: Instant) -> None:
    """The wishes to cut these connections have come true; that was known at `latest`."""
    batch = []
    for each in closed:
        assert each.closing is not None  # noqa: S101 - it is closed
        verdict = BY_CLOSING[each.closing]
        batch.append(
            {
                "row_id": each.id,
                "outcome": verdict.outcome.value,
                "evidence": verdict.evidence,
                "decided_at": max(latest, each.closed_at or latest),
            }
        )
    if batch:
        database.execute(_SETTLE_COMMAND, batch)


_INSERT_COMMAND = insert(commands)
_REPLACE_CHANGE = (
    update(commands)
    .where(
        commands.c.connection_id == bindparam("row_id"),
        commands.c.kind == "change",
        commands.c.due_at.is_not(None),
        commands.c.attributes.like(bindparam("same")),
    )
    .values(due_at=None, outcome="refused", evidence="a newer order took its place", decided_at=bindparam("at"))
)
_SETTLE_COMMAND = (
    update(commands)
    .where(
        commands.c.connection_id == bindparam("row_id"),
        commands.c.kind == "cut",
        # What was given up after a day is proven all the same when its Stop comes.
        or_(commands.c.due_at.is_not(None), commands.c.outcome == Outcome.NOT_CUT.value),
    )
    .values(
        due_at=None,
        attempts=commands.c.attempts + 1,
        outcome=bindparam("outcome"),
        evidence=bindparam("evidence"),
        decided_at=bindparam("decided_at"),
        elapsed=bindparam("decided_at") - commands.c.created_at,
    )
)
