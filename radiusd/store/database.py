"""One database: its engine, its transactions, and who may write.

SQLite takes one writer at a time. Its library before 3.51.3 can corrupt a WAL when two connections write or checkpoint
at once, so every writer here, in whatever process, first takes a lock on a file beside the database.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, OperationalError

from radiusd.readiness import has_ended
from radiusd.store import driver, feed_schema, game_schema, pc_schema, schema, spool_schema  # noqa: F401 - with them the metadata is whole
from radiusd.store.absence import reason_of
from radiusd.store.errors import StoreAway, StoreError, WrongSchema
from radiusd.store.locking import FileLock, OpenLock
from radiusd.store.turns import here

Wait = Callable[[Callable[[], None]], None]

_WAITS, _WAITS_NOT = 5_000, 20
"""Milliseconds until PostgreSQL gives up waiting for a row that somebody else holds."""
# All that a writer does begins with keys. A plan made while a table was empty would go through all of it later on; and
# one is as good as another, so that it is made once, and not for every list of keys.
_OF_A_WRITER = (
    f"SET lock_timeout = {_WAITS_NOT}; SET plan_cache_mode = force_generic_plan; SET jit = off; "
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)
# What SQLite keeps to undo a single statement is soon too much for its own room, and would go to a file each time.
_OF_A_WRITER_OF_A_FILE = "PRAGMA temp_store = MEMORY"
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """`writing()` and `reading()` give connections inside a transaction; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self.url = _with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
        self.lock = FileLock(f"{self.url.database}.lock", str(self.url.database)) if self.is_sqlite else None
        self._kept_open: WeakSet[OpenConnection] = WeakSet()
        self.watching: Callable[[Any], AbstractContextManager[None]] = nullcontext
        """Entered with the driver's connection for as long as a transaction runs."""

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write; committed and durable at its end, undone by an exception."""
        held = nullcontext() if self.lock is None else self.lock.held()
        with held, self.engine.connect() as connection, self.transaction(connection):
            yield connection

    def kept_open(self, wait: Wait = here) -> "OpenConnection":
        """The same, for somebody who writes all the time. `wait` carries out what lasts."""
        made = OpenConnection(self, wait)
        self._kept_open.add(made)
        return made

    @contextmanager
    def transaction(self, connection: Connection, wait: Wait = here) -> Iterator[None]:
        """What `writing` does with a connection, for somebody who holds the lock. `wait` carries out the commit."""
        with self._watching(connection):
            if self.is_sqlite:
                driver.execute(connection, "BEGIN IMMEDIATE", ())
            try:
                yield
                driver.send(connection)  # or a conflict would cost the connection
            except BaseException:
                try:
                    connection.rollback()
                except BaseException:
                    connection.invalidate()
                    raise
                raise
            try:
                wait(connection.commit)
            except BaseException:
                # SQLite may go on with the transaction, and whoever gets this connection next would be within it.
                connection.invalidate()
                raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self.engine.connect() as connection, self._watching(connection):
            yield connection
            connection.rollback()

    def _watching(self, connection: Connection) -> AbstractContextManager[None]:
        return self.watching(_driven(connection))

    def migrate(self) -> None:
        """Make the tables, or bring them up to this version. Raises WrongSchema, StoreError."""
        from alembic import command  # noqa: PLC0415 - only here, and slow to import
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with _explained(self.url), self.writing() as connection:
            self._refuse_newer(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def require_current_schema(self) -> None:
        """Raise WrongSchema unless the tables are those of this version, StoreError if there is no store at all."""
        if self.is_sqlite and not Path(str(self.url.database)).exists():
            raise StoreError(f"there is no store at {self.url.database}: `icafectl store init` makes one")
        with _explained(self.url), self.reading() as connection:
            self._refuse_newer(connection)
            if _revision_of(connection) != known_revisions()[-1]:
                raise WrongSchema(f"{_shown(self.url)} has no current tables: run `icafectl store upgrade` first")

    def _refuse_newer(self, connection: Connection) -> None:
        current = _revision_of(connection)
        if current is not None and current not in known_revisions():
            raise WrongSchema(
                f"{_shown(self.url)} was made by a newer version (schema {current}): "
                "install that version, or restore a backup made by this one"
            )

    @property
    def address(self) -> str | None:
        """What libpq connects by, which may hold a password; None for a file."""
        url = self.url.set(drivername="postgresql")
        return None if self.is_sqlite else url.render_as_string(hide_password=False)

    def close(self) -> None:
        """Give every connection back; for when nobody writes any more."""
        for each in tuple(self._kept_open):
            each.close()
        self.engine.dispose()


class OpenConnection:
    """Transactions of somebody who writes all the time: connection and lock stay open from one to the next."""

    def __init__(self, database: Database, wait: Wait) -> None:
        self._database = database
        self._wait = wait
        # Whoever has turns waits for PostgreSQL's socket in them.
        self._wait_for_commit = wait if database.is_sqlite else here
        self._lock = None if database.lock is None else OpenLock(database.lock)
        self._connection: Connection | None = None

    @contextmanager
    def writing(self, *, waits: bool = True) -> Iterator[Connection]:
        """As of a Database. Unless it `waits`, whoever holds a row for longer than a moment makes it fail."""
        with nullcontext() if self._lock is None else self._lock.held(self._wait):
            try:
                connection = self._usable()
                with self._database.transaction(connection, self._wait_for_commit):
                    if waits and not self._database.is_sqlite:
                        driver.execute(connection, f"SET LOCAL lock_timeout = {_WAITS}", ())
                    yield connection
            except BaseException:
                if self._connection is None or self._connection.invalidated or self._connection.in_transaction():
                    self._let_go()
                raise

    def _usable(self) -> Connection:
        """The connection that is open; another one if PostgreSQL has ended it, as when it was restarted."""
        if self._connection is not None and not self._database.is_sqlite and has_ended(_driven(self._connection)):
            self._let_go()
        if self._connection is None:
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> Connection:
        connection = self._database.engine.connect()
        settings = _OF_A_WRITER_OF_A_FILE if self._database.is_sqlite else _OF_A_WRITER
        try:
            driver.execute(connection, settings, ())
            connection.commit()  # or they would end with the transaction, should that be undone
        except BaseException:
            connection.close()
            raise
        return connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Its settings are nobody else's.
            connection.invalidate()
            connection.close()

    def close(self) -> None:
        """Let go of what is open; the next transaction opens it again."""
        self._let_go()
        if self._lock is not None:
            self._lock.close()


def _driven(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection


def known_revisions() -> list[str]:
    """The revisions this version knows, oldest first. By the numbers of their files: alembic is slow to import."""
    return sorted(each.name.partition("_")[0] for each in MIGRATIONS.glob("versions/[0-9]*.py"))


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return revision


def _shown(url: URL) -> str:
    return f"the database {url.render_as_string(hide_password=True)}"


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreAway(f"cannot use {_shown(url)}: {reason_of(error)}") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise StoreError(f"cannot use {_shown(url)}: {reason_of(error)}; is url right, or put back a backup") from error


def _with_driver(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise StoreError(
            "the store's url must look like sqlite:////path/file or postgresql://user@host/name"
        ) from error
    name = url.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise StoreError(f"the store cannot be kept in {name!r}: use sqlite or postgresql")
    # SQLAlchemy 2.1 takes a bare postgresql:// for psycopg 3, which is not installed.
    return url.set(drivername="sqlite+pysqlite" if name == "sqlite" else "postgresql+psycopg2")


_WAS_USED = "was used"
_SQLITE_ARGUMENTS = {"timeout": 5, "check_same_thread": False, "isolation_level": None, "cached_statements": 512}


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError("the store needs a file: sqlite:////path/file")
    engine = create_engine(url, connect_args=_SQLITE_ARGUMENTS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        executemany_mode="values_plus_batch",
        pool_size=4,
        pool_pre_ping=False,
        connect_args={"connect_timeout": 3, "options": f"-c lock_timeout={_WAITS} -c TimeZone=UTC"},
    )

    @event.listens_for(engine, "checkout")
    def replace_what_has_ended(connection: Any, record: Any, *_: Any) -> None:
        # Not one that was just made: SQLAlchemy tries twice, and what it says then is not that the store is away.
        is_new = _WAS_USED not in record.info
        record.info[_WAS_USED] = True
        if not is_new and has_ended(connection):
            raise DisconnectionError

    @event.listens_for(engine, "before_cursor_execute")
    @event.listens_for(engine, "commit")
    def keep_the_order(connection: Connection, *_: Any) -> None:
        driver.send(connection)

    @event.listens_for(engine, "rollback")
    def undo_that_too(connection: Connection) -> None:
        driver.drop(connection)

    return engine
