"""Where the measured server keeps its data: filled once, and a fresh copy of that for every round."""

import os
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Protocol

from attrs import define
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import end, last_line, spawn

_RUN_POSTGRES = Path(__file__).resolve().parents[2] / "scripts" / "lib" / "run-postgres"
_NONE_THERE = 3  # what run-postgres ends with
_MISSING = "PostgreSQL is missing: apt-get install postgresql, or give the address of a server by --postgresql-url"


class PostgresMissing(BenchError):
    """There is no PostgreSQL on this machine."""


class Store(Protocol):
    """One kind of store; `pids` is None where the database has no process of its own, or an unknown one."""

    @property
    def name(self) -> str:
        """As it is told to people."""

    @property
    def pids(self) -> tuple[int, ...] | None:
        """The processes of the database itself."""

    @property
    def url(self) -> str:
        """The address to fill."""

    def filled(self) -> None:
        """All is in it that the copies shall have; nobody uses `url` any more."""

    def copy(self) -> AbstractContextManager[str]:
        """The address of a copy, which is gone at the end."""

    def another(self) -> "AbstractContextManager[Store]":
        """An empty store of the same kind, in the same place."""


class SqliteStore:
    """A file, and copies of it beside it."""

    name = "sqlite"
    pids: tuple[int, ...] | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "filled.sqlite3"
        self.url = f"sqlite:///{self._path}"

    def filled(self) -> None:
        """See Store."""

    @contextmanager
    def copy(self) -> Iterator[str]:
        """See Store."""
        path = self._folder / f"{_new_name()}.sqlite3"
        with closing(sqlite3.connect(self._path)) as filled, closing(sqlite3.connect(path)) as made:
            filled.backup(made)
        try:
            yield f"sqlite:///{path}"
        finally:
            for each in self._folder.glob(f"{path.name}*"):
                each.unlink()

    @contextmanager
    def another(self) -> Iterator["Store"]:
        """See Store."""
        with TemporaryDirectory(dir=self._folder) as folder:
            yield SqliteStore(Path(folder))


class PostgresStore:
    """A database of a server, and copies of it there; all dropped at the end."""

    name = "postgresql"

    def __init__(self, server: str, pids: tuple[int, ...] | None) -> None:
        self.pids = pids
        try:
            self._server = make_url(server).set(drivername="postgresql+psycopg2")
        except SQLAlchemyError as error:
            raise BenchError("a PostgreSQL server's address looks like postgresql://user@host/database") from error
        self._filled = _new_name()
        self.url = self._url_of(self._filled)

    def __enter__(self) -> "PostgresStore":
        self._do(self._server, f'CREATE DATABASE "{self._filled}"')
        return self

    def __exit__(self, *_: object) -> None:
        self._drop(self._filled)

    def filled(self) -> None:
        """As autovacuum leaves it in time."""
        self._do(engine_url(self.url), "VACUUM ANALYZE")

    @contextmanager
    def copy(self) -> Iterator[str]:
        """See Store."""
        name = _new_name()
        self._do(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{self._filled}"')
        try:
            # The statistics are not copied.
            self._do(engine_url(self._url_of(name)), "ANALYZE")
            yield self._url_of(name)
        finally:
            self._drop(name)

    def another(self) -> "PostgresStore":
        """See Store."""
        return PostgresStore(self._server.render_as_string(hide_password=False), self.pids)

    def _drop(self, name: str) -> None:
        self._do(self._server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _url_of(self, name: str) -> str:
        return self._server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def _do(self, url: URL, statement: str) -> None:
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise BenchError(f"PostgreSQL would not do {statement}: {reason}") from error


def engine_url(url: str) -> URL:
    """The address of a store, for an engine of one's own."""
    found = make_url(url)
    return found if found.get_backend_name() == "sqlite" else found.set(drivername="postgresql+psycopg2")


def _new_name() -> str:
    return f"icafe_bench_{os.getpid()}_{secrets.token_hex(4)}"


@define
class PrivatePostgres:
    """A PostgreSQL server that runs as long as we do."""

    url: str
    pid: int


@contextmanager
def private_postgres(program: Path = _RUN_POSTGRES) -> Iterator[PrivatePostgres]:
    """Start one, in a temporary directory; raises PostgresMissing."""
    with TemporaryFile() as complaints:
        process = spawn([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints)
        try:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            words = process.stdout.readline().decode().split()
            if len(words) != 2:
                if process.wait(60) == _NONE_THERE:
                    raise PostgresMissing(_MISSING)
                complaints.seek(0)
                why = last_line(complaints.read().decode(errors="replace"))
                raise BenchError(f"PostgreSQL did not start: {why}")
            yield PrivatePostgres(words[0], int(words[1]))
        finally:
            _let_go(process)


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    """End the input, which ends the server."""
    assert process.stdin is not None  # noqa: S101 - it was asked for
    process.stdin.close()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        end(process)
    if process.stdout is not None:
        process.stdout.close()
