"""The price list."""

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from policy.package import Package
from policy.quantities import Instant
from radiusd.store import naming, terms
from radiusd.store.identifiers import take_one
from radiusd.store.schema import packages


def find(connection: Connection, name: str) -> Package:
    """The package of this name; raises NotFound."""
    return terms.from_columns(name, naming.find(connection, packages, name, "package"))


def add(connection: Connection, package: Package, at: Instant) -> int:
    """A new line of the price list; raises AlreadyThere."""
    naming.require_free(connection, packages, package.name, "package")
    package_id = take_one(connection, "packages")
    connection.execute(
        insert(packages).values(id=package_id, name=package.name, created_at=at, **terms.to_columns(package))
    )
    return package_id


def change(connection: Connection, package: Package) -> None:
    """Other terms from the next sale on; raises NotFound."""
    naming.find(connection, packages, package.name, "package")
    connection.execute(update(packages).where(packages.c.name == package.name).values(**terms.to_columns(package)))


def remove(connection: Connection, name: str) -> None:
    """Sell it no more; passes of it stay as they were sold. Raises NotFound."""
    naming.find(connection, packages, name, "package")
    connection.execute(delete(packages).where(packages.c.name == name))


def listed(connection: Connection, limit: int, name: str | None = None) -> list[dict[str, Any]]:
    """Packages, the cheapest first."""
    query = select(packages).order_by(packages.c.price, packages.c.name)
    if name is not None:
        query = query.where(packages.c.name == name)
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]
