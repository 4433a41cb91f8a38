"""Finding rows by the names people type, and saying something useful when there is none."""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, select

from radiusd.store.errors import AlreadyThere, NotFound
from radiusd.store.schema import accounts, routers

_LOOKED_THROUGH = 2000
_SHARED_START = 2


def find(connection: Connection, table: Table, name: str, what: str) -> RowMapping:
    """The row of `table` with this name; raises NotFound, which names those that are like it."""
    row = connection.execute(select(table).where(table.c.name == name, *_present(table))).mappings().first()
    if row is None:
        raise NotFound(f"there is no {what} {name!r}{suggestion(connection, table, name)}")
    return row


def suggestion(connection: Connection, table: Table, name: str) -> str:
    """`: did you mean …?`, or what there is if that is little; names that begin alike are looked through."""
    column = table.c.name
    everything = names(connection, table, _LOOKED_THROUGH)
    close = get_close_matches(name, everything, 3, 0.6)
    if not close:
        alike = func.lower(column).startswith(name[:_SHARED_START].lower(), autoescape=True)
        close = get_close_matches(name, names(connection, table, _LOOKED_THROUGH, alike), 3)
    if close:
        return f": did you mean {' or '.join(close)}?"
    if not everything:
        return ": there is none yet"
    return f": known are {', '.join(everything)}" if len(everything) <= 5 else ""


def names(connection: Connection, table: Table, limit: int, *where: "ColumnElement[bool]") -> Sequence[str]:
    """At most `limit` names that may be shown, in order: a voucher's is its password too."""
    hidden = [accounts.c.kind == "customer"] if table is accounts else []
    query = select(table.c.name).where(*_present(table), *hidden, *where).order_by(table.c.name).limit(limit)
    return connection.execute(query).scalars().all()


def require_free(connection: Connection, table: Table, name: str, what: str) -> None:
    """Raise AlreadyThere if the name is taken."""
    if connection.execute(select(table.c.name).where(table.c.name == name)).first() is not None:
        raise AlreadyThere(f"{what} {name!r} is there already")


def only_one(connection: Connection, table: Table, what: str) -> RowMapping | None:
    """The row of `table` if it is the only one, None if there are several; raises NotFound if there is none."""
    rows = connection.execute(select(table).where(*_present(table)).limit(2)).mappings().all()
    if not rows:
        raise NotFound(f"there is no {what} yet: add one first, with `icafectl {what} add`")
    return rows[0] if len(rows) == 1 else None


def _present(table: Table) -> "list[ColumnElement[bool]]":
    return [routers.c.removed_at.is_(None)] if table is routers else []
