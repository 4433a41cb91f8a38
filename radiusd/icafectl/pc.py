"""`icafectl pc`."""

from typing import Any

import click

from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.printing import Column, instant, print_list, told_milliseconds
from radiusd.store import branches, pc_lists


def told_lateness(value: Any) -> str:
    """How long after it happened an event was received; clocks are never quite the same."""
    if value < -1_000:
        return f"{-value / 1000:.1f} s early"
    return f"{max(0, value)} ms" if value < 1_000 else f"{value / 1000:.1f} s"


_EVENTS = (
    Column("Received", "received_at", instant),
    Column("Event", "kind"),
    Column("PC user", "pc_user_id"),
    Column("Branch", "branch"),
    Column("Effect", "effect"),
    Column("Ended", "sessions_terminated"),
    Column("Outcome", "outcome"),
    Column("Proven after", "took", told_milliseconds),
    Column("From", "source"),
    Column("Came late by", "lateness", told_lateness),
)
_PRESENT = (
    Column("PC user", "pc_user_id"),
    Column("Account", "account"),
    Column("Since", "logged_in_at", instant),
)


@click.group()
def pc() -> None:
    """The gaming PCs: what was reported of them, and who is at one."""


@pc.command(epilog=examples("pc events Centre", "pc events nora_01 --limit 10 --json"))
@click.argument("name", shell_complete=names_of("branches"))
@limit_option
@json_option
@pass_desk
def events(desk: Desk, name: str, limit: int, as_json: bool) -> None:
    """List the events of a branch, a PC user or an account, the newest first, and what came of each."""
    with desk.reading() as connection:
        found = pc_lists.list_events(connection, pc_lists.find(connection, name), limit + 1)
    print_list(found, _EVENTS, as_json=as_json, limit=limit)


@pc.command(epilog=examples("pc present Centre"))
@click.argument("branch", shell_complete=names_of("branches"))
@limit_option
@json_option
@pass_desk
def present(desk: Desk, branch: str, limit: int, as_json: bool) -> None:
    """List who is at a gaming PC of a branch now, by what its PC system reported."""
    with desk.reading() as connection:
        found = pc_lists.list_present(connection, branches.find(connection, branch)["id"], limit + 1)
    print_list(found, _PRESENT, as_json=as_json, limit=limit)
