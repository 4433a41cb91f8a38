"""A store with as many guests as a generator asks for: one branch, one router, one package that outlasts the run."""

from collections.abc import Callable

from sqlalchemy import Connection, insert

from policy.package import Package, Rate
from policy.quantities import DAY, BitsPerSecond, Instant, Money, Seconds
from radiusd.bench.generators import PASSWORD, SECRET, USER
from radiusd.passwords import store_password
from radiusd.store import branches, packages, revisions, routers, sales
from radiusd.store.database import Database
from radiusd.store.directory import Cafe
from radiusd.store.identifiers import take
from radiusd.store.sales import Buyer
from radiusd.store.schema import accounts, logins
from radiusd.vault import Vault

DEVICES = 5
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
    """Make the tables and everything in them; `done` hears how many guests are there."""
    database.migrate()
    with database.writing() as connection:
        cafe = _open_branch(connection, vault, at)
    for first in range(0, users, AT_ONCE):
        numbers = range(first, min(users, first + AT_ONCE))
        with database.writing() as connection:
            add_guests(connection, vault, cafe, numbers, at)
        done(numbers.stop)


def _open_branch(connection: Connection, vault: Vault, at: Instant) -> Cafe:
    branch = {"password_store": "recoverable", "interim": 120, "idle_timeout": 300, "timezone": "UTC"}
    branch_id = branches.add(connection, "bench", at, **branch)
    settings = {
        "branch_id": branch_id,
        "network": "127.0.0.1/32",
        "kind": "mikrotik",
        "coa_port": _NOBODY_LISTENS,
        "require_message_authenticator": "learn",
        "mac_password": "empty",
    }
    routers.add(connection, vault, "bench", at, {**settings, **routers.sealed(vault, secret=SECRET)})
    packages.add(connection, PACKAGE, at)
    return branches.cafe(connection, branch_id)


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
