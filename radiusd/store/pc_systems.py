"""What a branch agreed with its PC system: set up once, changed, its secrets made and replaced."""

import json
from collections.abc import Mapping
from secrets import token_hex, token_urlsafe
from typing import Any

from attrs import field, frozen
from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from policy.quantities import Instant
from radiusd.store import revisions
from radiusd.store.errors import AlreadyThere, NotFound
from radiusd.store.identifiers import take_one
from radiusd.store.pc_directory import API_KEY, SIGNING_KEY, hash_token
from radiusd.store.pc_schema import pc_keys, pc_systems, pc_users
from radiusd.store.schema import branches
from radiusd.vault import Vault

Record = dict[str, Any]


@frozen(kw_only=True)
class Issued:
    """What the owner of the PC system must enter there; of the token nobody can read it again.

    The octets of `signing_key` in UTF-8 are the key of the HMAC.
    """

    location_id: str
    token: str = field(repr=False)
    signing_key: str = field(repr=False)


def find(connection: Connection, branch: RowMapping) -> RowMapping:
    """The PC system of a branch; raises NotFound."""
    row = connection.execute(select(pc_systems).where(pc_systems.c.branch_id == branch["id"])).mappings().first()
    if row is None:
        raise NotFound(
            f"branch {branch['name']} has no PC system yet: `icafectl branch pc-sync set-up {branch['name']}` makes "
            "its secrets"
        )
    return row


def set_up(
    connection: Connection, vault: Vault, branch: RowMapping, settings: Mapping[str, Any], at: Instant
) -> Issued:
    """A branch's first pair of token and signing key; raises AlreadyThere.

    `settings` are columns; without a location one is made up, and without a realm its users are its own.
    """
    name = branch["name"]
    if connection.execute(select(pc_systems.c.branch_id).where(pc_systems.c.branch_id == branch["id"])).first():
        raise AlreadyThere(
            f"branch {name} has its secrets already, and they are not shown again: `icafectl branch pc-sync rotate "
            f"{name}` makes new ones (with --overlap 0 if the old ones leaked)"
        )
    location_id = settings.get("location_id") or f"loc_{token_hex(4)}"
    _require_free_location(connection, location_id)
    row = {"realm": location_id, "resume": "after_pc_login", "shapes": "", **settings, "location_id": location_id}
    connection.execute(insert(pc_systems).values(branch_id=branch["id"], created_at=at, **row))
    return _issue(connection, vault, branch["id"], location_id, at)


def _require_free_location(connection: Connection, location_id: str) -> None:
    holder = connection.execute(
        select(branches.c.name)
        .join_from(pc_systems, branches, pc_systems.c.branch_id == branches.c.id)
        .where(pc_systems.c.location_id == location_id)
    ).scalar()
    if holder is not None:
        raise AlreadyThere(f"location {location_id!r} is that of branch {holder}: every branch needs one of its own")


def rotate(connection: Connection, vault: Vault, branch: RowMapping, ends: Instant, at: Instant) -> Issued:
    """Another pair; the former ones retire at `ends`, or at their own end if that is before. Raises NotFound."""
    row = find(connection, branch)
    mine = pc_keys.c.branch_id == branch["id"]
    connection.execute(delete(pc_keys).where(mine, pc_keys.c.retires_at <= at))
    is_longer = pc_keys.c.retires_at.is_(None) | (pc_keys.c.retires_at > ends)
    connection.execute(update(pc_keys).where(mine, is_longer).values(retires_at=ends))
    return _issue(connection, vault, branch["id"], row["location_id"], at)


def _issue(connection: Connection, vault: Vault, branch_id: int, location_id: str, at: Instant) -> Issued:
    made = Issued(location_id=location_id, token=f"pc_{token_urlsafe(32)}", signing_key=token_urlsafe(32))
    connection.execute(
        insert(pc_keys).values(
            id=take_one(connection, "pc_keys"),
            branch_id=branch_id,
            token_hash=hash_token(made.token),
            signing_key=vault.seal(made.signing_key.encode(), SIGNING_KEY),
            created_at=at,
        )
    )
    revisions.announce(connection)
    return made


def sealed_api_key(vault: Vault, api_key: str) -> bytes:
    """The column `api_key`."""
    return vault.seal(api_key.encode(), API_KEY)


def change(connection: Connection, branch: RowMapping, settings: Mapping[str, Any]) -> int:
    """Other settings; `settings` are columns. Raises NotFound.

    Gives how many PC users are known under the realm that was left, 0 if it stays.
    """
    before = find(connection, branch)
    connection.execute(update(pc_systems).where(pc_systems.c.branch_id == branch["id"]).values(**settings))
    revisions.announce(connection)
    left = before["realm"] != settings.get("realm", before["realm"])
    return _count_users(connection, before["realm"]) if left else 0


def _count_users(connection: Connection, realm: str) -> int:
    return int(connection.execute(select(func.count()).where(pc_users.c.realm == realm)).scalar_one())


def remove(connection: Connection, branch: RowMapping) -> None:
    """Take no more events from a branch's PC system; what it reported stays. Raises NotFound."""
    find(connection, branch)
    connection.execute(delete(pc_keys).where(pc_keys.c.branch_id == branch["id"]))
    connection.execute(delete(pc_systems).where(pc_systems.c.branch_id == branch["id"]))
    revisions.announce(connection)


def show(connection: Connection, branch: RowMapping, at: Instant) -> Record:
    """What was agreed, without any secret; raises NotFound."""
    row = find(connection, branch)
    keys = connection.execute(
        select(pc_keys.c.created_at, pc_keys.c.retires_at)
        .where(pc_keys.c.branch_id == branch["id"])
        .order_by(pc_keys.c.id.desc())
    ).mappings()
    return {
        "branch": branch["name"],
        "location_id": row["location_id"],
        "realm": row["realm"],
        "resume": row["resume"],
        "shapes": row["shapes"].split(),
        "api_url": row["api_url"],
        "api_paths": json.loads(row["api_paths"]),
        "has_api_key": row["api_key"] is not None,
        "users": _count_users(connection, row["realm"]),
        "created_at": row["created_at"],
        "keys": [{**key, "is_valid": key["retires_at"] is None or key["retires_at"] > at} for key in keys],
    }
