"""Where the administrator works: the configuration, the store and the key, each opened when it is first needed."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from policy.quantities import Instant
from radiusd import config
from radiusd.config import Config
from radiusd.store import branches, sealed
from radiusd.store.database import Database
from radiusd.store.errors import StoreError
from radiusd.vault import Vault, read_key_file

DEFAULT_CONFIG = Path("/etc/icafe-radiusd/radiusd.toml")


def _system_clock() -> Instant:
    return Instant(int(time.time() * 1000))


class Desk:
    """Raises ConfigError, StoreError and VaultError, each with a sentence that says what to do."""

    def __init__(self, path: Path = DEFAULT_CONFIG, now: Callable[[], Instant] = _system_clock) -> None:
        self.path = path
        self.now = now

    @cached_property
    def config(self) -> Config:
        """The server's configuration."""
        return config.load(self.path)

    @cached_property
    def vault(self) -> Vault:
        """What opens and seals secrets, known to be that of this store."""
        vault = Vault(read_key_file(self.config.key_file))
        with self.reading() as connection:
            sealed.require_key(connection, vault)
        return vault

    @cached_property
    def database(self) -> Database:
        """The store, its tables known to be those of this version."""
        self.require_file()
        database = Database(self.config.store_url)
        try:
            database.require_current_schema()
        except BaseException:
            database.close()
            raise
        return database

    @cached_property
    def zone(self) -> tzinfo:
        """Where people's clocks are: at the branches, if they all have one time zone, else that of nobody, UTC.

        So it is as well if the store is away by now: what was done in it must be told all the same.
        """
        try:
            with self.reading() as connection:
                zones = branches.time_zones(connection)
        except SQLAlchemyError:
            zones = []
        return ZoneInfo(zones[0]) if len(zones) == 1 else UTC

    def require_file(self) -> None:
        """Opening an SQLite file that is not there would make an empty one."""
        file = sqlite_file(self.config.store_url)
        if file is not None and not file.exists():
            raise StoreError(f"there is no store at {file}: `icafectl store init` makes one")

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that may write."""
        return self.database.writing()

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads."""
        return self.database.reading()

    def close(self) -> None:
        """Give back what was opened."""
        if "database" in self.__dict__:
            self.database.close()


def sqlite_file(url: str) -> Path | None:
    """The file an SQLite address names; None for any other address, or one that cannot be read."""
    try:
        parts = make_url(url)
    except Exception:  # noqa: BLE001 - Database says better what is wrong with it
        return None
    return Path(parts.database) if parts.get_backend_name() == "sqlite" and parts.database else None


pass_desk = click.make_pass_decorator(Desk)
