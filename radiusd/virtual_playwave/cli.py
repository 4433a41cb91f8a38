"""playwave: a café's launcher and a studio's game server, for demos, tests and trials."""

import re
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from attrs import evolve

from radiusd.virtual_playwave import curl as curl_lines
from radiusd.virtual_playwave import settings as files
from radiusd.virtual_playwave.settings import Settings, SettingsError

_Command = TypeVar("_Command", bound=Callable[..., Any])


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


@main.command(epilog="Example: scripts/playwave curl --settings play.json | sh")
@_which_server
def curl(settings_file: Path, server: str | None) -> None:
    """Print the whole flow as lines with curl. They read the secrets from the settings' file; none is printed."""
    click.echo(curl_lines.lines(_settings(settings_file, server), settings_file), nl=False)
