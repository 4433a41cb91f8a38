"""The terms of a package in the columns that `packages` and `passes` share."""

from typing import Any

from sqlalchemy import RowMapping

from policy.package import Clock, Hours, Package, Rate

COLUMNS = (
    "time",
    "clock",
    "data",
    "validity",
    "rate_up",
    "rate_down",
    "burst",
    "priority",
    "devices",
    "price",
    "opens",
    "closes",
    "max_users",
)


def to_columns(terms: Package) -> dict[str, Any]:
    """The terms without their name."""
    rate, hours = terms.rate, terms.hours
    return {
        "time": terms.time,
        "clock": terms.clock.value,
        "data": terms.data,
        "validity": terms.validity,
        "rate_up": rate and rate.up,
        "rate_down": rate and rate.down,
        "burst": rate.burst if rate else 0,
        "priority": rate.priority if rate else 8,
        "devices": terms.devices,
        "price": terms.price,
        "opens": hours and hours.opens,
        "closes": hours and hours.closes,
        "max_users": terms.max_users,
    }


def from_columns(name: str, row: RowMapping) -> Package:
    """The package called `name`."""
    has_rate = row["rate_up"] is not None
    return Package(
        name=name,
        time=row["time"],
        clock=Clock(row["clock"]),
        data=row["data"],
        validity=row["validity"],
        rate=Rate(row["rate_up"], row["rate_down"], row["burst"], row["priority"]) if has_rate else None,
        devices=row["devices"],
        price=row["price"],
        hours=None if row["opens"] is None else Hours(row["opens"], row["closes"]),
        max_users=row["max_users"],
    )
