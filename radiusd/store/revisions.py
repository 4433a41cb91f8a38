"""Telling a running server that something changed: one number that whoever changes it counts up."""

from sqlalchemy import Connection, select, update

from radiusd.store.schema import revisions

_COUNT_UP = update(revisions).values(number=revisions.c.number + 1)
_CURRENT = select(revisions.c.number)


def announce(connection: Connection) -> None:
    """Have every server read routers, branches and waiting commands again once this transaction is committed."""
    connection.execute(_COUNT_UP)


def current(connection: Connection) -> int:
    """The number of announcements so far."""
    return int(connection.execute(_CURRENT).scalar_one())
