"""`icafectl package`."""

from collections.abc import Mapping
from typing import Any

import click
from attrs import evolve

from policy.package import Clock, Package, Rate
from policy.telling import told_octets, told_seconds, told_speed
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import NUMBER, composed, examples, given, json_option, limit_option
from radiusd.icafectl.kinds import HOURS, NAME, PERCENT, PRICE, SPEED, TIME, VOLUME, told_hours
from radiusd.icafectl.printing import Column, print_json, print_list, print_record, say
from radiusd.store import packages


def _speed(bits: int | None) -> str:
    return "unlimited" if bits is None else told_speed(bits)


_COLUMNS = (
    Column("Name", "name"),
    Column("Price", "price", lambda price: f"{price} VND"),
    Column("Time", "time", told_seconds),
    Column("Counted", "clock", {"wall": "from the first login", "online": "while online"}.__getitem__),
    Column("Data", "data", told_octets),
    Column("Up", "rate_up", _speed),
    Column("Down", "rate_down", _speed),
    Column("Burst", "burst", lambda percent: f"{percent} %" if percent else "-"),
    Column("Devices", "devices"),
    Column("Valid", "validity", lambda value: "-" if value is None else told_seconds(value)),
    Column("Hours", "hours"),
    Column("Users", "max_users"),
)

_terms = composed(
    click.option("--time", type=TIME, help="How long it lasts, as in 3h; without it, without end."),
    click.option(
        "--online-time/--wall-time",
        default=None,
        help="Count only the time online, or (the default) from the first login on.",
    ),
    click.option("--data", type=VOLUME, help="How much it holds, as in 2G; without it, any amount."),
    click.option("--up", type=SPEED, help="The guest's upload speed, as in 2M."),
    click.option("--down", type=SPEED, help="The guest's download speed, as in 10M."),
    click.option("--burst", type=PERCENT, help="What may be used on top for 10 s, in percent."),
    click.option("--priority", type=click.IntRange(1, 8), help="Priority of the queue: 1 (best) to 8 (the default)."),
    click.option("--devices", type=click.IntRange(1, 5), help="Devices at the same time, 1 to 5 (1 by default)."),
    click.option("--price", type=PRICE, help="Whole VND."),
    click.option("--valid", "validity", type=TIME, help="The longest wait from the sale to the first login."),
    click.option("--hours", type=HOURS, help="The hours of the day in which it can be used, as in 08:00-22:00."),
    click.option("--max-users", type=NUMBER, help="How many passes of it may be in use at once."),
)


def _with_terms(package: Package, chosen: Mapping[str, Any]) -> Package:
    changes = {key: value for key, value in chosen.items() if key not in _NOT_FIELDS}
    if "online_time" in chosen:
        changes["clock"] = Clock.ONLINE if chosen["online_time"] else Clock.WALL
    return evolve(package, rate=_rate(package.rate, chosen), **changes)


_NOT_FIELDS = ("online_time", "up", "down", "burst", "priority")


def _rate(before: Rate | None, chosen: Mapping[str, Any]) -> Rate | None:
    fields = {name: chosen[name] for name in ("up", "down", "burst", "priority") if name in chosen}
    if not fields:
        return before
    if before is not None:
        return evolve(before, **fields)
    if "up" not in fields or "down" not in fields:
        raise click.UsageError("a speed needs both directions: give --up and --down, as in --up 2M --down 10M")
    return Rate(**fields)


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    hidden = ("id", "opens", "closes")
    return {
        **{key: value for key, value in row.items() if key not in hidden},
        "hours": told_hours(row["opens"], row["closes"]),
    }


@click.group()
def package() -> None:
    """The price list."""


@package.command(
    epilog=examples(
        "package add '3 hours' --time 3h --up 2M --down 10M --price 12000",
        "package add Family --time 1d --data 5G --devices 5 --valid 30d --price 50_000",
        "package add Staff",
    )
)
@click.argument("name", type=NAME)
@_terms
@json_option
@pass_desk
def add(desk: Desk, /, name: str, as_json: bool, **chosen: Any) -> None:
    """Add a package. What is not limited here is unlimited."""
    terms = {key: value for key, value in chosen.items() if value is not None}
    new = _with_terms(Package(name=name), terms)
    with desk.writing() as connection:
        packages.add(connection, new, desk.now())
        made = _record(packages.listed(connection, 1, name)[0])
    if as_json:
        print_json(made)
    else:
        say(f"package {name} added: {_in_words(made)}")


def _in_words(made: Mapping[str, Any]) -> str:
    kept = ("Price", "Time", "Data", "Up", "Down", "Devices")
    return ", ".join(f"{each.heading.lower()} {each.cell(made)}" for each in _COLUMNS if each.heading in kept)


@package.command("set", epilog=examples("package set '3 hours' --price 15000"))
@click.argument("name", shell_complete=names_of("packages"))
@_terms
@pass_desk
def set_(desk: Desk, /, name: str, **chosen: Any) -> None:
    """Change a package from the next sale on; passes that were sold stay as they were sold."""
    terms = given(**chosen)
    with desk.writing() as connection:
        packages.change(connection, _with_terms(packages.find(connection, name), terms))
    say(f"package {name} changed; passes that were sold before stay as they are")


@package.command("list", epilog=examples("package list"))
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, limit: int, as_json: bool) -> None:
    """List the packages, the cheapest first."""
    with desk.reading() as connection:
        found = [_record(row) for row in packages.listed(connection, limit + 1)]
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@package.command(epilog=examples("package show '3 hours'"))
@click.argument("name", shell_complete=names_of("packages"))
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one package."""
    with desk.reading() as connection:
        packages.find(connection, name)
        found = _record(packages.listed(connection, 1, name)[0])
    if as_json:
        print_json(found)
    else:
        print_record(found, _COLUMNS)


@package.command(epilog=examples("package remove '3 hours'"))
@click.argument("name", shell_complete=names_of("packages"))
@pass_desk
def remove(desk: Desk, name: str) -> None:
    """Take a package off the price list; passes that were sold stay good."""
    with desk.writing() as connection:
        packages.remove(connection, name)
    say(f"package {name} removed; passes of it that were sold stay good")
