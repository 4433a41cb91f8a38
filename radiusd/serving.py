"""One process that serves, from its start until it is told to stop."""

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from radiusd.config import Config, ConfigError, load


def _to_standard_error(why: str) -> None:
    click.echo(f"radiusd: {why}", err=True)


def exit_status(*, may_come: bool) -> int:
    """Of a server that cannot start: 2 waits for somebody; 1 is worth another try, for what it needs may come."""
    return 1 if may_come else 2


@contextmanager
def explained(tell: Callable[[str], None] = _to_standard_error) -> Iterator[None]:
    """What keeps the server from starting: one clear message, and an exit status that says whether to try again."""
    from radiusd.app import StartError  # noqa: PLC0415 - slow to import, and it wants the reactor chosen
    from radiusd.store.errors import StoreError  # noqa: PLC0415
    from radiusd.vault import VaultError  # noqa: PLC0415
    from radiusd.wire.dictionary import DictionaryError  # noqa: PLC0415

    try:
        yield
    except (ConfigError, StartError, StoreError, VaultError, DictionaryError) as error:
        tell(str(error))
        sys.exit(exit_status(may_come=getattr(error, "may_come", False)))


def run(path: Path, started: Callable[[], None] = lambda: None) -> None:
    """Serve as the configuration at `path` says, in this process alone; see `serve`."""
    with explained():
        settings = load(path)
        serve(settings, started)


@frozen
class Worker:
    """One of several processes; `sockets` are lent by its parent, by name: see Listening."""

    number: int
    sockets: Mapping[str, int]


def serve(settings: Config, started: Callable[[], None] = lambda: None, worker: Worker | None = None) -> None:
    """Start, call `started`, serve until told to stop. The asyncio reactor must be installed.

    Raises what `explained` explains.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    from radiusd import logs  # noqa: PLC0415
    from radiusd.app import App  # noqa: PLC0415

    os.umask(0o077)  # what the server writes is nobody else's to read
    # Each batch makes thousands of small values that refer to nothing in a circle: looking for circles among all that
    # lives, as often as is usual, made most of the slowest answers.
    gc.set_threshold(50_000, 20, 50)
    keep_steady_time(reactor)
    # What is said while it starts is said to everybody who looks.
    logs.begin(settings.log_level, f"worker {worker.number}" if worker else "")
    app = App(reactor, settings, given=worker.sockets if worker else None)
    app.start()
    if worker is None:
        app.tell()
    reactor.addSystemEventTrigger("before", "shutdown", app.stop)
    reactor.callWhenRunning(started)
    reactor.run()


def keep_steady_time(reactor: Any) -> None:
    """Have `reactor` count by a clock that nobody sets, for Twisted's is the one on the wall.

    Were that set back by an hour, every timer would wait as much longer, and so would cuts and the ends of sessions.
    """
    reactor.seconds = time.monotonic


def heed_hang_ups(reactor: Any, reread: Callable[[], None]) -> None:
    """From now on call `reread` upon SIGHUP; until then it is the end of the server."""
    # Python calls a signal's handler between any two steps of the program; the reactor calls it between two events.
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reread))
