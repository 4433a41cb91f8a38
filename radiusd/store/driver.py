"""Statements that every batch runs, given to the driver itself: through SQLAlchemy each costs several times as much.

PostgreSQL takes each of them apart and plans it once for each connection, and from then on gets its name and values.
What nobody reads the answer of is put off: it goes there in one message with the next statement, or before the commit.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Any

from attrs import frozen
from sqlalchemy import ClauseElement, Connection
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg2
from sqlalchemy.exc import DBAPIError

from radiusd.store.errors import Conflict

Values = Sequence[Any]

_PUT_OFF = "put off"
_DIVISION_BY_ZERO = "22012"

_SQLITE: Any = sqlite.dialect()
_POSTGRESQL: Any = psycopg2.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_PLACE = re.compile(r"\$(\d+)")
_numbers = count(1)


def execute(connection: Connection, statement: str, values: Values) -> Any:
    """The driver's cursor after `statement`, and after what was put off until now.

    Raises what SQLAlchemy would, without the values, and Conflict for what was put off (see `Prepared.put_off`).
    """
    put_off = connection.info.pop(_PUT_OFF, None)
    if put_off:
        statement = "; ".join([*(text for text, _ in put_off), statement])
        values = (*chain.from_iterable(each for _, each in put_off), *values)
    return _execute(connection, statement, values)


def send(connection: Connection) -> None:
    """Have done what was put off. Raises as `execute` does."""
    put_off = connection.info.pop(_PUT_OFF, None)
    if put_off:
        text = "; ".join([text for text, _ in put_off])
        _execute(connection, text, tuple(chain.from_iterable(each for _, each in put_off)))


def drop(connection: Connection) -> None:
    """Forget what was put off: its transaction is undone."""
    if not connection.invalidated:
        connection.info.pop(_PUT_OFF, None)


def _execute(connection: Connection, statement: str, values: Values) -> Any:
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        connection.dialect.do_execute(cursor, statement, values)
    except connection.dialect.loaded_dbapi.Error as error:
        if getattr(error, "pgcode", None) == _DIVISION_BY_ZERO:
            raise Conflict from error
        raise _as_by_sqlalchemy(connection, statement, error) from error
    return cursor


def _as_by_sqlalchemy(connection: Connection, statement: str, error: Any) -> Any:
    dialect = connection.dialect
    is_lost = dialect.is_disconnect(error, connection.connection, None)
    if is_lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        statement,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=dialect,
    )


class Prepared:
    """A statement of PostgreSQL whose values have the places $1, $2, …"""

    def __init__(self, text: str, places: int) -> None:
        self.text = text
        self._name = f"icafe_{next(_numbers)}"
        self._execute = f"EXECUTE {self._name}" + (f" ({', '.join(['%s'] * places)})" if places else "")

    def run(self, connection: Connection, values: Values) -> Any:
        """The driver's cursor after it."""
        self._prepare(connection)
        return execute(connection, self._execute, values)

    def put_off(self, connection: Connection, values: Values) -> None:
        """Have it done in its turn, in one message with others. If it divides by zero, that is a Conflict."""
        self._prepare(connection)
        if not connection.in_transaction():
            connection.begin()  # or its commit would do nothing
        connection.info.setdefault(_PUT_OFF, []).append((self._execute, values))

    def _prepare(self, connection: Connection) -> None:
        if self._name not in connection.info:
            # By itself: its text is no template. It outlives the transaction, even one that is undone.
            send(connection)
            execute(connection, f"PREPARE {self._name} AS {self.text}", ())
            connection.info[self._name] = True


class Statement:
    """A statement of SQLAlchemy whose text is made once; values are given by name, as the driver takes them."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._on_sqlite: _Places | None = None
        self._on_postgresql: tuple[Prepared, _Places] | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after it."""
        if connection.dialect.name == "sqlite":
            if self._on_sqlite is None:
                self._on_sqlite = _places(self._statement, _SQLITE)
            return execute(connection, self._on_sqlite.text, self._on_sqlite.filled(values))
        prepared, places = self._prepared()
        return prepared.run(connection, places.filled(values))

    def put_off(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Have it done in its turn; nobody reads its answer."""
        if connection.dialect.name == "sqlite":
            self.run(connection, values)
            return
        prepared, places = self._prepared()
        prepared.put_off(connection, places.filled(values))

    def _prepared(self) -> "tuple[Prepared, _Places]":
        if self._on_postgresql is None:
            places = _with_constants(_places(self._statement, _POSTGRESQL))
            self._on_postgresql = Prepared(places.text, len(places.names)), places
        return self._on_postgresql


@frozen
class _Places:
    """The text of a statement, the names of the values in the order of their places, and those that never change."""

    text: str
    names: Sequence[str]
    constants: Mapping[str, Any]

    def filled(self, values: Mapping[str, Any]) -> Values:
        return tuple([values[name] if name in values else self.constants[name] for name in self.names])


def _places(statement: ClauseElement, dialect: Any) -> _Places:
    compiled: Any = statement.compile(dialect=dialect)
    varying = [name for name, each in compiled.binds.items() if each.required]
    fixed = compiled.construct_params(dict.fromkeys(varying))
    return _Places(str(compiled), compiled.positiontup, {name: fixed[name] for name in fixed if name not in varying})


def _with_constants(places: _Places) -> _Places:
    """With the constants in the text, so that a plan made once for all values knows them."""
    varying = [name for name in places.names if name not in places.constants]

    def put(place: "re.Match[str]") -> str:
        name = places.names[int(place[1]) - 1]
        return _literal(places.constants[name]) if name in places.constants else f"${varying.index(name) + 1}"

    return _Places(_PLACE.sub(put, places.text), varying, {})


def _literal(value: str | int) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
