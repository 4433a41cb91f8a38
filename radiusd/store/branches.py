"""The cafés: added, changed, listed."""

from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from policy.accounts import Branch
from policy.quantities import Instant
from radiusd.store import naming, revisions
from radiusd.store.directory import Cafe, cafe_from_row
from radiusd.store.identifiers import take_one
from radiusd.store.schema import accounts, branches, routers


def find(connection: Connection, name: str) -> RowMapping:
    """The branch of this name; raises NotFound."""
    return naming.find(connection, branches, name, "branch")


def add(connection: Connection, name: str, at: Instant, **settings: Any) -> int:
    """A new branch; `settings` are its columns. Raises AlreadyThere."""
    naming.require_free(connection, branches, name, "branch")
    branch_id = take_one(connection, "branches")
    connection.execute(insert(branches).values(id=branch_id, name=name, created_at=at, **settings))
    revisions.announce(connection)
    return branch_id


def change(connection: Connection, name: str, **settings: Any) -> None:
    """Other settings for a branch; raises NotFound."""
    row = find(connection, name)
    connection.execute(update(branches).where(branches.c.id == row["id"]).values(**settings))
    revisions.announce(connection)


def cafe(connection: Connection, branch_id: int) -> Cafe:
    """The branch with what only the shell needs."""
    return cafe_from_row(connection.execute(select(branches).where(branches.c.id == branch_id)).mappings().one())


def at(connection: Connection, branch_id: int, when: Instant) -> Branch:
    """The branch as policy sees it at `when`."""
    return cafe(connection, branch_id).branch(when)


def time_zones(connection: Connection) -> list[str]:
    """Where the branches are, each time zone once."""
    return list(connection.execute(select(branches.c.timezone).distinct()).scalars())


def listed(connection: Connection, limit: int, name: str | None = None) -> list[dict[str, Any]]:
    """Branches by name, with how many routers and customers each has."""
    nases = select(func.count()).where(routers.c.branch_id == branches.c.id, routers.c.removed_at.is_(None))
    people = select(func.count()).where(accounts.c.branch_id == branches.c.id, accounts.c.kind == "customer")
    query = select(
        branches, nases.scalar_subquery().label("routers"), people.scalar_subquery().label("accounts")
    ).order_by(branches.c.name)
    if name is not None:
        query = query.where(branches.c.name == name)
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]
