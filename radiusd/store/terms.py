"""The terms of a package in the columns that `packages` and `passes` share."""

from functools import lru_cache
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
    return from_values(name, tuple(row[each] for each in COLUMNS))


@lru_cache(maxsize=1024)
def from_values(name: str, values: tuple[Any, ...]) -> Package:
    """The package called `name`, of the values of COLUMNS; one value for all passes that were sold on these terms."""
    time, clock, data, validity, up, down, burst, priority, devices, price, opens, closes, max_users = values
    return Package(
        name=name,
        time=time,
        clock=Clock(clock),
        data=data,
        validity=validity,
        rate=None if up is None else Rate(up, down, burst, priority),
        devices=devices,
        price=price,
        hours=None if opens is None else Hours(opens, closes),
        max_users=max_users,
    )
