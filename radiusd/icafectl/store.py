"""`icafectl store`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection, func, select

from radiusd.icafectl.desk import Desk, pass_desk, sqlite_file
from radiusd.icafectl.grammar import examples
from radiusd.icafectl.printing import say
from radiusd.store import sealed
from radiusd.store.database import Database
from radiusd.store.errors import Refused, StoreError
from radiusd.store.game_schema import launchers
from radiusd.store.identifiers import skip
from radiusd.store.pc_schema import pc_keys
from radiusd.store.presence import Presence
from radiusd.store.schema import branches, logins, routers
from radiusd.vault import Vault, make_key_file, read_key_file


@click.group()
def store() -> None:
    """The database and the key that secrets are sealed under."""


@store.command(epilog=examples("store init", "--config /etc/icafe-radiusd/radiusd.toml store init"))
@pass_desk
def init(desk: Desk) -> None:
    """Make the key file and the tables, where they are missing."""
    config = desk.config
    _make_folder(sqlite_file(config.store_url))
    had_key = config.key_file.exists()
    database = Database(config.store_url)
    try:
        database.migrate()
        with database.reading() as connection:
            is_sealed, is_empty = _has_secrets(connection), not connection.execute(_BRANCHES).scalar_one()
            if had_key:
                sealed.require_key(connection, Vault(read_key_file(config.key_file)))
    finally:
        database.close()
    if not had_key and is_sealed:
        raise StoreError(
            f"the key file {config.key_file} is missing, and the store holds secrets that only it opens: "
            "put it back from the backup"
        )
    if not had_key:
        _make_folder(config.key_file)
        make_key_file(config.key_file)
        say(f"key file {config.key_file} made: keep a copy of it apart from the store's")
    say("the tables are there")
    if is_empty:
        say("next: icafectl branch add NAME, then icafectl router add NAME --address ADDRESS")


_BRANCHES = select(func.count()).select_from(branches)
_SEALED = (routers, logins, pc_keys, launchers)


def _has_secrets(connection: Connection) -> bool:
    return any(connection.execute(select(table).limit(1)).first() is not None for table in _SEALED)


def _make_folder(file: Path | None) -> None:
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


@store.command(epilog=examples("store upgrade"))
@pass_desk
def upgrade(desk: Desk) -> None:
    """Bring the tables up to this version. Stop the servers and make a backup first."""
    with _of_nobody_else(desk) as database:
        database.migrate()
    say("the tables are those of this version")


@store.command(epilog=examples("store restored"))
@pass_desk
def restored(desk: Desk) -> None:
    """Make a store that was put back from a backup fit for use. Before a server is started on it.

    What came after the backup is not in it, but may still be online, under numbers that would be given out again.
    """
    with _of_nobody_else(desk) as database:
        database.require_current_schema()
        with database.writing() as connection:
            skip(connection, _GIVEN_SINCE_A_BACKUP)
    say("numbers given out since the backup are not given again")
    say("next: if you use Redis, empty what is in it; start the server, then icafectl doctor store")


_GIVEN_SINCE_A_BACKUP = 10_000_000
"""More than a chain gives out in months."""


@contextmanager
def _of_nobody_else(desk: Desk) -> Iterator[Database]:
    """The store, while no server runs on it. Raises Refused."""
    desk.require_file()
    database = Database(desk.config.store_url)
    presence = Presence(database)
    try:
        if not presence.announce():
            raise Refused("a server runs on this store: stop it first, and start it again afterwards")
        yield database
    finally:
        presence.end()
        database.close()
