"""FreeRADIUS as the peer: a private one, set up as a competent operator would, with the same guests as ours."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from radiusd.bench import freeradius_settings as settings
from radiusd.bench.chain import Chain
from radiusd.bench.errors import BenchError
from radiusd.bench.generators import Target
from radiusd.bench.guests import PASSWORD, USER
from radiusd.bench.processes import end, free_ports, last_line, spawn
from radiusd.bench.stores import Store, engine_url

MEMORY = "memory"
CONFIGURATIONS = {"sqlite": ("sqlite",), "postgresql": ("postgresql", MEMORY)}
"""With which configurations a store of ours is compared; `memory` has its guests there and stores no accounting."""
_STARTS_WITHIN = 60.0
_INSTALL = "apt-get install freeradius freeradius-postgresql postgresql (and systemctl disable --now freeradius)"
_FOLDERS = (Path("/etc/freeradius/3.0"), Path("/etc/raddb"))
_LIBRARIES = (Path("/usr/lib/freeradius"), Path("/usr/lib64/freeradius"))
_AT_ONCE = 5000


@frozen
class Installed:
    """What of FreeRADIUS there is on this machine."""

    program: str
    stock: Path
    libraries: Path

    def schema(self, dialect: str) -> str:
        """The tables it brings along."""
        return (self.stock / settings.SCHEMA.format(dialect=dialect)).read_text()


def find() -> Installed:
    """Raises BenchError when it, or what it needs for its databases, is not there or cannot be read."""
    program = shutil.which("freeradius", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    stock = next((each for each in _FOLDERS if each.is_dir()), None)
    libraries = next((each for each in _LIBRARIES if each.is_dir()), None)
    if program is None or stock is None or libraries is None:
        raise BenchError(f"FreeRADIUS is missing: {_INSTALL}")
    if not (libraries / "rlm_sql_postgresql.so").exists():
        raise BenchError(f"FreeRADIUS's module for PostgreSQL is missing: {_INSTALL}")
    if not os.access(stock / settings.SCHEMA.format(dialect="sqlite"), os.R_OK):
        raise BenchError(f"{stock} cannot be read: run this as root, or as a user of FreeRADIUS's group")
    return Installed(program, stock, libraries)


def fill(installed: Installed, store: Store, chain: Chain, done: Callable[[int], None]) -> None:
    """Its own tables, with a guest of ours in each row; `done` hears how many there are."""
    engine = create_engine(engine_url(store.url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            _make_tables(connection.connection.driver_connection, store.name, installed.schema(store.name))
        for first in range(0, chain.users, _AT_ONCE):
            numbers = range(first, min(chain.users, first + _AT_ONCE))
            with engine.begin() as connection:
                connection.execute(text(settings.CHECK), [_check(number) for number in numbers])
                connection.execute(text(settings.REPLY), [row for number in numbers for row in _replies(number)])
            done(numbers.stop)
    except SQLAlchemyError as error:
        raise BenchError(f"FreeRADIUS's tables could not be made: {error}") from error
    finally:
        engine.dispose()
    store.filled()


def _make_tables(connection: object, dialect: str, schema: str) -> None:
    if dialect == "sqlite":
        connection.execute("PRAGMA journal_mode = wal")  # type: ignore[attr-defined]
        connection.executescript(schema)  # type: ignore[attr-defined]
    else:
        with connection.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute(schema)


def _check(number: int) -> dict[str, str]:
    return {"name": USER % number, "attribute": "Cleartext-Password", "value": PASSWORD % number}


def _replies(number: int) -> Iterator[dict[str, str]]:
    for attribute, value in settings.ACCEPTED.items():
        yield {"name": USER % number, "attribute": attribute, "value": value}


@frozen
class Peer:
    """A running one."""

    target: Target
    pid: int
    must_live: Callable[[], None]


@contextmanager
def running(installed: Installed, configuration: str, folder: Path, store_url: str, chain: Chain) -> Iterator[Peer]:
    """FreeRADIUS in `configuration`, its files in `folder`, ended at the end."""
    auth, acct = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "radius.log"
    settings.write(
        settings.Wanted(
            configuration=configuration,
            folder=folder,
            stock=installed.stock,
            libraries=installed.libraries,
            auth_port=auth,
            acct_port=acct,
            store_url=store_url,
            chain=chain,
        )
    )
    process = spawn([installed.program, "-f", "-d", str(folder), "-l", str(log)])

    def must_live() -> None:
        if process.poll() is not None:
            why = last_line(log.read_text(errors="replace") if log.exists() else "") or "it did not say why"
            raise BenchError(f"FreeRADIUS ({configuration}) ended by itself: {why}")

    try:
        until = time.monotonic() + _STARTS_WITHIN
        while not (log.exists() and settings.READY in log.read_text(errors="replace")):
            must_live()
            if time.monotonic() > until:
                raise BenchError(f"FreeRADIUS ({configuration}) was not ready within {_STARTS_WITHIN:.0f} s")
            time.sleep(0.1)
        yield Peer(Target(auth, acct), process.pid, must_live)
    finally:
        end(process)
