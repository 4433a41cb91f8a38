"""Stores with as many guests as a generator asks for, of one branch or of a chain; the package outlasts the run."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert

from policy.package import Package, Rate
from policy.quantities import DAY, BitsPerSecond, Instant, Money, Seconds
from radiusd.bench.chain import Chain
from radiusd.bench.guests import DEVICES, PASSWORD, SECRET, USER
from radiusd.passwords import store_password
from radiusd.store import branches, packages, revisions, routers, sales
from radiusd.store.database import Database
from radiusd.store.directory import Cafe
from radiusd.store.identifiers import take
from radiusd.store.sales import Buyer
from radiusd.store.schema import accounts, logins
from radiusd.vault import Vault

PACKAGE = Package(
    name="a month",
    time=Seconds(30 * DAY),
    rate=Rate(BitsPerSecond(2_000_000), BitsPerSecond(10_000_000)),
    devices=DEVICES,
    price=Money(200_000),
)
AT_ONCE = 1000
_NOBODY_LISTENS = 9  # the port of "discard"; within five devices nobody is cut


def fill(database: Database, vault: Vault, users: int, at: Instant, done: Callable[[int], None]) -> None:
    """Make the tables, and a branch with a router at 127.0.0.1; `done` hears how many guests are there."""
    database.migrate()
    with database.writing() as connection:
        cafe = _open_branch(connection, "bench", at)
        _add_router(connection, vault, cafe, "bench", "127.0.0.1", at)
        packages.add(connection, PACKAGE, at)
    _add_guests_of(database, vault, {range(users): cafe}, at, done)


def fill_chain(database: Database, vault: Vault, chain: Chain, at: Instant, done: Callable[[int], None]) -> None:
    """The same for a chain. The first branch also has a router at 127.0.0.1, for generators that have one address."""
    database.migrate()
    with database.writing() as connection:
        cafes = [_open_branch(connection, f"branch {number + 1}", at) for number in range(chain.branches)]
        for router in range(chain.routers):
            address = str(chain.address_of(router))
            _add_router(connection, vault, cafes[chain.branch_of(router)], f"router {router + 1}", address, at)
        _add_router(connection, vault, cafes[0], "router 0", "127.0.0.1", at)
        packages.add(connection, PACKAGE, at)
    _add_guests_of(
        database, vault, {chain.users_of_branch(number): cafe for number, cafe in enumerate(cafes)}, at, done
    )


def _open_branch(connection: Connection, name: str, at: Instant) -> Cafe:
    branch = {"password_store": "recoverable", "interim": 120, "idle_timeout": 300, "timezone": "UTC"}
    return branches.cafe(connection, branches.add(connection, name, at, **branch))


def _add_router(connection: Connection, vault: Vault, cafe: Cafe, name: str, address: str, at: Instant) -> None:
    settings: dict[str, Any] = {
        "branch_id": cafe.id,
        "network": f"{address}/32",
        "kind": "mikrotik",
        "coa_port": _NOBODY_LISTENS,
        "require_message_authenticator": "learn",
        "mac_password": "empty",
    }
    routers.add(connection, vault, name, at, {**settings, **routers.sealed(vault, secret=SECRET)})


def _add_guests_of(
    database: Database, vault: Vault, guests: dict[range, Cafe], at: Instant, done: Callable[[int], None]
) -> None:
    there = 0
    for numbers, cafe in guests.items():
        for first in range(numbers.start, numbers.stop, AT_ONCE):
            some = range(first, min(numbers.stop, first + AT_ONCE))
            with database.writing() as connection:
                add_guests(connection, vault, cafe, some, at)
            there += len(some)
            done(there)


def add_guests(connection: Connection, vault: Vault, cafe: Cafe, numbers: range, at: Instant) -> None:
    """More guests at a branch, each with the package."""
    sold = sales.take_numbers(connection, take(connection, "accounts", len(numbers)))
    guests = [(USER % number, PASSWORD % number, sale) for number, sale in zip(numbers, sold, strict=True)]
    connection.execute(
        insert(accounts),
        [
            {
                "id": sale.account_id,
                "name": name,
                "branch_id": cafe.id,
                "kind": "customer",
                "last_pass_id": sale.pass_id,
                "created_at": at,
            }
            for name, _, sale in guests
        ],
    )
    branch = cafe.branch(at)
    buyers = [Buyer(sale.account_id, name, branch) for name, _, sale in guests]
    sales.write(connection, buyers, sold, PACKAGE, at)
    connection.execute(
        insert(logins),
        [_login(vault, cafe, name, password, sale.account_id) for name, password, sale in guests],
    )
    revisions.announce(connection)


def _login(vault: Vault, cafe: Cafe, name: str, password: str, account_id: int) -> dict[str, object]:
    kind, stored = store_password(vault, cafe.hashes_passwords, password)
    return {"name": name, "account_id": account_id, "kind": "account", "password_kind": kind, "password": stored}
