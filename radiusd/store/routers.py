"""Routers: added, changed, removed, listed. Which one a packet is from must never be ambiguous."""

from collections.abc import Iterable, Mapping
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from policy.quantities import Instant
from radiusd.store import naming, revisions
from radiusd.store.directory import API_PASSWORD, MAC_PASSWORD, SECRET
from radiusd.store.errors import Refused
from radiusd.store.identifiers import take_one
from radiusd.store.schema import branches, connections, nases, routers
from radiusd.vault import Vault

Network = IPv4Network | IPv6Network


def find(connection: Connection, name: str) -> RowMapping:
    """The router of this name; raises NotFound."""
    return naming.find(connection, routers, name, "router")


_PURPOSES = {"secret": SECRET, "mac_password_value": MAC_PASSWORD, "api_password": API_PASSWORD}


def sealed(vault: Vault, **secrets: str | None) -> dict[str, Any]:
    """The columns of the secrets that are given: `secret`, `mac_password_value`, `api_password`."""
    given = ((column, value) for column, value in secrets.items() if value is not None)
    return {column: vault.seal(value.encode(), _PURPOSES[column]) for column, value in given}


def add(connection: Connection, vault: Vault, name: str, at: Instant, settings: dict[str, Any]) -> int:
    """A new router; `settings` are its columns. Raises AlreadyThere, and Refused for an ambiguous one."""
    naming.require_free(connection, routers, name, "router")
    router_id = take_one(connection, "routers")
    _require_api(settings)
    connection.execute(insert(routers).values(id=router_id, name=name, created_at=at, **settings))
    _refuse_ambiguous(connection, vault, router_id)
    revisions.announce(connection)
    return router_id


def change(connection: Connection, vault: Vault, name: str, settings: dict[str, Any]) -> None:
    """Other settings for a router; raises NotFound, and Refused if it became ambiguous."""
    row = find(connection, name)
    if settings.get("require_message_authenticator") == "learn":
        settings = {**settings, "signs_requests": False}  # said again: learn anew
    _require_api({**row, **settings})
    if settings.keys() & {"coa_address", "coa_port", "kind", "network"}:
        settings = {**settings, "coa_answered": False, "coa_plain": False}  # perhaps it is another box by now
    connection.execute(update(routers).where(routers.c.id == row["id"]).values(**settings))
    _refuse_ambiguous(connection, vault, row["id"])
    revisions.announce(connection)


def remove(connection: Connection, name: str, at: Instant) -> None:
    """Know the router no more; what it reported stays. Raises NotFound."""
    row = find(connection, name)
    kept = f"{name} (removed {row['id']})"
    connection.execute(update(routers).where(routers.c.id == row["id"]).values(removed_at=at, name=kept))
    revisions.announce(connection)


def _require_api(settings: Mapping[str, Any]) -> None:
    if settings.get("cut_by", "coa") != "coa" and not settings.get("api_user"):
        raise Refused("to cut through the RouterOS API somebody must log in there: give --api-user NAME")


def _refuse_ambiguous(connection: Connection, vault: Vault, router_id: int) -> None:
    present = connection.execute(select(routers).where(routers.c.removed_at.is_(None))).mappings().all()
    mine = next(row for row in present if row["id"] == router_id)
    network, secret = ip_network(mine["network"]), vault.open(mine["secret"], SECRET)
    for other in _overlapping(network, (row for row in present if row["id"] != router_id)):
        if compare_digest(secret, vault.open(other["secret"], SECRET)):
            raise Refused(
                f"router {other['name']} ({other['network']}) has the same secret and an address in common with "
                f"{network}: nobody could tell their packets apart. Give one of them another secret or address"
            )


def _overlapping(network: Network, rows: Iterable[RowMapping]) -> Iterable[RowMapping]:
    for row in rows:
        other = ip_network(row["network"])
        if other.version == network.version and other.overlaps(network):
            yield row


_SHOWN = [each for each in routers.c if each.name not in _PURPOSES]

_LATELY = 100_000
"""The newest connections, among which those of a router are looked for: closed ones have no index by router."""
_newest = (
    select(connections.c.router_id, connections.c.last_at).order_by(connections.c.id.desc()).limit(_LATELY).subquery()
)
_late = select(_newest.c.router_id, func.max(_newest.c.last_at).label("late")).group_by(_newest.c.router_id).subquery()
_of_it = connections.c.router_id == routers.c.id
_open = select(func.max(connections.c.last_at)).where(_of_it, connections.c.state != "CLOSED").scalar_subquery()
_boot = select(func.max(nases.c.seen_at)).where(nases.c.router_id == routers.c.id).scalar_subquery()


def listed(connection: Connection, limit: int, name: str | None = None) -> list[dict[str, Any]]:
    """Routers by name, with their branches; secrets left out.

    `last_heard_at` is when a router last reported a guest, or was first seen in its present boot; None for neither.
    """
    query = (
        select(*_SHOWN, branches.c.name.label("branch"), _late.c.late, _open.label("open"), _boot.label("boot"))
        .join_from(routers, branches, routers.c.branch_id == branches.c.id)
        .outerjoin(_late, _late.c.router_id == routers.c.id)
        .where(routers.c.removed_at.is_(None))
        .order_by(routers.c.name)
    )
    if name is not None:
        query = query.where(routers.c.name == name)
    return [_with_last_heard(row) for row in connection.execute(query.limit(limit)).mappings()]


def _with_last_heard(row: RowMapping) -> dict[str, Any]:
    shown = dict(row)
    heard = [shown.pop(each) for each in ("late", "open", "boot")]
    return {**shown, "last_heard_at": max((each for each in heard if each is not None), default=None)}
