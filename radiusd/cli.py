"""The server's command: radiusd --config FILE."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from radiusd import __version__


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
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - it must come before anything that wants a reactor

    asyncioreactor.install()
    run(path)


@contextmanager
def explained() -> Iterator[None]:
    """What keeps the server from starting: one clear message, and exit status 2."""
    from radiusd.app import StartError  # noqa: PLC0415 - slow to import, and it wants the reactor chosen
    from radiusd.config import ConfigError  # noqa: PLC0415
    from radiusd.store.errors import StoreError  # noqa: PLC0415
    from radiusd.vault import VaultError  # noqa: PLC0415
    from radiusd.wire.dictionary import DictionaryError  # noqa: PLC0415

    try:
        yield
    except (ConfigError, StartError, StoreError, VaultError, DictionaryError) as error:
        click.echo(f"radiusd: {error}", err=True)
        sys.exit(2)


def run(path: Path, started: Callable[[], None] = lambda: None) -> None:
    """Start, call `started`, serve until told to stop. The asyncio reactor must be installed."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    from radiusd import config, logs  # noqa: PLC0415
    from radiusd.app import App  # noqa: PLC0415

    os.umask(0o077)  # what the server writes is nobody else's to read
    # Each batch makes thousands of small values that refer to nothing in a circle: looking for circles among all that
    # lives, as often as is usual, made most of the slowest answers.
    gc.set_threshold(50_000, 20, 50)
    with explained():
        settings = config.load(path)
        app = App(reactor, settings)
        app.start()
    logs.begin(settings.log_level)
    app.tell()
    reactor.addSystemEventTrigger("before", "shutdown", app.stop)
    reactor.callWhenRunning(started)
    reactor.run()
