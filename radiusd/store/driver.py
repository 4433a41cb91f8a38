"""Statements that every batch runs, given to the driver itself: through SQLAlchemy each costs several times as much."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import ClauseElement, Connection
from sqlalchemy.exc import DBAPIError

Values = Sequence[Any] | Mapping[str, Any]


class Statement:
    """A statement of which the text is made once for each kind of store; values are given as the driver takes them."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after it."""
        text = self._texts.get(connection.dialect.name) or self._text(connection)
        given = {**text.fixed, **values}
        return execute(
            connection, text.statement, given if text.names is None else tuple([given[each] for each in text.names])
        )

    def _text(self, connection: Connection) -> "_Text":
        compiled: Any = self._statement.compile(dialect=connection.dialect)
        varying = [name for name, each in compiled.binds.items() if each.required]
        fixed = compiled.construct_params(dict.fromkeys(varying))
        made = self._texts[connection.dialect.name] = _Text(str(compiled), compiled.positiontup, fixed)
        return made


@frozen
class _Text:
    """`names` are those of the places in the statement, None where the driver takes values by name."""

    statement: str
    names: Sequence[str] | None
    fixed: Mapping[str, Any]


def execute(connection: Connection, statement: str, values: Values) -> Any:
    """The driver's cursor after `statement`. Raises what SQLAlchemy would, without the values."""
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, values)
    except connection.dialect.loaded_dbapi.Error as error:
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
