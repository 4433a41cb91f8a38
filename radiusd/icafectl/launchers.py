"""`icafectl launcher`."""

import re

import click

from radiusd.icafectl.branches import branch_option, branch_or_only
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.game_owner import hand_over
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.kinds import Kind
from radiusd.icafectl.printing import Column, instant, print_json, print_list, print_record, say
from radiusd.store import game_lists, launchers

_COLUMNS = (
    Column("Name", "name"),
    Column("Branch", "branch"),
    Column("Active", "is_active"),
    Column("Since", "created_at", instant),
)
_DETAILS = (*_COLUMNS, Column("Alive on PCs", "pcs"), Column("Last heard of", "seen_at", instant))


class LauncherKind(Kind):
    """What an installation is called in its requests' headers."""

    name = "launcher"
    expected = "a launcher id: write 1 to 64 letters, digits, dots, dashes and underscores, as in centre-pcs"

    def read(self, text: str) -> str | None:
        """The id as it is."""
        return text if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text) else None


_launcher_argument = click.argument("name", shell_complete=names_of("launchers"))


@click.group()
def launcher() -> None:
    """The installations of the launcher on cafés' PCs."""


@launcher.command(epilog=examples("launcher add centre-pcs --branch Centre", "launcher add hall-2 --json"))
@click.argument("name", type=LauncherKind())
@branch_option
@json_option
@pass_desk
def add(desk: Desk, name: str, branch: str | None, as_json: bool) -> None:
    """Add an installation at a branch, and print the secret it signs with. It is shown only this once."""
    with desk.writing() as connection:
        where = branch_or_only(connection, branch)
        secret = launchers.add(connection, desk.vault, name, where, desk.now())
    if not as_json:
        say(f"launcher {name} added at branch {where['name']}")
    _hand_over_secret(desk, name, secret, as_json=as_json)


def _hand_over_secret(desk: Desk, name: str, secret: str, *, as_json: bool) -> None:
    hand_over("the launcher", {"launcher_id": name, "secret": secret}, desk.config, as_json=as_json)


@launcher.command("list", epilog=examples("launcher list", "launcher list --json"))
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, limit: int, as_json: bool) -> None:
    """List the installations; secrets are not shown."""
    with desk.reading() as connection:
        found = game_lists.list_launchers(connection, limit + 1)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@launcher.command(epilog=examples("launcher show centre-pcs"))
@_launcher_argument
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one installation, and on how many PCs it is alive; its secret is not shown."""
    with desk.reading() as connection:
        found = game_lists.show_launcher(connection, launchers.find(connection, name), desk.now())
    if as_json:
        print_json(found)
    else:
        print_record(found, _DETAILS)


@launcher.command(epilog=examples("launcher rotate centre-pcs"))
@_launcher_argument
@json_option
@pass_desk
def rotate(desk: Desk, name: str, as_json: bool) -> None:
    """Make a new secret for an installation, and print it. With the former one no session begins any more."""
    with desk.writing() as connection:
        secret = launchers.rotate(connection, desk.vault, name)
    _hand_over_secret(desk, name, secret, as_json=as_json)
    if not as_json:
        say("the former secret is void: until the new one is entered, its PCs begin no sessions; those there are go on")


@launcher.command(epilog=examples("launcher stop centre-pcs"))
@_launcher_argument
@pass_desk
def stop(desk: Desk, name: str) -> None:
    """Let an installation begin no more sessions."""
    with desk.writing() as connection:
        is_new = launchers.set_active(connection, name, is_active=False)
    say(f"launcher {name} is stopped: it begins no more sessions" if is_new else f"launcher {name} was stopped already")


@launcher.command(epilog=examples("launcher start centre-pcs"))
@_launcher_argument
@pass_desk
def start(desk: Desk, name: str) -> None:
    """Let an installation that was stopped begin sessions again."""
    with desk.writing() as connection:
        is_new = launchers.set_active(connection, name, is_active=True)
    say(f"launcher {name} may begin sessions again" if is_new else f"launcher {name} was not stopped")
