"""What waits to be done: cuts that are due, passes whose time to wake has come, announcements."""

import json
from collections.abc import Collection
from typing import Any

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import RowMapping, bindparam, case, exists, func, select, update

from policy.cut import Outcome
from policy.quantities import Instant
from radiusd.store import feed, revisions, rows
from radiusd.store.directory import Directory
from radiusd.store.directory import load as load_directory
from radiusd.store.keys import among
from radiusd.store.schema import commands, connections, nases, passes
from radiusd.store.work import LEASE, ChangeCommand, Command, CutCommand
from radiusd.vault import Vault

MOST_AT_ONCE = 500

_DUE = select(commands.c.id).where(commands.c.due_at <= bindparam("at")).order_by(commands.c.due_at).limit(MOST_AT_ONCE)
_TAKE = (
    update(commands)
    .where(among(commands.c.id), commands.c.due_at <= bindparam("at"))
    .values(due_at=bindparam("until"))
    .returning(commands.c.id)
)
_TAKEN = (
    select(
        connections,
        commands.c.id.label("command_id"),
        commands.c.kind.label("command_kind"),
        commands.c.created_at,
        commands.c.attempts,
        commands.c.attributes,
    )
    .join_from(commands, connections, commands.c.connection_id == connections.c.id)
    .where(among(commands.c.id))
    .order_by(commands.c.id)
)
_FIND_OPEN = select(commands.c.created_at, commands.c.attempts, commands.c.outcome).where(
    commands.c.id == bindparam("row_id"), commands.c.due_at.is_not(None)
)
_KEEP = (
    update(commands)
    .where(commands.c.id == bindparam("row_id"), commands.c.due_at.is_not(None))
    .values(
        due_at=bindparam("due_at"),
        attempts=commands.c.attempts + 1,
        outcome=bindparam("outcome"),
        evidence=bindparam("evidence"),
        decided_at=bindparam("decided_at"),
        elapsed=bindparam("decided_at") - commands.c.created_at,
        alerted_at=case(
            (
                bindparam("outcome") == Outcome.NOT_CUT.value,
                func.coalesce(commands.c.alerted_at, bindparam("decided_at")),
            ),
            else_=commands.c.alerted_at,
        ),
    )
)
_AT_ONCE = (
    update(commands)
    .where(
        commands.c.due_at > bindparam("at"),
        commands.c.outcome.is_not(None),
        # Asked of each command that waits, which are few; and not the other way round, of all who are online.
        exists().where(
            connections.c.id == commands.c.connection_id,
            connections.c.router_id == bindparam("router_id"),
            connections.c.state != "CLOSED",
        ),
    )
    .values(due_at=bindparam("at"))
)
_WAKING = select(passes.c.id).where(passes.c.wake_at <= bindparam("at")).order_by(passes.c.wake_at).limit(MOST_AT_ONCE)
_OLDEST_UNCUT = select(func.min(commands.c.created_at)).where(commands.c.due_at.is_not(None), commands.c.kind == "cut")


@frozen(kw_only=True)
class Seen:
    """One look at the store; `directory` is None unless the revision moved, `changes` unless somebody follows them."""

    revision: int
    directory: Directory | None
    due: tuple[int, ...]
    waking: tuple[int, ...]
    changes: feed.Changes | None = None


@frozen
class Following:
    """Somebody who follows what other nodes than `own` change; `position` is None until it has looked once."""

    own: int
    position: feed.Position | None


def look(
    connection: DatabaseConnection, vault: Vault, revision: int | None, at: Instant, following: Following | None = None
) -> Seen:
    """What there is to do at `at`, for somebody who knows the store as of `revision`."""
    # Read before anything else: whatever is read after it is at least as new.
    changes = None if following is None else feed.read(connection, following.position, at, following.own)
    current = revisions.current(connection)
    return Seen(
        changes=changes,
        revision=current,
        directory=None if current == revision else load_directory(connection, vault),
        due=tuple(connection.execute(_DUE, {"at": at}).scalars()),
        waking=tuple(connection.execute(_WAKING, {"at": at}).scalars()),
    )


def oldest_uncut(connection: DatabaseConnection) -> Instant | None:
    """When the oldest cut that is not settled yet was wished for."""
    oldest: Instant | None = connection.execute(_OLDEST_UNCUT).scalar_one()
    return oldest


@frozen
class Heard:
    """What is known of a command at `at`; `outcome` is None while nothing is, `due_at` if no more is to be done."""

    outcome: str | None
    evidence: str
    at: Instant
    due_at: int | None


def find_open(connection: DatabaseConnection, command_id: int) -> Any:
    """created_at, attempts and outcome of a command that is not settled yet; None if it is."""
    return connection.execute(_FIND_OPEN, {"row_id": command_id}).one_or_none()


def next_try(attempts: int, at: Instant, longest_pause: int) -> int:
    """After 1, 2, 4 … seconds, `longest_pause` milliseconds at most."""
    return at + min(1_000 << min(attempts, 20), longest_pause)


def keep(connection: DatabaseConnection, command_id: int, heard: Heard) -> None:
    """Keep what is known of a command, unless it was settled meanwhile."""
    values = {
        "row_id": command_id,
        "due_at": heard.due_at,
        "outcome": heard.outcome,
        "evidence": heard.evidence,
        "decided_at": None if heard.outcome is None else heard.at,
    }
    connection.execute(_KEEP, values)


def take(connection: DatabaseConnection, ids: Collection[int], at: Instant) -> tuple[Command, ...]:
    """Take up those of these commands that are still due, each with its connection as it is by now.

    Nobody else can for the time of a lease; then somebody may, for whoever took them up may be dead by then.
    """
    values = {"keys": list(ids), "at": at, "until": at + LEASE}
    taken = connection.execute(_TAKE, values).scalars().all()
    found = connection.execute(_TAKEN, {"keys": list(taken)}).mappings() if taken else ()
    return tuple(_command(row) for row in found)


def _command(row: RowMapping) -> Command:
    common = {
        "id": row["command_id"],
        "connection": rows.connection_from_row(row),
        "created_at": row["created_at"],
        "attempts": row["attempts"],
    }
    if row["command_kind"] == "cut":
        return CutCommand(**common)
    return ChangeCommand(**common, attributes=json.loads(row["attributes"]))


def hurry(connection: DatabaseConnection, router_id: int, at: Instant) -> None:
    """What is open at this router and was put off is due now: it speaks again."""
    connection.execute(_AT_ONCE, {"router_id": router_id, "at": at})


def void_leases(connection: DatabaseConnection, at: Instant) -> None:
    """Everything open is due now: for the only server of a store, when it starts."""
    connection.execute(update(commands).where(commands.c.due_at > at).values(due_at=at))


def known_boots(connection: DatabaseConnection) -> dict[tuple[int, str], str]:
    """The boot digit last seen of each NAS."""
    query = select(nases.c.router_id, nases.c.name, nases.c.boot).where(nases.c.boot.is_not(None))
    return {(row.router_id, row.name): row.boot for row in connection.execute(query)}
