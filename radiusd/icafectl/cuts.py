"""`icafectl cut`."""

import click

from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples, json_option, limit_option
from radiusd.icafectl.printing import Column, instant, print_list, told_milliseconds
from radiusd.store import listings

_COLUMNS = (
    Column("Cut", "id"),
    Column("Session", "session_id"),
    Column("Login", "login"),
    Column("Device", "device"),
    Column("Router", "router"),
    Column("Ordered", "created_at", instant),
    Column("Tries", "attempts"),
    Column("Outcome", "outcome"),
    Column("Evidence", "evidence"),
    Column("Took", "elapsed", told_milliseconds),
    Column("Alerted", "alerted_at", instant),
    Column("Decided", "decided_at", instant),
)


@click.group()
def cut() -> None:
    """Orders to disconnect; `session cut` gives one."""


@cut.command("list", epilog=examples("cut list --open"))
@click.option("--open", "is_open", is_flag=True, help="Only those not proven yet; they are tried again until they are.")
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, is_open: bool, limit: int, as_json: bool) -> None:
    """List cuts, the newest first, and what became of them."""
    with desk.reading() as connection:
        found = listings.list_cuts(connection, limit + 1, is_open=is_open)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)
