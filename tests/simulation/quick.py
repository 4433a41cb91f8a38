"""The store's own statements on SQLite in memory, without what SQLAlchemy does for each of them.

The tables, constraints, queries and transactions are the real ones; only the object that carries statements to the
driver is another. It makes the text of a statement once, and is held equal to the real one by running seeds on both.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, NoResultFound, OperationalError
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

_DIALECT = sqlite.dialect(paramstyle="qmark", dbapi=sqlite3)
_MOST_STATEMENTS = 2_000
_NOTHING: Mapping[str, Any] = {}

Values = Mapping[str, Any]
Convert = Callable[[Any], Any]


class QuickDatabase:
    """Stands for `Database`: a copy of the SQLite file `octets`, in memory."""

    is_sqlite = True

    def __init__(self, octets: bytes) -> None:
        self.url = make_url("sqlite://")
        self.driver = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=_MOST_STATEMENTS
        )
        self.driver.deserialize(octets)
        for pragma in ("foreign_keys=ON", "journal_mode=MEMORY", "synchronous=OFF", "temp_store=MEMORY"):
            self.driver.execute(f"PRAGMA {pragma}")
        self._connection = QuickConnection(self.driver)

    def kept_open(self, _wait: object = None) -> "QuickDatabase":
        """It always is."""
        return self

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator["QuickConnection"]:
        """A transaction that may write; undone by an exception."""
        self.driver.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self.driver.execute("ROLLBACK")
            raise
        self.driver.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator["QuickConnection"]:
        """The store as it is; nobody else moves while the caller looks."""
        yield self._connection

    def close(self) -> None:
        """Throw it away."""
        self.driver.close()


class QuickConnection:
    """Stands for SQLAlchemy's connection, as far as the store uses it."""

    dialect = _DIALECT

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        self.info: dict[str, Any] = {}

    @property
    def connection(self) -> sqlite3.Connection:
        """The driver's own."""
        return self._driver

    def in_transaction(self) -> bool:
        """It is used within one only."""
        return True

    def execute(self, statement: Any, values: Values | Sequence[Values] | None = None) -> "QuickResult":
        """Run a statement once, or once for each of several sets of values."""
        several = values if isinstance(values, (list, tuple)) else None
        given = several[0] if several else values
        plan, written = _plan(statement, _NOTHING if given is None else given)  # type: ignore[arg-type]
        if several:
            rows = [plan.row(each, written) for each in several]
            return self._told(self._driver.executemany, plan.text, rows, plan)
        row = plan.row(_NOTHING if given is None else given, written)  # type: ignore[arg-type]
        return self._told(self._driver.execute, plan.text, row, plan)

    def exec_driver_sql(self, text: str, rows: Any = ()) -> "QuickResult":
        """Run a text in the driver's own words."""
        run = self._driver.executemany if isinstance(rows, list) else self._driver.execute
        return self._told(run, text, rows, None)

    @staticmethod
    def _told(run: Callable[[str, Any], sqlite3.Cursor], text: str, rows: Any, plan: "_Plan | None") -> "QuickResult":
        try:
            return QuickResult(run(text, rows), plan)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(text, rows, error) from error
        except sqlite3.OperationalError as error:
            raise OperationalError(text, rows, error) from error


class QuickRow(tuple[Any, ...]):
    """A row whose columns have names; each plan makes a class of its own."""

    __slots__ = ()


class _Plan:
    """A statement made ready: its text, how values become a row of it, and what its rows are made of."""

    def __init__(self, statement: Any, values: Values) -> None:
        keys = list(values) if isinstance(statement, UpdateBase) and values else None
        made = statement.compile(dialect=_DIALECT, column_keys=keys)
        assert not getattr(made, "insert_prefetch", ()), "defaults are the database's"
        # A list that is written into the statement becomes as many places as it has values.
        assert not values.keys() & {each.key for each in made.post_compile_params}, "lists are bound as one value"
        self.has_lists = bool(made.post_compile_params)
        whole = made.construct_expanded_state(dict(values))
        self.text: str = whole.statement
        self._places = [_place(made, whole, name) for name in whole.positiontup or ()]
        self._statement = made
        columns = made._result_columns
        self.names: tuple[str, ...] | None = tuple(each.keyname for each in columns) or None
        self._converts = [(at, one) for at, each in enumerate(columns) if (one := _reading(each.type)) is not None]
        self._row: type[QuickRow] | None = None

    def names_of(self, binds: Sequence[Any]) -> list[str] | None:
        """What the values that are written into the statement are called; None if that cannot be told."""
        known = {each.key: name for each, name in self._statement.bind_names.items()}
        return [known[each.key] for each in binds] if all(each.key in known for each in binds) else None

    def row(self, values: Values, written: Values) -> list[Any]:
        """The values in the order of their places."""
        row = []
        for name, convert, default in self._places:
            value = values[name] if name in values else written.get(name, default)
            row.append(value if convert is None else convert(value))
        return row

    def made(self, cursor: sqlite3.Cursor) -> list[QuickRow]:
        """What was found."""
        found = cursor.fetchall()
        if not found:
            return []
        if self._row is None:
            names = self.names or tuple(each[0] for each in cursor.description)
            self.names = names
            self._row = _row_class(names)
        row = self._row
        if not self._converts:
            return [row(each) for each in found]
        return [row(self._converted(each)) for each in found]

    def _converted(self, found: tuple[Any, ...]) -> list[Any]:
        row = list(found)
        for at, convert in self._converts:
            row[at] = convert(row[at])
        return row


def _place(made: Any, whole: Any, name: str) -> tuple[str, Convert | None, Any]:
    if name not in made.binds:
        return name, None, whole.parameters[name]
    bind = made.binds[name]
    return name, _writing(bind.type), bind.effective_value


def _writing(kind: TypeEngine[Any]) -> Convert | None:
    made: Convert | None = kind._cached_bind_processor(_DIALECT)
    return made


def _reading(kind: TypeEngine[Any]) -> Convert | None:
    made: Convert | None = kind._cached_result_processor(_DIALECT, None)
    return made


def _row_class(names: Sequence[str]) -> type[QuickRow]:
    def column(at: int) -> property:
        return property(lambda self: self[at])

    return type("Row", (QuickRow,), {"__slots__": (), **{name: column(at) for at, name in enumerate(names)}})


_plans: "WeakKeyDictionary[Any, dict[tuple[str, ...], tuple[_Plan, Values]]]" = WeakKeyDictionary()
_alike: dict[Any, tuple[_Plan, list[str]]] = {}


def _plan(statement: Any, values: Values) -> tuple[_Plan, Values]:
    """A statement made ready, and the values that are written into it."""
    keys = tuple(values)
    known = _plans.get(statement)
    if known is None:
        known = _plans[statement] = {}
    found = known.get(keys)
    if found is None:
        found = known[keys] = _made_ready(statement, values, keys)
    return found


def _made_ready(statement: Any, values: Values, keys: tuple[str, ...]) -> tuple[_Plan, Values]:
    """The plan of a statement that differs only in its values, if there was one."""
    key = statement._generate_cache_key()
    if key is None:
        return _Plan(statement, values), _NOTHING
    alike = _alike.get((key.key, keys))
    if alike is None:
        plan = _Plan(statement, values)
        names = plan.names_of(key.bindparams)
        if plan.has_lists or names is None:
            return plan, _NOTHING
        alike = _alike[key.key, keys] = plan, names
    plan, names = alike
    return plan, {name: each.effective_value for name, each in zip(names, key.bindparams, strict=True)}


class QuickResult:
    """Stands for SQLAlchemy's result."""

    def __init__(self, cursor: sqlite3.Cursor, plan: _Plan | None) -> None:
        self._cursor = cursor
        self._plan = plan
        self._rows: list[Any] | None = None
        self.rowcount = cursor.rowcount

    def all(self) -> list[Any]:
        """Every row."""
        if self._rows is None:
            self._rows = self._cursor.fetchall() if self._plan is None else self._plan.made(self._cursor)
        return self._rows

    fetchall = all

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def first(self) -> Any:
        """The first row, None if there is none."""
        return next(iter(self.all()), None)

    def one_or_none(self) -> Any:
        """The only row, None if there is none."""
        assert len(self.all()) < 2
        return self.first()

    def one(self) -> Any:
        """The only row."""
        if len(self.all()) != 1:
            raise NoResultFound(f"{len(self.all())} rows instead of one")
        return self.first()

    def scalar_one_or_none(self) -> Any:
        """The first value of the only row, None if there is none."""
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalar(self) -> Any:
        """The first value of the first row, None if there is none."""
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        return self.one()[0]

    def scalars(self) -> "QuickResult":
        """The first value of each row."""
        return self._with([row[0] for row in self.all()])

    def mappings(self) -> "QuickResult":
        """Each row by the names of its columns."""
        rows = self.all()
        names = (self._plan.names if self._plan is not None else None) or [each[0] for each in self._cursor.description]
        return self._with([dict(zip(names, row, strict=True)) for row in rows])

    def _with(self, rows: list[Any]) -> "QuickResult":
        other = QuickResult(self._cursor, self._plan)
        other._rows = rows
        return other
