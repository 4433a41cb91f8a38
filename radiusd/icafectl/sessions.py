"""`icafectl session`."""

import click

from policy.quantities import BitsPerSecond, Octets, Seconds
from policy.session import Phase
from policy.telling import told_octets, told_seconds, told_speed
from radiusd.handlers.translate import rate_limit
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.ending import told_end
from radiusd.icafectl.grammar import NUMBER, examples, json_option, limit_option
from radiusd.icafectl.kinds import REASON, SPEED, TIME, VOLUME
from radiusd.icafectl.printing import (
    Column,
    instant,
    print_json,
    print_list,
    print_record,
    print_table,
    say,
    told_milliseconds,
)
from radiusd.store import accounts, branches, live, pass_list, session_list
from radiusd.store.errors import NotFound

SESSION_COLUMNS = (
    Column("Session", "id"),
    Column("Phase", "phase"),
    Column("Ended by", "end_reason"),
    Column("Account", "account"),
    Column("Device", "device"),
    Column("Branch", "branch"),
    Column("Router", "router"),
    Column("Package", "package"),
    Column("Online", "online"),
    Column("Time left", "time_left", told_seconds),
    Column("Data used", "data_used", told_octets),
    Column("of", "data_limit", told_octets),
    Column("Cut", "cut"),
)
_DETAILS = (
    *SESSION_COLUMNS[:4],
    Column("Login", "login"),
    *SESSION_COLUMNS[4:8],
    Column("Pass", "pass_id"),
    Column("Held", "held"),
    Column("Created", "created_at", instant),
    Column("Started", "started_at", instant),
    Column("Ended", "ended_at", instant),
    Column("Online", "online"),
    Column("Time left", "time_left", told_seconds),
    Column("Data of the pass", "data_limit", told_octets),
    Column("Data used of it", "data_used", told_octets),
    Column("Uploaded", "uploaded", told_octets),
    Column("Downloaded", "downloaded", told_octets),
    Column("Time online", "seconds_online", told_seconds),
    Column("Place", "slot"),
    Column("Places", "devices"),
    Column("Acct-Session-Id", "acct_session_id"),
    Column("Address", "framed_ip_address"),
    Column("Cut", "cut"),
)
_CONNECTIONS = (
    Column("Connection", "id"),
    Column("Router", "router"),
    Column("State", "state"),
    Column("Device", "device"),
    Column("Acct-Session-Id", "acct_session_id"),
    Column("Address", "framed_ip_address"),
    Column("Opened", "opened_at", instant),
    Column("Last heard", "last_at", instant),
    Column("Closed", "closed_at", instant),
    Column("How", "closing"),
    Column("Up", "uploaded", told_octets),
    Column("Down", "downloaded", told_octets),
    Column("Online", "seconds", told_seconds),
)
_COMMANDS = (
    Column("Order", "id"),
    Column("To", "kind"),
    Column("Connection", "connection_id"),
    Column("Ordered", "created_at", instant),
    Column("Tries", "attempts"),
    Column("Outcome", "outcome"),
    Column("Evidence", "evidence"),
    Column("Took", "elapsed", told_milliseconds),
    Column("Decided", "decided_at", instant),
)

_session_argument = click.argument("number", metavar="SESSION", type=NUMBER)


@click.group()
def session() -> None:
    """Who is online, who was, and who will be."""


@session.command("list", epilog=examples("session list --active", "session list --account nora_01 --json"))
@click.option("--active", is_flag=True, help="Only those who may be online.")
@click.option(
    "--phase", type=click.Choice([each.value for each in Phase], case_sensitive=False), help="Only those in this phase."
)
@click.option("--account", metavar="NAME", shell_complete=names_of("accounts"), help="Only those of this account.")
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Only those of this branch.")
@limit_option
@json_option
@pass_desk
def list_(
    desk: Desk,
    active: bool,
    phase: str | None,
    account: str | None,
    branch: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List sessions, the newest first."""
    with desk.reading() as connection:
        wanted = session_list.Wanted(
            phase=Phase.ACTIVE.value if active else phase,
            account_id=None if account is None else accounts.find(connection, account)["id"],
            branch_id=None if branch is None else branches.find(connection, branch)["id"],
        )
        found = session_list.list_sessions(connection, wanted, limit + 1, desk.now())
    print_list(found, SESSION_COLUMNS, as_json=as_json, limit=limit)


@session.command(epilog=examples("session show 12"))
@_session_argument
@json_option
@pass_desk
def show(desk: Desk, number: int, as_json: bool) -> None:
    """Show one session with its connections and what became of cuts."""
    with desk.reading() as connection:
        found = session_list.show_session(connection, number, desk.now())
    if found is None:
        raise NotFound(f"there is no session {number}: `icafectl session list` shows those there are")
    if as_json:
        print_json(found)
        return
    print_record(found, _DETAILS)
    for records, columns in ((found["connections"], _CONNECTIONS), (found["commands"], _COMMANDS)):
        if records:
            say("")
            print_table(records, columns)


@session.command(epilog=examples("session cut 12 --reason 'shouting at other guests'"))
@_session_argument
@click.option("--reason", metavar="TEXT", type=REASON, required=True, help="Why; `icafectl why` tells it later.")
@pass_desk
def cut(desk: Desk, number: int, reason: str) -> None:
    """End a session and disconnect its device. Its pass is held until `pass release`."""
    with desk.writing() as connection:
        ended = live.cut(connection, number, reason, desk.now())
        pass_id = session_list.show_session(connection, number, desk.now())
    say(told_end(ended))
    if pass_id is not None:
        say(f"pass {pass_id['pass_id']} is held: icafectl pass release {pass_id['pass_id']} lets the guest in again")


@session.command(epilog=examples("session extend 12 --time 30m", "session extend 12 --data 500M"))
@_session_argument
@click.option("--time", type=TIME, help="How much longer, as in 30m.")
@click.option("--data", type=VOLUME, help="How much more, as in 500M.")
@pass_desk
def extend(desk: Desk, number: int, time: Seconds | None, data: Octets | None) -> None:
    """Add time or data to the pass of a session."""
    if not time and not data:
        raise click.UsageError("nothing to add: give --time or --data, as in --time 30m")
    with desk.writing() as connection:
        pass_id = live.extend(connection, number, time or Seconds(0), data or Octets(0), desk.now())
        bought = pass_list.list_passes(connection, pass_list.Wanted(pass_id=pass_id), 1, desk.now())[0]
    left = f"{told_seconds(bought['time_left'])} and {told_octets(bought['data_left'])} left"
    say(f"pass {pass_id} extended: {left}")
    if time:
        say(f"its router is told of the new end; icafectl session show {number} says whether it took it")
    if bought["held"] is not None:
        say(f"the pass is held ({bought['held']}): icafectl pass release {pass_id} lets the guest in again")


@session.command(epilog=examples("session rate 12 --up 1M --down 5M"))
@_session_argument
@click.option("--up", type=SPEED, required=True, help="The guest's upload, as in 2M.")
@click.option("--down", type=SPEED, required=True, help="The guest's download, as in 10M.")
@pass_desk
def rate(desk: Desk, number: int, up: BitsPerSecond, down: BitsPerSecond) -> None:
    """Change the speed of a session, without a new login; it stays with the pass."""
    with desk.writing() as connection:
        pass_id = live.change_rate(connection, number, up, down, rate_limit, desk.now())
    say(f"pass {pass_id} has {told_speed(up)} up, {told_speed(down)} down from now on")
    say(f"its router is told; icafectl session show {number} says whether it took it. The next login brings it anyway")
