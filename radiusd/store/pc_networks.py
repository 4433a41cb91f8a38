"""Where a branch's events may come from."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, insert, select

from policy.quantities import Instant
from radiusd.store import revisions
from radiusd.store.errors import NotFound
from radiusd.store.pc_schema import branch_networks


def networks_of(connection: Connection, branch_id: int) -> list[str]:
    """The networks that a branch's events may come from, as they are written."""
    query = select(branch_networks.c.network).where(branch_networks.c.branch_id == branch_id)
    return sorted(connection.execute(query).scalars())


def allow(connection: Connection, branch: RowMapping, networks: Sequence[str], at: Instant) -> list[str]:
    """Take events from these, too; gives all there are now. `networks` are in their usual form."""
    known = networks_of(connection, branch["id"])
    new = [each for each in dict.fromkeys(networks) if each not in known]
    if new:
        rows = [{"branch_id": branch["id"], "network": each, "created_at": at} for each in new]
        connection.execute(insert(branch_networks), rows)
    revisions.announce(connection)
    return networks_of(connection, branch["id"])


def disallow(connection: Connection, branch: RowMapping, networks: Sequence[str]) -> list[str]:
    """Take no more events from these; gives those that are left. Raises NotFound, and then all stay."""
    known = networks_of(connection, branch["id"])
    for each in networks:
        if each not in known:
            there = f"allowed are {', '.join(known)}" if known else "nothing is"
            raise NotFound(f"{each} is not allowed at branch {branch['name']}: {there}")
    connection.execute(
        delete(branch_networks).where(
            branch_networks.c.branch_id == branch["id"], branch_networks.c.network.in_(networks)
        )
    )
    revisions.announce(connection)
    return networks_of(connection, branch["id"])
