"""playwave: a café's launcher and a studio's game server, for demos, tests and trials."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from attrs import evolve

from radiusd.virtual_playwave import curl as curl_lines
from radiusd.virtual_playwave import settings as files
from radiusd.virtual_playwave.expecting import table
from radiusd.virtual_playwave.habits import Habit
from radiusd.virtual_playwave.seen import Rules
from radiusd.virtual_playwave.settings import Settings, SettingsError
from radiusd.virtual_playwave.stage import Plan

_Command = TypeVar("_Command", bound=Callable[..., Any])
_HABITS = [each.name.lower().replace("_", "-") for each in Habit if each is not Habit.STAYS]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A virtual launcher and game server: they know the public contract, and nothing of the server."""


def _which_server(command: _Command) -> _Command:
    command = click.option("--server", metavar="URL", help="Another server than that of the settings.")(command)
    return click.option(
        "--settings",
        "settings_file",
        required=True,
        type=click.Path(dir_okay=False, path_type=Path),
        help="JSON with server, launcher_id, launcher_secret, api_key and game_id.",
    )(command)


def _settings(file: Path, server: str | None) -> Settings:
    try:
        found = files.read(file)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if server is not None:
        if not re.fullmatch(files.SERVER, server):
            raise click.UsageError(f"--server takes scheme, host and port, as in http://127.0.0.1:8080, not {server!r}")
        found = evolve(found, server=server)
    return found


def _check_private(server: str) -> None:
    host = urlsplit(server).hostname or ""
    try:
        is_ours = ip_address(host).is_private
    except ValueError:
        is_ours = host == "localhost"
    if not is_ours:
        raise click.UsageError(f"{host} is no private address: a virtual studio is for servers of your own")


@main.command(epilog="Example: scripts/playwave play --settings play.json --minutes 1 --speed 60")
@_which_server
@click.option("--minutes", default=3.0, show_default=True, type=click.FloatRange(0, 600), help="How long to play.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 1000),
    help="So many minutes pass in one: heartbeats come as much more often.",
)
@click.option("--pc", default=1, show_default=True, type=click.IntRange(1, 65535), help="Which of the café's PCs.")
@click.option("--pc-user", help="Who is logged on at the PC (nobody is named).")
@click.option("--short", is_flag=True, help="Use the short paths: /session/start, /ott, /session/verify and so on.")
def play(
    settings_file: Path, server: str | None, minutes: float, speed: float, pc: int, pc_user: str | None, short: bool
) -> None:
    """One guest plays a game, every request told in plain words. Ends with 0 if it went as it should."""
    from radiusd.virtual_playwave import running  # noqa: PLC0415 - it wants the reactor

    found = _settings(settings_file, server)
    _check_private(found.server)
    plan = running.PlayPlan(settings=found, minutes=minutes, speed=speed, pc=pc, user=pc_user, is_short=short)
    sys.exit(0 if running.run_play(plan) else 1)


@main.command(epilog="Example: scripts/playwave evening --settings play.json --players 20 --pcs 10 --pace 2")
@_which_server
@click.option("--players", default=100, show_default=True, type=click.IntRange(1, 10_000), help="How many guests.")
@click.option("--pcs", default=50, show_default=True, type=click.IntRange(1, 5_000), help="How many PCs they share.")
@click.option(
    "--servers",
    default=4,
    show_default=True,
    type=click.IntRange(1, 100),
    help="How many game servers, beside one that crashes, one that is shut down, and one that is far away.",
)
@click.option(
    "--heartbeat",
    default=120.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="The server's heartbeat interval in seconds; its silence is twice that, its grace as long.",
)
@click.option(
    "--pace",
    type=click.FloatRange(0.1, 3600),
    help="Seconds from one heartbeat to the next, if not as many: the server's silences take as long as ever.",
)
@click.option(
    "--ott-life", default=60.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long tokens are good."
)
@click.option("--loss", default=0.02, show_default=True, type=click.FloatRange(0, 0.5), help="Share of lost requests.")
@click.option("--without", multiple=True, type=click.Choice(_HABITS), help="Leave out what some guests do.")
@click.option("--seed", default=0, show_default=True, help="The same number gives the same guests.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evening(
    settings_file: Path,
    server: str | None,
    players: int,
    pcs: int,
    servers: int,
    heartbeat: float,
    pace: float | None,
    ott_life: float,
    loss: float,
    without: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """A café's evening: teleports, crashes, lost answers, second games. Ends with 1 if the server broke a promise.

    What it prints can be compared with `icafectl game sessions --json` and with the settlement.
    """
    from radiusd.virtual_playwave import running  # noqa: PLC0415 - it wants the reactor

    found = _settings(settings_file, server)
    _check_private(found.server)
    plan = Plan(
        settings=found,
        players=players,
        pcs=pcs,
        servers=servers,
        heartbeat=heartbeat,
        pace=pace,
        rules=Rules.of(heartbeat, ott_life),
        loss=loss,
        omitted=frozenset(Habit[each.upper().replace("-", "_")] for each in without),
    )
    with _progress(players) as progress:
        figures = running.run_evening(plan, seed, progress)
    if figures is None:
        sys.exit(1)
    click.echo(json.dumps(figures) if as_json else table(figures))
    sys.exit(1 if figures["broken"] else 0)


@contextmanager
def _progress(players: int) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("guests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=players)
        yield lambda done, _: progress.update(task, completed=done)


@main.command(epilog="Example: scripts/playwave curl --settings play.json | sh")
@_which_server
def curl(settings_file: Path, server: str | None) -> None:
    """Print the whole flow as lines with curl. They read the secrets from the settings' file; none is printed."""
    click.echo(curl_lines.lines(_settings(settings_file, server), settings_file), nl=False)
