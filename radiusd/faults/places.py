"""Stores for faults: a fresh copy of a filled one for each, in a folder that is gone at the end."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from radiusd.bench import stores
from radiusd.bench.stores import PostgresStore, PrivatePostgres, SqliteStore, Store

SQLITE, POSTGRESQL = "sqlite", "postgresql"


class Places:
    """Within `with`; the one PostgreSQL server for all is started when it is first asked for."""

    def __init__(self, postgresql_url: str | None = None) -> None:
        self._url = postgresql_url
        self._private: AbstractContextManager[PrivatePostgres] | None = None

    def __enter__(self) -> "Places":
        return self

    def __exit__(self, *_: object) -> None:
        if self._private is not None:
            self._private.__exit__(None, None, None)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder for one run."""
        with TemporaryDirectory(prefix="icafe-faults.") as name:
            yield Path(name)

    @contextmanager
    def store(self, name: str, folder: Path) -> Iterator[Store]:
        """An empty store. Raises BenchError."""
        if name == SQLITE:
            yield SqliteStore(folder)
        else:
            with PostgresStore(self._server(), None) as store:
                yield store

    def _server(self) -> str:
        if self._url is None:
            self._private = stores.private_postgres()
            self._url = self._private.__enter__().url
        return self._url
