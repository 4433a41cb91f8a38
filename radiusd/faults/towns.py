"""Where faults happen: a chain of one café with routers, guests, a PC system, a launcher, games and a wallet."""

import hmac
import json
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import field, frozen

from policy.quantities import Instant, Money
from radiusd.bench import pc_town
from radiusd.bench.guests import PASSWORD, USER
from radiusd.bench.pc_town import GUESTS_OF_A_ROUTER, Branch, Size, router_address
from radiusd.bench.posting import post
from radiusd.bench.stores import Store
from radiusd.charging.wallet import top_up
from radiusd.store import branches, games, launchers
from radiusd.store.database import Database
from radiusd.vault import Vault, read_key_file

RATE, PERIOD = 7, 86_400
MONEY = 100_000_000
_LAUNCHER = "faults"
_NOBODY_LISTENS = 9
START, OTT, VERIFY = "/v1/launcher/session/start", "/v1/launcher/ott", "/v1/game/session/verify"


@frozen(kw_only=True)
class Town:
    """What was made. Every guest has a package of a month for five devices."""

    branch: Branch
    branch_id: int
    guests: int
    secret: str = field(repr=False)
    games: tuple[tuple[str, str], ...] = field(repr=False)

    def router_of(self, guest: int) -> int:
        """The number of the router a guest comes by."""
        return guest // GUESTS_OF_A_ROUTER

    def address_of(self, router: int) -> str:
        """Where it sends from."""
        return router_address(router)

    def credentials(self, guest: int) -> tuple[str, bytes]:
        """Name and password."""
        return USER % guest, (PASSWORD % guest).encode()

    def start(self, pc: str, at: float | None = None) -> bytes:
        """A launcher's signed start on a PC; `at` is the time in seconds, if it is not that of the machine."""
        fields = {"internal_ip": "192.168.10.21", "hardware": {"hardware_id": pc}}
        body, now, nonce = (
            json.dumps(fields).encode(),
            str(int(time.time() if at is None else at)),
            secrets.token_hex(16),
        )
        text = "\n".join(("POST", START, now, nonce, sha256(body).hexdigest()))
        signature = hmac.new(self.secret.encode(), text.encode(), "sha256").hexdigest()
        names = ("X-Launcher-Id", "X-Timestamp", "X-Nonce", "X-Signature")
        return post(START, body, list(zip(names, (_LAUNCHER, now, nonce, signature), strict=True)))

    def wish(self, token: str, game: int) -> bytes:
        """A launcher's request for a one-time token of a game."""
        body = json.dumps({"game_id": self.games[game % len(self.games)][0]}).encode()
        return post(OTT, body, [("Authorization", f"Bearer {token}")])

    def verify(self, ott: str, game: int) -> bytes:
        """A game server's request."""
        body = json.dumps({"ott": ott, "provider_user_id": "90210"}).encode()
        return post(VERIFY, body, [("X-Api-Key", self.games[game % len(self.games)][1])])


def make(store: Store, folder: Path, guests: int, filled: Callable[[int], None], games_count: int = 40) -> Town:
    """Fill an empty store; the key is kept in `folder`."""
    size = Size(guests=(guests,), beside=0, coa_port=_NOBODY_LISTENS)
    made = pc_town.make(store, folder, size, filled)
    branch = made.branches[0]
    vault = Vault(read_key_file(folder / "key"))
    database = Database(store.url)
    try:
        at = Instant(int(time.time() * 1000))
        with database.writing() as connection:
            row = branches.find(connection, f"q{branch.number}")
            secret = launchers.add(connection, vault, _LAUNCHER, row, at)
            keys = [_game(connection, number, at) for number in range(games_count)]
    finally:
        database.close()
    store.filled()
    return Town(branch=branch, branch_id=int(row["id"]), guests=guests, secret=secret, games=tuple(keys))


def _game(connection: Any, number: int, at: Instant) -> tuple[str, str]:
    name = f"game {number}"
    settings = {"provider": "roblox", "place_id": "1", "rate": RATE, "period": PERIOD}
    key = games.add(connection, name, settings, at)
    return str(games.find(connection, name)["id"]), key


def put_on(database: Database, town: Town, amount: int, key: str) -> None:
    """So much on the café's wallet, as an administrator puts it there beside the servers."""
    with database.writing() as connection:
        top_up(connection, town.branch_id, Money(amount), key, "cash", Instant(int(time.time() * 1000)))
