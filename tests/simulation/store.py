"""The store of a simulated world: two cafés with routers, guests and a PC system each, the same in every world."""

import sqlite3
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, event

from policy.package import Clock, Package
from policy.pc import Resume
from policy.quantities import MINUTE, Octets, Seconds
from radiusd.store import accounts, branches, packages, pc_systems, pc_ties, routers, sales
from radiusd.store.database import Database
from radiusd.vault import Vault
from tests.simulation.clock import START
from tests.simulation.quick import QuickDatabase

MOST_ROUTERS, MOST_GUESTS = 6, 40
VAULT = Vault(bytes(range(32)))
PACKAGES = (
    Package(name="five minutes", time=Seconds(5 * MINUTE)),
    Package(name="an evening", time=Seconds(240 * MINUTE)),
    Package(name="a quarter for two", time=Seconds(15 * MINUTE), devices=2),
    Package(name="family", time=Seconds(240 * MINUTE), devices=3),
    Package(name="a gigabyte", data=Octets(1_000_000_000)),
    Package(name="a little for two", data=Octets(200_000_000), devices=2),
    Package(name="ten minutes online", time=Seconds(10 * MINUTE), clock=Clock.ONLINE),
    Package(name="without end"),
)
RULES = (Resume.FREE, Resume.AFTER_PC_LOGIN)


@frozen
class Place:
    """A router as the store knows it."""

    id: int
    name: str
    address: str
    secret: bytes
    branch: int


@frozen
class Person:
    """A guest as the store knows them; with `pc_user` they are known at the gaming PCs."""

    account: str
    account_id: int
    password: str
    branch: int
    package: Package
    pc_user: str | None


@frozen
class Town:
    """Everything that is in the store when a world begins, and the store as a file."""

    octets: bytes
    places: tuple[Place, ...]
    people: tuple[Person, ...]


@cache
def town() -> Town:
    """Made once; every world has a copy."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "town.sqlite"
        database = Database(f"sqlite:///{path}")
        _hurry(database)
        database.migrate()
        with database.writing() as connection:
            places, people = _fill(connection)
        database.close()
        # Memory cannot hold a file that is said to have a log beside it.
        driver = sqlite3.connect(path)
        driver.execute("PRAGMA journal_mode=DELETE")
        driver.close()
        return Town(path.read_bytes(), places, people)


def _fill(connection: Connection) -> tuple[tuple[Place, ...], tuple[Person, ...]]:
    numbers = [_branch(connection, number) for number in range(len(RULES))]
    for package in PACKAGES:
        packages.add(connection, package, START)
    places = tuple(_place(connection, number, numbers[number % len(numbers)]) for number in range(MOST_ROUTERS))
    people = tuple(_person(connection, number, numbers[number % len(numbers)]) for number in range(MOST_GUESTS))
    return places, people


def _branch(connection: Connection, number: int) -> int:
    name = f"cafe{number}"
    settings = {"password_store": "recoverable", "interim": 60, "idle_timeout": 300, "timezone": "UTC"}
    rule = ("leash", "refuse")[number % 2]
    branch_id = branches.add(connection, name, START, switch_rule=rule, **settings)
    system = {"location_id": f"loc_{name}", "resume": RULES[number].value}
    pc_systems.set_up(connection, VAULT, branches.find(connection, name), system, START)
    return branch_id


def _place(connection: Connection, number: int, branch_id: int) -> Place:
    name, address, secret = f"r{number}", f"10.0.1.{number + 1}", f"the secret of router {number}"
    settings: dict[str, Any] = {
        "branch_id": branch_id,
        "network": f"{address}/32",
        "kind": "mikrotik",
        "coa_port": 3799,
        "require_message_authenticator": "learn",
        "mac_password": "empty",
        **routers.sealed(VAULT, secret=secret, mac_password_value=None),
    }
    router_id = routers.add(connection, VAULT, name, START, settings)
    return Place(router_id, name, address, secret.encode(), branch_id)


def _person(connection: Connection, number: int, branch_id: int) -> Person:
    name, password = f"guest{number}", f"word of {number}"
    package = PACKAGES[number // len(RULES) % len(PACKAGES)]
    account_id = accounts.add(connection, VAULT, name, password, branches.cafe(connection, branch_id), START)
    account = accounts.find(connection, name)
    sales.sell(connection, [accounts.buyer(connection, account, START)], package, START)
    pc_user = f"pc_{name}" if number % 4 < 2 else None
    if pc_user is not None:
        pc_ties.tie(connection, account, pc_user, START)
    return Person(name, account_id, password, branch_id, package, pc_user)


def _hurry(database: Database) -> None:
    @event.listens_for(database.engine, "connect")
    def no_syncing(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")


def open_quick() -> QuickDatabase:
    """The town in memory."""
    return QuickDatabase(town().octets)


def open_real(folder: Path) -> Database:
    """The town in a file, as a server has it; nobody needs it after a power cut."""
    path = folder / "world.sqlite"
    path.write_bytes(town().octets)
    database = Database(f"sqlite:///{path}")
    _hurry(database)
    return database
