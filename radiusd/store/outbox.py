"""What waits to be done: cuts that are due, passes whose time to wake has come, announcements."""

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import bindparam, select

from policy.quantities import Instant
from radiusd.store import revisions, rows
from radiusd.store.directory import Directory
from radiusd.store.directory import load as load_directory
from radiusd.store.schema import commands, connections, nases, passes
from radiusd.store.work import CutCommand
from radiusd.vault import Vault

MOST_AT_ONCE = 500

_DUE = (
    select(connections, commands.c.id.label("command_id"), commands.c.created_at, commands.c.attempts)
    .join_from(commands, connections, commands.c.connection_id == connections.c.id)
    .where(commands.c.due_at <= bindparam("at"))
    .order_by(commands.c.due_at)
    .limit(MOST_AT_ONCE)
)
_WAKING = select(passes.c.id).where(passes.c.wake_at <= bindparam("at")).order_by(passes.c.wake_at).limit(MOST_AT_ONCE)


@frozen(kw_only=True)
class Seen:
    """One look at the store; `directory` is None unless the revision moved."""

    revision: int
    directory: Directory | None
    due: tuple[CutCommand, ...]
    waking: tuple[int, ...]


def look(connection: DatabaseConnection, vault: Vault, revision: int | None, at: Instant) -> Seen:
    """What there is to do at `at`, for somebody who knows the store as of `revision`."""
    current = revisions.current(connection)
    return Seen(
        revision=current,
        directory=None if current == revision else load_directory(connection, vault),
        due=due_commands(connection, at),
        waking=tuple(connection.execute(_WAKING, {"at": at}).scalars()),
    )


def due_commands(connection: DatabaseConnection, at: Instant) -> tuple[CutCommand, ...]:
    """Cuts to be sent now, the longest waiting first, each with its connection as it is by now."""
    found = connection.execute(_DUE, {"at": at}).mappings()
    return tuple(
        CutCommand(
            id=row["command_id"],
            connection=rows.connection_from_row(row),
            created_at=row["created_at"],
            attempts=row["attempts"],
        )
        for row in found
    )


def known_boots(connection: DatabaseConnection) -> dict[tuple[int, str], str]:
    """The boot digit last seen of each NAS."""
    query = select(nases.c.router_id, nases.c.name, nases.c.boot).where(nases.c.boot.is_not(None))
    return {(row.router_id, row.name): row.boot for row in connection.execute(query)}
