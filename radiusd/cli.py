"""The server's command: radiusd --config FILE."""

import sys
from pathlib import Path

import click

from radiusd import __version__, serving
from radiusd.config import ConfigError
from radiusd.rereading import Rereading


@click.command()
@click.option(
    "--config",
    "path",
    envvar="ICAFE_CONFIG",
    default="/etc/icafe-radiusd/radiusd.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration file.",
)
@click.version_option(__version__, prog_name="radiusd")
def main(path: Path) -> None:
    """Run the RADIUS server in the foreground until it is told to stop (SIGTERM or Ctrl-C).

    Example: radiusd --config conf/radiusd.toml
    """
    from radiusd.workers import parent  # noqa: PLC0415 - not for --help

    try:
        plan = parent.read(path)
    except ConfigError as error:
        click.echo(f"radiusd: {error}", err=True)
        sys.exit(2)
    if plan.workers > 1:
        sys.exit(parent.run(path, plan))
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - it must come before anything that wants a reactor

    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    with serving.explained():
        serving.serve(plan.settings, lambda: serving.heed_hang_ups(reactor, Rereading(path, plan.text)))
