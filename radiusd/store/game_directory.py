"""What the server keeps in memory of studios' games, their keys, and the cafés' launchers."""

from collections.abc import Mapping

from attrs import field, frozen
from sqlalchemy import Connection, RowMapping, select

from policy.quantities import Instant, Money, Seconds
from radiusd.store.game_schema import game_keys, games, launchers
from radiusd.vault import Vault

LAUNCHER_SECRET = "launcher secret"  # noqa: S105 - what it is sealed for


@frozen(kw_only=True)
class Game:
    """`rate` whole units of a café's wallet are due for each begun `period`. `place_id` is the provider's own id."""

    id: int
    name: str
    provider: str = "roblox"
    place_id: str
    image_url: str | None = None
    rate: Money
    period: Seconds
    is_active: bool = True


@frozen(kw_only=True)
class GameKey:
    """A key of a game's servers; only its SHA-256 is known. `retires_at` is None for the newest."""

    key_hash: bytes
    game_id: int
    retires_at: Instant | None = None

    def is_valid(self, at: Instant) -> bool:
        """Whether it may be used at `at`."""
        return self.retires_at is None or at < self.retires_at


@frozen(kw_only=True)
class Launcher:
    """An installation of the launcher; `name` is its X-Launcher-Id, `secret` the key of its HMAC."""

    id: int
    name: str
    branch_id: int
    secret: bytes = field(repr=False)
    is_active: bool = True


@frozen
class Games:
    """Games by id, keys by the SHA-256 of the key, launchers by name; those that are stopped are among them."""

    games: Mapping[int, Game] = field(factory=dict)
    keys: Mapping[bytes, GameKey] = field(factory=dict)
    launchers: Mapping[str, Launcher] = field(factory=dict)


def load(connection: Connection, vault: Vault) -> Games:
    """All of them as they are stored; raises VaultError if a secret does not open."""
    return Games(
        games={row["id"]: _game(row) for row in connection.execute(select(games)).mappings()},
        keys={
            row.key_hash: GameKey(key_hash=row.key_hash, game_id=row.game_id, retires_at=row.retires_at)
            for row in connection.execute(select(game_keys))
        },
        launchers={row["name"]: _launcher(row, vault) for row in connection.execute(select(launchers)).mappings()},
    )


def _game(row: RowMapping) -> Game:
    kept = ("id", "name", "provider", "place_id", "image_url", "rate", "period", "is_active")
    return Game(**{name: row[name] for name in kept})


def _launcher(row: RowMapping, vault: Vault) -> Launcher:
    return Launcher(
        id=row["id"],
        name=row["name"],
        branch_id=row["branch_id"],
        secret=vault.open(row["secret"], LAUNCHER_SECRET),
        is_active=row["is_active"],
    )
