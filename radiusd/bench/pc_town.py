"""A chain of cafés with PC systems: branches, routers, guests who are known at the gaming PCs, and whose secrets."""

import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, insert, select

from policy.quantities import Instant
from radiusd.app import wall_clock
from radiusd.bench.filling import AT_ONCE, add_guests, fill
from radiusd.bench.guests import SECRET, USER
from radiusd.bench.posting import post
from radiusd.bench.stores import Store
from radiusd.store import branches, pc_networks, pc_systems, revisions, routers
from radiusd.store.database import Database
from radiusd.store.identifiers import take
from radiusd.store.pc_schema import pc_systems as pc_systems_table
from radiusd.store.pc_schema import pc_users
from radiusd.store.pc_systems import Issued
from radiusd.store.schema import accounts
from radiusd.store.schema import routers as routers_table
from radiusd.vault import Vault, make_key_file, read_key_file

GUESTS_OF_A_ROUTER = 100
EVENTS = "/api/pc-sync/event"
PC_USER = "pc_%06d"


@frozen(kw_only=True)
class Branch:
    """One café: its guests and its routers by their numbers, the address its PC system has, and its secrets."""

    number: int
    guests: range
    routers: range
    issued: Issued = field(repr=False)

    @property
    def source(self) -> str:
        """Its PC system's address."""
        return f"127.30.{self.number // 250}.{self.number % 250 + 1}"

    def event(self, guest: int, at: float, kind: str = "USER_LOGOUT") -> bytes:
        """A signed request that reports what a guest did at `at`, in seconds since 1970."""
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {
            "event_type": kind,
            "pc_user_id": PC_USER % guest,
            "timestamp": moment,
            "location_id": self.issued.location_id,
        }
        body = json.dumps(fields).encode()
        signature = hmac.new(self.issued.signing_key.encode(), body, "sha256").hexdigest()
        headers = (("X-PC-Secret", self.issued.token), ("X-PC-Signature", f"sha256={signature}"))
        return post(EVENTS, body, headers)


def router_address(number: int) -> str:
    """Each router's own."""
    return f"127.9.{number // 250 + 100}.{number % 250 + 1}"


@frozen(kw_only=True)
class Size:
    """How many guests each branch has; `beside` are those of a branch without PCs, for the requests beside.

    All routers listen for disconnects at `coa_port`; `api_url` is where the PC systems are asked.
    """

    guests: Sequence[int]
    beside: int
    coa_port: int
    api_url: str | None = None


@frozen(kw_only=True)
class Town:
    """What was made."""

    size: Size
    branches: tuple[Branch, ...]

    @property
    def guests(self) -> int:
        """All but those beside."""
        return sum(self.size.guests)


def make(store: Store, folder: Path, size: Size, filled: Callable[[int], None]) -> Town:
    """A chain in an empty store; `filled` hears how many guests there are."""
    key = folder / "key"
    if not key.exists():
        make_key_file(key)
    vault = Vault(read_key_file(key))
    database = Database(store.url)
    try:
        at = wall_clock()
        fill(database, vault, size.beside, at, filled)
        made = _open_branches(database, vault, size, at, filled)
    finally:
        database.close()
    store.filled()
    return Town(size=size, branches=made)


def _open_branches(
    database: Database, vault: Vault, size: Size, at: Instant, filled: Callable[[int], None]
) -> tuple[Branch, ...]:
    made, first_guest, first_router = [], size.beside, 0
    for number, count in enumerate(size.guests):
        guests = range(first_guest, first_guest + count)
        first_guest += count
        boxes = range(first_router, first_router + -(-count // GUESTS_OF_A_ROUTER))
        first_router = boxes.stop
        with database.writing() as connection:
            issued = _open_branch(connection, vault, f"q{number}", boxes, size, at)
        for first in range(guests.start, guests.stop, AT_ONCE):
            with database.writing() as connection:
                some = range(first, min(guests.stop, first + AT_ONCE))
                _add_known_guests(connection, vault, f"q{number}", some, at)
            filled(some.stop)
        made.append(Branch(number=number, guests=guests, routers=boxes, issued=issued))
    return tuple(made)


def _open_branch(connection: Connection, vault: Vault, name: str, boxes: range, size: Size, at: Instant) -> Issued:
    settings = {"password_store": "recoverable", "interim": 120, "idle_timeout": 300, "timezone": "UTC"}
    branch_id = branches.add(connection, name, at, **settings)
    branch = branches.find(connection, name)
    sealed = routers.sealed(vault, secret=SECRET)
    ids = take(connection, "routers", len(boxes))
    connection.execute(
        insert(routers_table),
        [_router(number, row_id, branch_id, size, sealed, at) for number, row_id in zip(boxes, ids, strict=True)],
    )
    issued = pc_systems.set_up(connection, vault, branch, {"api_url": size.api_url}, at)
    pc_networks.allow(connection, branch, ["127.0.0.0/8"], at)
    return issued


def _router(
    number: int, row_id: int, branch_id: int, size: Size, sealed: dict[str, Any], at: Instant
) -> dict[str, Any]:
    return {
        "id": row_id,
        "name": f"r{number}",
        "branch_id": branch_id,
        "network": f"{router_address(number)}/32",
        "kind": "mikrotik",
        "coa_port": size.coa_port,
        "coa_answered": True,
        "cut_by": "coa",
        "require_message_authenticator": "learn",
        "mac_password": "empty",
        "created_at": at,
        **sealed,
    }


def _add_known_guests(connection: Connection, vault: Vault, name: str, numbers: range, at: Instant) -> None:
    """Guests whose names at the gaming PCs are known."""
    branch = branches.find(connection, name)
    add_guests(connection, vault, branches.cafe(connection, branch["id"]), numbers, at)
    realm = connection.execute(
        select(pc_systems_table.c.realm).where(pc_systems_table.c.branch_id == branch["id"])
    ).scalar_one()
    found = connection.execute(select(accounts.c.name, accounts.c.id).where(accounts.c.branch_id == branch["id"]))
    ids = {row.name: row.id for row in found}
    connection.execute(
        insert(pc_users),
        [
            {"pc_user_id": PC_USER % each, "realm": realm, "account_id": ids[USER % each], "created_at": at}
            for each in numbers
        ],
    )
    revisions.announce(connection)
