"""pc-system: a café's PC system for demos, tests and trials."""

import sys
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import click

from radiusd.virtual_pc_system import keeping, settings
from radiusd.virtual_pc_system.asking import Running
from radiusd.virtual_pc_system.faults import Faults

PORT = 8099
_Command = TypeVar("_Command", bound=Callable[..., Any])
_SHARE = click.FloatRange(0, 1)

_port = click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(1, 65535), help="Where the PC system listens."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A virtual PC system: accounts with balances, and events to the RADIUS server when somebody logs on or off.

    `serve` runs it; the other commands talk to the one that runs.
    """


@main.command(epilog="Example: scripts/pc-system serve --settings q1.json --latency 200 --fail 0.1")
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What `icafectl branch pc-sync set-up NAME --json` printed. Without it events are only shown.",
)
@_port
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; whoever reaches it can press everything.",
)
@click.option("--users", default=500, show_default=True, type=click.IntRange(1, 100_000), help="How many accounts.")
@click.option(
    "--latency", default=0, metavar="MS", type=click.IntRange(0, 600_000), help="Answer the REST API that much later."
)
@click.option("--fail", default=0.0, metavar="SHARE", type=_SHARE, help="Answer that share of requests with 500.")
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep accounts and unsent events here.",
)
@click.option("--quiet", is_flag=True, help="Do not show every event and request.")
def serve(
    settings_file: Path | None,
    port: int,
    address: str,
    users: int,
    latency: int,
    fail: float,
    state_file: Path | None,
    quiet: bool,
) -> None:
    """Run it, until Ctrl-C. Passwords are toy-NAME, as it is a toy."""
    from radiusd.virtual_pc_system import running  # noqa: PLC0415 - it wants the reactor

    _check_private(address)
    try:
        found = settings.read(settings_file) if settings_file else None
        state = keeping.read(state_file) if state_file else None
    except (settings.SettingsError, keeping.StateError) as error:
        raise click.UsageError(str(error)) from error
    running.serve(
        running.Plan(
            address=address,
            port=port,
            users=users,
            settings=found,
            faults=Faults(latency=latency, fail=fail),
            state=state,
            state_file=state_file,
            is_quiet=quiet,
        )
    )


def _check_private(address: str) -> None:
    try:
        is_ours = ip_address(address).is_private
    except ValueError as error:
        raise click.UsageError(f"--address takes an IP address, not {address!r}") from error
    if not is_ours:
        raise click.UsageError(f"{address} is no private address: a toy has no place on the internet")


@main.command(epilog="Example: scripts/pc-system logout nora_01")
@click.argument("name")
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for the server to accept it.")
@_port
def logout(name: str, wait: float, port: int) -> None:
    """Log NAME off its PC, and show what the server answers. Ends with 0 if it was accepted."""
    _tell(port, wait, "log-off", user=name)


@main.command(epilog="Example: scripts/pc-system login nora_01")
@click.argument("name")
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for the server to accept it.")
@_port
def login(name: str, wait: float, port: int) -> None:
    """Log NAME on at its PC, and show what the server answers."""
    _tell(port, wait, "log-on", user=name)


@main.command("top-up", epilog="Example: scripts/pc-system top-up nora_01 50000")
@click.argument("name")
@click.argument("amount", type=int)
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait for the server to accept it.")
@_port
def top_up(name: str, amount: int, wait: float, port: int) -> None:
    """Put AMOUNT VND on NAME's account, or with a minus (after --) take it off, as for a drink."""
    _tell(port, wait, "top-up", user=name, amount=amount)


def _tell(port: int, wait: float, what: str, **fields: Any) -> None:
    running = Running(port)
    event = running.follow(running.press(what, **fields), wait, _show_try)
    if event["outcome"] == "unsent":
        click.echo("done; not sent, as it was started without --settings")
    elif event["outcome"] == "waiting":
        click.echo(f"not accepted within {wait:.0f} s; it is still sent again", err=True)
    sys.exit(0 if event["outcome"] in ("done", "unsent") else 1)


def _show_try(event: dict[str, Any]) -> None:
    status = f"HTTP {event['status']}" if event["status"] else "no HTTP answer"
    ended = "" if event["sessions_terminated"] is None else f", sessions_terminated {event['sessions_terminated']}"
    click.echo(f"{event['kind']} {event['user']}: {status}{ended}, {event['milliseconds']} ms ({event['words']})")


@main.command("list", epilog="Example: scripts/pc-system list --on")
@click.option("--on", is_flag=True, help="Only who sits at a PC.")
@_port
def list_users(on: bool, port: int) -> None:
    """Everybody, with seat and balance."""
    for user in Running(port).get("state")["users"]:
        if user["is_on"] or not on:
            state = "at the PC" if user["is_on"] else "away"
            note = f"  {user['note']}" if user["note"] else ""
            click.echo(f"{user['seat']:8} {user['name']:14} {user['balance']:>12,} VND  {state}{note}")


@main.command(epilog="Example: scripts/pc-system faults --latency 2000 --fail 0.3")
@click.option("--latency", metavar="MS", type=click.IntRange(0, 600_000), help="Do what is asked, answer later.")
@click.option("--fail", metavar="SHARE", type=_SHARE, help="Answer that share with 500, and do nothing.")
@click.option("--lose", metavar="SHARE", type=_SHARE, help="Do what is asked in that share, and hang up.")
@click.option("--down", "down", flag_value="cut", default=None, help="Hang up on everybody.")
@click.option("--hang", "down", flag_value="hang", help="Answer nobody.")
@click.option("--up", "down", flag_value="", help="Neither of these.")
@click.option("--duplicate", metavar="SHARE", type=_SHARE, help="Send that share of webhooks twice.")
@click.option("--reorder", metavar="SHARE", type=_SHARE, help="Hold that share of webhooks back for 2 s.")
@click.option("--none", "clear", is_flag=True, help="No faults at all, then those that are given.")
@_port
def faults(port: int, clear: bool, **told: Any) -> None:
    """Set faults, and show those there are. They last until they are set otherwise."""
    fields: dict[str, Any] = {"latency": 0, "fail": 0, "lose": 0, "down": "", "duplicate": 0, "reorder": 0}
    wanted = {**(fields if clear else {}), **{name: value for name, value in told.items() if value is not None}}
    for name, value in Running(port).press("faults", **wanted).items():
        click.echo(f"{name:10} {value if value != '' else 'up'}")


@main.command(epilog="Example: scripts/pc-system storm --count 5000")
@click.option("--count", default=5000, show_default=True, type=click.IntRange(1, 1_000_000), help="How many logouts.")
@click.option("--wait", default=600.0, show_default=True, help="Seconds to wait for all of them.")
@_port
def storm(count: int, wait: float, port: int) -> None:
    """Log everybody off as fast as it goes, again and again until it is COUNT. Ends with 0 if all were accepted."""
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    running = Running(port)
    told = running.press("storm", count=count)
    console = Console(stderr=True)
    columns = (TextColumn("logouts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    until = time.monotonic() + wait
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=count)
        while not told["is_over"] and time.monotonic() < until:
            time.sleep(0.2)
            told = running.get("storm")
            progress.update(task, completed=sum(told["outcomes"].values()) - told["outcomes"].get("waiting", 0))
    click.echo(_summary(told))
    sys.exit(0 if told["outcomes"] == {"done": count} else 1)


def _summary(told: dict[str, Any]) -> str:
    outcomes = ", ".join(f"{count} {name}" for name, count in told["outcomes"].items())
    times = f"p50 {told['p50']} ms, p99 {told['p99']} ms, slowest {told['slowest']} ms"
    return (
        f"{told['wanted']} logouts in {told['seconds']} s: {outcomes}; {told['tries']} sendings, "
        f"{told['sessions_terminated']} sessions terminated\nanswers: {times}"
    )
