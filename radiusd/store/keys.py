"""`column is among these keys`, with one statement text however many keys there are."""

from typing import Any

from sqlalchemy import Boolean, Column, Dialect, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Text

from radiusd.store.bulk import as_array, as_keys_of_sqlite


class _Keys(TypeDecorator[Any]):
    """A list of keys: one JSON text for SQLite, one text of an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return as_keys_of_sqlite(value) if dialect.name == "sqlite" else as_array(value)


class _Among(FunctionElement[bool]):
    name = "among"
    type = Boolean()
    inherit_cache = True
    # Else "= 1" would be put behind it for SQLite, which then looks at every row.
    _is_implicitly_boolean = True


def among(column: "Column[Any]", name: str = "keys") -> FunctionElement[bool]:
    """Whether `column` equals one of the values in the list that is bound as `name`."""
    return _Among(column, bindparam(name, type_=_Keys()))


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 - a column and a placeholder


@compiles(_Among, "postgresql")
def _any_of_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = (compiler.process(each, **options) for each in element.clauses)
    kind = compiler.dialect.type_compiler_instance.process(element.clauses.clauses[0].type)
    return f"{column} = ANY (CAST({keys} AS {kind}[]))"
