"""`icafectl branch`."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import click
from sqlalchemy import Connection, RowMapping

from policy.quantities import DAY
from policy.telling import told_seconds
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import composed, examples, given, json_option, limit_option
from radiusd.icafectl.kinds import NAME, NETWORK, SECONDS, ZONE
from radiusd.icafectl.printing import Column, instant, print_json, print_list, print_record, say, told_names
from radiusd.store import branches, naming, pc_networks, schema

_COLUMNS = (
    Column("Name", "name"),
    Column("Passwords", "password_store"),
    Column("Interim", "interim", told_seconds),
    Column("Idle timeout", "idle_timeout", lambda value: "-" if value is None else told_seconds(value)),
    Column("Time zone", "timezone"),
    Column("Switch rule", "switch_rule"),
    Column("Routers", "routers"),
    Column("Accounts", "accounts"),
    Column("Since", "created_at", instant),
)
_DETAILS = (*_COLUMNS, Column("PC events from", "pc_networks", told_names))

_settings = composed(
    click.option(
        "--password-store",
        type=click.Choice(["recoverable", "hash"]),
        help="How guests' passwords are kept: sealed so that CHAP works (recoverable, the default), or hashed, "
        "which needs PAP on the routers. It holds for passwords set from then on.",
    ),
    click.option(
        "--interim",
        type=SECONDS,
        metavar="SECONDS",
        help="How often routers report usage, 60 to 600 seconds (120 by default).",
    ),
    click.option(
        "--idle-timeout",
        type=SECONDS,
        metavar="TIME",
        help="How long a guest may be silent before the router logs it out, 60s to 1d (5m by default).",
    ),
    click.option(
        "--switch-rule",
        type=click.Choice(["leash", "refuse"]),
        help="When a guest changes devices and the old one is not shown to be off in time: let the new one in for a "
        "minute and go on cutting (leash, the default), or have the guest try again (refuse).",
    ),
    click.option("--timezone", type=ZONE, metavar="ZONE", help="The café's clock (Asia/Ho_Chi_Minh by default)."),
)


def branch_or_only(connection: Connection, name: str | None) -> RowMapping:
    """The branch of this name, or the only one if no name was given. Raises NotFound, UsageError."""
    if name is not None:
        return branches.find(connection, name)
    only = naming.only_one(connection, schema.branches, "branch")
    if only is None:
        raise click.UsageError("there are several branches: say which with --branch NAME")
    return only


branch_option = click.option(
    "--branch", metavar="NAME", shell_complete=names_of("branches"), help="The branch; needed if there are several."
)


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    interim = settings.get("interim")
    if interim is not None and not 60 <= interim <= 600:
        raise click.UsageError(f"--interim must be 60 to 600 seconds, as in --interim 120, not {interim}")
    idle = settings.get("idle_timeout")
    if idle is not None and not 60 <= idle <= DAY:
        raise click.UsageError(f"--idle-timeout must be 60 seconds to 1 day, as in --idle-timeout 5m, not {idle} s")
    return settings


@click.group()
def branch() -> None:
    """The cafés."""


@branch.command(epilog=examples("branch add Centre", "branch add Riverside --password-store hash --interim 300"))
@click.argument("name", type=NAME)
@_settings
@json_option
@pass_desk
def add(desk: Desk, /, name: str, as_json: bool, **settings: Any) -> None:
    """Add a branch."""
    defaults = {
        "password_store": "recoverable",
        "interim": 120,
        "idle_timeout": 300,
        "timezone": "Asia/Ho_Chi_Minh",
        "switch_rule": "leash",
    }
    chosen = {key: value for key, value in settings.items() if value is not None}
    with desk.writing() as connection:
        branches.add(connection, name, desk.now(), **{**defaults, **_checked(chosen)})
        made = branches.listed(connection, 1, name)[0]
    if as_json:
        print_json(made)
    else:
        say(f"branch {name} added; next: icafectl router add NAME --branch {name} --address ADDRESS")


@branch.command("set", epilog=examples("branch set Centre --interim 300"))
@click.argument("name", shell_complete=names_of("branches"))
@_settings
@pass_desk
def set_(desk: Desk, /, name: str, **settings: Any) -> None:
    """Change a branch."""
    chosen = _checked(given(**settings))
    with desk.writing() as connection:
        branches.change(connection, name, **chosen)
    say(f"branch {name} changed")
    if "password_store" in chosen:
        say("passwords that are set from now on are kept that way; those there are stay as they are")


@branch.command("list", epilog=examples("branch list", "branch list --json"))
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, limit: int, as_json: bool) -> None:
    """List the branches."""
    with desk.reading() as connection:
        found = branches.listed(connection, limit + 1)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@branch.command(epilog=examples("branch show Centre"))
@click.argument("name", shell_complete=names_of("branches"))
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one branch."""
    with desk.reading() as connection:
        branch_id = branches.find(connection, name)["id"]
        found = branches.listed(connection, 1, name)[0]
        found["pc_networks"] = pc_networks.networks_of(connection, branch_id)
    if as_json:
        print_json(found)
    else:
        print_record(found, _DETAILS)


anyone_option = click.option("--anyone", is_flag=True, help="Let 0.0.0.0/0 or ::/0 be allowed, which is everyone.")
_networks_argument = click.argument("networks", type=NETWORK, nargs=-1, required=True, metavar="NETWORK...")


def checked_networks(networks: Sequence[str], *, anyone: bool) -> Sequence[str]:
    """The networks; raises UsageError for the whole world, unless that is what is wanted."""
    for each in networks:
        if ip_network(each).prefixlen == 0 and not anyone:
            raise click.UsageError(
                f"{each} is everyone: give the address events come from, as in 203.0.113.7, or add --anyone"
            )
    return networks


@branch.command(epilog=examples("branch allow Centre 203.0.113.7", "branch allow Centre 10.8.0.0/24 2001:db8::/48"))
@click.argument("name", shell_complete=names_of("branches"))
@_networks_argument
@anyone_option
@pass_desk
def allow(desk: Desk, name: str, networks: Sequence[str], anyone: bool) -> None:
    """Take events of the branch's PC system from these addresses, too."""
    checked_networks(networks, anyone=anyone)
    with desk.writing() as connection:
        found = pc_networks.allow(connection, branches.find(connection, name), networks, desk.now())
    say(f"PC events of branch {name} are taken from {', '.join(found)}")


@branch.command(epilog=examples("branch disallow Centre 203.0.113.7"))
@click.argument("name", shell_complete=names_of("branches"))
@_networks_argument
@pass_desk
def disallow(desk: Desk, name: str, networks: Sequence[str]) -> None:
    """Take events of the branch's PC system from these addresses no more."""
    with desk.writing() as connection:
        found = pc_networks.disallow(connection, branches.find(connection, name), networks)
    say(f"PC events of branch {name} are taken from {', '.join(found) or 'nowhere'}")
