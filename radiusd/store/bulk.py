"""Many rows in one call of the driver: as arrays to PostgreSQL; as values to SQLite, and as one JSON text from it.

What SQLAlchemy does for each row of an `insert().values()` costs more than the database does. Here the text is made
once, and a row is a tuple. SQLite's driver lets go of the interpreter for each row that it steps over, and waits to get
it back while the reactor is busy: so all rows are one step, there and back. And it keeps a copy of every page that a
statement changes, to undo that statement alone, unless it is told to leave it as it is where it fails (OR FAIL):
whatever fails undoes the whole transaction here.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import CompoundSelect, Connection, LargeBinary, Select, Table, TextClause, TextualSelect, func, select
from sqlalchemy.dialects import postgresql

from radiusd.store import driver
from radiusd.store.errors import Conflict

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]

Row = tuple[Any, ...]
_MOST_ROWS = 256
"""In one statement of SQLite: as many as a batch has jobs."""


class _Statement:
    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = tuple(columns)

    def _types(self, names: Sequence[str]) -> list[str]:
        return [str(self._table.c[name].type.compile(dialect=_POSTGRESQL)) for name in names]

    def _arrays(self, names: Sequence[str]) -> str:
        return ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(self._types(names), 1))


class Insert(_Statement):
    """New rows; each has the values of `columns`, in this order, of which the first is never NULL."""

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert them."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            for values in self._sqlite.filled(rows):
                driver.execute(connection, *values)
        else:
            self._postgresql.put_off(connection, tuple(map(as_array, zip(*rows, strict=True))))

    @cached_property
    def _sqlite(self) -> "_Filled":
        names = ", ".join(self._columns)
        text = f"INSERT OR FAIL INTO {self._table.name} ({names}) SELECT * FROM {{}} WHERE column1 IS NOT NULL"  # noqa: S608
        return _Filled(text, len(self._columns))

    @cached_property
    def _postgresql(self) -> driver.Prepared:
        names = ", ".join(self._columns)
        text = f"INSERT INTO {self._table.name} ({names}) SELECT * FROM unnest({self._arrays(self._columns)})"  # noqa: S608
        return driver.Prepared(text, len(self._columns))


class Rewrite(_Statement):
    """Rows that are there already; each has the values of `columns`, then its id, and its version if it has one.

    SQLite renews every index that has to do with a column that is written, though its value stays the same. `lasting`
    are sets of such columns, the largest first: where all of a set are as they were, they are not written there.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        has_version: bool,
        never_empties: Sequence[str] = (),
        lasting: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__(table, columns)
        self._keys = ("id", "version") if has_version else ("id",)
        self._never_empties = frozenset(never_empties)
        self._narrower = [_Narrower(self, each) for each in lasting]

    def without(self, left_out: Collection[str]) -> "Rewrite":
        """The same for fewer columns."""
        kept = [each for each in self._columns if each not in left_out]
        return Rewrite(self._table, kept, has_version="version" in self._keys, never_empties=tuple(self._never_empties))

    @property
    def names(self) -> tuple[str, ...]:
        """What the values of a row are, in their order."""
        return (*self._columns, *self._keys)

    def run(self, connection: Connection, rows: Sequence[Row], before: Sequence[Row] = ()) -> None:
        """Write them, in the order they come in on PostgreSQL; `before` has the values each had, if they are known.

        Raises Conflict if somebody else has written one since its version was read; with PostgreSQL only when the next
        statement is executed, or the transaction ends.
        """
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            for narrower in self._narrower if before else ():
                rows, before = narrower.run(connection, rows, before)
            written = sum(driver.execute(connection, *each).rowcount for each in self._sqlite.filled(rows))
            if written < len(rows) and "version" in self._keys:
                raise Conflict
            return
        values = tuple(map(as_array, zip(*rows, strict=True)))
        self._postgresql.put_off(connection, (*values, len(rows)) if "version" in self._keys else values)

    def _changes(self, new: Sequence[str]) -> str:
        texts = [self._change(name, value, f"t.{name}") for name, value in zip(self._columns, new, strict=False)]
        if "version" in self._keys:
            texts.append("version = t.version + 1")
        return ", ".join(texts)

    def _which(self, keys: Sequence[str]) -> str:
        return " AND ".join(f"t.{name} = {value}" for name, value in zip(self._keys, keys, strict=True))

    def _change(self, name: str, new: str, old: str) -> str:
        return f"{name} = coalesce({new}, {old})" if name in self._never_empties else f"{name} = {new}"

    @cached_property
    def _sqlite(self) -> "_Filled":
        width = len(self.names)
        values = [f"given.column{place + 1}" for place in range(width)]
        which = self._which(values[len(self._columns) :])
        text = f"UPDATE OR FAIL {self._table.name} AS t SET {self._changes(values)} FROM {{}} AS given WHERE {which}"  # noqa: S608
        return _Filled(text, width)

    @cached_property
    def _postgresql(self) -> driver.Prepared:
        names = self.names
        values = [f"v.{name}" for name in names]
        which = self._which(values[len(self._columns) :])
        text = (
            f"UPDATE {self._table.name} AS t SET {self._changes(values)} "  # noqa: S608 - names of columns
            f"FROM unnest({self._arrays(names)}) AS v ({', '.join(names)}) WHERE {which}"
        )
        if "version" not in self._keys:
            return driver.Prepared(text, len(names))
        expected = f"${len(names) + 1}::bigint"
        text = f"WITH written AS ({text} RETURNING 1) SELECT 1 / (count(*) = {expected})::int FROM written"  # noqa: S608
        return driver.Prepared(text, len(names) + 1)


class _Narrower:
    """Writes those rows of which some columns stay as they were, without these."""

    def __init__(self, rewrite: Rewrite, lasting: Collection[str]) -> None:
        places = range(len(rewrite.names))
        self._lasting = itemgetter(*(place for place in places if rewrite.names[place] in lasting))
        self._others = itemgetter(*(place for place in places if rewrite.names[place] not in lasting))
        self._rewrite = rewrite.without(lasting)

    def run(self, connection: Connection, rows: Sequence[Row], before: Sequence[Row]) -> tuple[list[Row], list[Row]]:
        """What is left to be written, and what it was before."""
        lasting = self._lasting
        mine: list[Row] = []
        left: list[Row] = []
        left_before: list[Row] = []
        for row, was in zip(rows, before, strict=True):
            if lasting(row) == lasting(was):
                mine.append(self._others(row))
            else:
                left.append(row)
                left_before.append(was)
        self._rewrite.run(connection, mine)
        return left, left_before


class _Filled:
    """A statement of SQLite over rows of `width` values, which go where its text has braces.

    There is a text for each power of two: what is missing are rows of NULL, which no row of a table equals.
    """

    def __init__(self, text: str, width: int) -> None:
        self._text = text
        self._row = f"({', '.join('?' * width)})"
        self._nothing = (None,) * width
        self._texts: dict[int, str] = {}

    def filled(self, rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
        """The text and all values; several times for more rows than one statement takes."""
        for first in range(0, len(rows), _MOST_ROWS):
            some = rows[first : first + _MOST_ROWS]
            size = 1 << (len(some) - 1).bit_length()
            values = [*chain.from_iterable(some), *self._nothing * (size - len(some))]
            yield self._texts.get(size) or self._made(size), tuple(values)

    def _made(self, size: int) -> str:
        text = self._texts[size] = self._text.format(f"(VALUES {', '.join([self._row] * size)})")
        return text


class Query:
    """Rows that are read: the values of each in the order of the statement's columns. Octets are never NULL.

    What varies from one time to the next are lists of keys, as of `among`.
    """

    def __init__(
        self,
        statement: Select[Any] | CompoundSelect[Any] | TextualSelect,
        on_postgresql: TextClause | None = None,
    ) -> None:
        self._statement = driver.Statement(statement if on_postgresql is None else on_postgresql)
        found = statement.subquery("found")
        self._octets = [place for place, each in enumerate(found.c) if isinstance(each.type, LargeBinary)]
        values = [func.hex(each) if place in self._octets else each for place, each in enumerate(found.c)]
        self._as_json = driver.Statement(select(func.json_group_array(func.json_array(*values))))

    def rows(self, connection: Connection, **keys: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """What is found."""
        if connection.dialect.name == "sqlite":
            values = {name: as_keys_of_sqlite(each) for name, each in keys.items()}
            (told,) = self._as_json.run(connection, values).fetchone()
            found: list[list[Any]] = _decode(told)
            for place in self._octets:
                for row in found:
                    row[place] = bytes.fromhex(row[place])
            return found
        values = {name: as_array(each) for name, each in keys.items()}
        rows: list[Sequence[Any]] = self._statement.run(connection, values).fetchall()
        return [self._with_octets(row) for row in rows] if self._octets else rows

    def _with_octets(self, row: Sequence[Any]) -> Sequence[Any]:
        return [bytes(value) if place in self._octets else value for place, value in enumerate(row)]


def as_keys_of_sqlite(keys: Sequence[Any]) -> str:
    """A list of keys as the text that `json_each` takes."""
    return _ENCODER.encode(keys).decode()


def as_array(values: Collection[str | int | None]) -> str:
    """The text of a PostgreSQL array: read in one go, where ARRAY[…] is an expression for each of its values.

    It is JSON in other brackets, as long as no character in it has an escape of its own. `values` are in a list, a
    tuple or a set, and of no classes of their own.
    """
    told = _ENCODER.encode(values).decode()
    if "\\" in told and _OWN_ESCAPE.search(told):
        return "{" + ",".join([_quoted(each) if isinstance(each, str) else _plain(each) for each in values]) + "}"
    return "{" + told[1:-1] + "}"


_OWN_ESCAPE = re.compile(r"\\[bfnrtu]")


def _plain(value: int | None) -> str:
    return "NULL" if value is None else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_ENCODER = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(list[list[Any]]).decode
