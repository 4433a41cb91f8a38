"""Many rows in one statement: arrays for PostgreSQL, one prepared statement for SQLite.

What SQLAlchemy does for each row of an `insert().values()` costs more than the database does. Here the text is made
once, and a row is a tuple.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]

Row = tuple[Any, ...]


class _Statement:
    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = tuple(columns)

    def _types(self, names: Sequence[str]) -> list[str]:
        return [str(self._table.c[name].type.compile(dialect=_POSTGRESQL)) for name in names]

    def _arrays(self, names: Sequence[str]) -> str:
        return ", ".join(f"%s::{kind}[]" for kind in self._types(names))


class Insert(_Statement):
    """New rows; each has the values of `columns`, in this order."""

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert them."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(self._sqlite, list(rows))
        else:
            connection.exec_driver_sql(self._postgresql, tuple(map(list, zip(*rows, strict=True))))

    @cached_property
    def _sqlite(self) -> str:
        places = ", ".join("?" * len(self._columns))
        return f"INSERT INTO {self._table.name} ({', '.join(self._columns)}) VALUES ({places})"  # noqa: S608

    @cached_property
    def _postgresql(self) -> str:
        names = ", ".join(self._columns)
        return f"INSERT INTO {self._table.name} ({names}) SELECT * FROM unnest({self._arrays(self._columns)})"  # noqa: S608


class Rewrite(_Statement):
    """Rows that are there already; each has the values of `columns`, then its id, and its version if it has one.

    A row that somebody else has written since its version was read stays as it is, and is not counted.
    """

    def __init__(
        self, table: Table, columns: Sequence[str], *, has_version: bool, never_empties: Sequence[str] = ()
    ) -> None:
        super().__init__(table, columns)
        self._keys = ("id", "version") if has_version else ("id",)
        self._never_empties = frozenset(never_empties)

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Write them in the order they come in, and give how many were there."""
        if not rows:
            return 0
        if connection.dialect.name == "sqlite":
            return connection.exec_driver_sql(self._sqlite, list(rows)).rowcount
        return connection.exec_driver_sql(self._postgresql, tuple(map(list, zip(*rows, strict=True)))).rowcount

    def _changes(self, new: str, old: str) -> str:
        texts = [self._change(name, new.format(name), old + name) for name in self._columns]
        if "version" in self._keys:
            texts.append(f"version = {old}version + 1")
        return ", ".join(texts)

    def _change(self, name: str, new: str, old: str) -> str:
        return f"{name} = coalesce({new}, {old})" if name in self._never_empties else f"{name} = {new}"

    @cached_property
    def _sqlite(self) -> str:
        which = " AND ".join(f"{key} = ?" for key in self._keys)
        return f"UPDATE {self._table.name} SET {self._changes('?', '')} WHERE {which}"  # noqa: S608

    @cached_property
    def _postgresql(self) -> str:
        names = (*self._columns, *self._keys)
        which = " AND ".join(f"t.{key} = v.{key}" for key in self._keys)
        return (
            f"UPDATE {self._table.name} AS t SET {self._changes('v.{}', 't.')} "  # noqa: S608 - names of columns
            f"FROM unnest({self._arrays(names)}) AS v ({', '.join(names)}) WHERE {which}"
        )
