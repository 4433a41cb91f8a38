"""PostgreSQL's advisory locks: for what has no row that could be locked. SQLite has one writer and needs none."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from radiusd.store.bulk import as_array
from radiusd.store.driver import Prepared

PRESENCE = 0x1CAFE
"""Held by every server that runs."""
_BLOCKING = 0x1CAFF
"""Of all devices: one that was never seen has no row."""
_BEGINNING = 0x1CAFE
"""Of a package, by its name besides: a number of two parts is never one of the others."""

_HOLD_DEVICES = Prepared(f"SELECT pg_advisory_xact_lock_shared({_BLOCKING})", 0)
_HOLD_PACKAGES = Prepared(
    "SELECT pg_advisory_xact_lock($1::int, hashtext(name)) FROM unnest($2::text[]) AS given (name)", 2
)


def hold_devices(connection: Connection) -> None:
    """Have no device blocked between what is read of them next and the end of this transaction."""
    if connection.dialect.name != "sqlite":
        _HOLD_DEVICES.put_off(connection, ())


def await_who_holds_devices(connection: Connection) -> None:
    """Wait for all who read of devices before: whom they let in can be found then. Others wait for our end."""
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_BLOCKING)))


def hold_packages(connection: Connection, names: Collection[str]) -> None:
    """Have nobody else begin to use these packages until the end of this transaction."""
    if names and connection.dialect.name != "sqlite":
        _HOLD_PACKAGES.run(connection, (_BEGINNING, as_array(sorted(names))))
