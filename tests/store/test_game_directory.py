"""What a server has in memory of games, keys and launchers."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from policy.quantities import Instant
from radiusd.store import branches, directory
from radiusd.store.database import Database
from radiusd.store.game_directory import LAUNCHER_SECRET, Game, GameKey, Launcher
from radiusd.store.game_schema import game_keys, games, launchers
from radiusd.vault import Vault, VaultError

NOON = Instant(1_795_262_400_000)
VAULT = Vault(bytes(32))


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing() as found:
        branches.add(found, "Centre", NOON, password_store="hash", interim=120, idle_timeout=300, timezone="UTC")
        yield found


def put(connection: Connection, **game: Any) -> None:
    row = {"id": 7, "name": "Sky", "place_id": "1818", "rate": 5, "period": 60, "created_at": NOON, **game}
    connection.execute(insert(games).values(**row))


def put_launcher(connection: Connection, sealed: bytes) -> None:
    branch_id = branches.find(connection, "Centre")["id"]
    connection.execute(
        insert(launchers).values(id=3, name="pc-room", branch_id=branch_id, secret=sealed, created_at=NOON)
    )


def test_a_server_knows_games_by_id_keys_by_hash_and_launchers_by_name(connection: Connection) -> None:
    put(connection, is_active=False)
    connection.execute(
        insert(game_keys).values(id=1, game_id=7, key_hash=b"\x00\xff" * 16, created_at=NOON, retires_at=NOON + 1)
    )
    put_launcher(connection, VAULT.seal(b"its secret", LAUNCHER_SECRET))
    known = directory.load(connection, VAULT).games
    assert known.games == {7: Game(id=7, name="Sky", place_id="1818", rate=5, period=60, is_active=False)}
    assert known.keys == {b"\x00\xff" * 16: GameKey(key_hash=b"\x00\xff" * 16, game_id=7, retires_at=NOON + 1)}
    branch_id = branches.find(connection, "Centre")["id"]
    assert known.launchers == {"pc-room": Launcher(id=3, name="pc-room", branch_id=branch_id, secret=b"its secret")}
    assert "its secret" not in repr(known)


def test_a_launchers_secret_sealed_for_another_purpose_does_not_open(connection: Connection) -> None:
    put_launcher(connection, VAULT.seal(b"its secret", "router secret"))
    with pytest.raises(VaultError):
        directory.load(connection, VAULT)


def test_a_key_is_valid_until_the_instant_it_retires_at() -> None:
    retiring = GameKey(key_hash=b"", game_id=1, retires_at=NOON)
    assert retiring.is_valid(Instant(NOON - 1))
    assert not retiring.is_valid(NOON)
    assert GameKey(key_hash=b"", game_id=1).is_valid(NOON)
