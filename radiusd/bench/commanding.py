"""What all commands share: options, stores that are opened as they are named, and how trouble is told."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from radiusd.bench import stores
from radiusd.bench.errors import BenchError
from radiusd.bench.stores import PostgresStore, SqliteStore, Store

STORES = ("sqlite", "postgresql")
F = TypeVar("F", bound=Callable[..., Any])
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def postgresql_url(command: F) -> F:
    """The option that names a server."""
    return click.option(
        "--postgresql-url",
        help="A PostgreSQL server to use instead of a private one: any database of it; its user may create databases.",
    )(command)


def one_store(command: F) -> F:
    """The options of a command that measures on one store."""
    chosen = click.option(
        "--store", "name", default="sqlite", show_default=True, type=click.Choice(STORES), help="On which store."
    )
    return chosen(postgresql_url(command))


def kept_in(command: F) -> F:
    """The option that keeps results and their plots."""
    return click.option(
        "--figures",
        "kept",
        type=click.Path(file_okay=False, path_type=Path),
        help="Keep the results and their plots in this folder (the project's are in docs/figures).",
    )(command)


def as_json(command: F) -> F:
    """The option that asks for JSON."""
    return click.option("--json", "wants_json", is_flag=True, help="Print the figures as JSON, every round of them.")(
        command
    )


@contextmanager
def opened(name: str, url: str | None, folder: Path) -> Iterator[Store]:
    """The store of a kind; a private server where PostgreSQL is wanted and `url` names none."""
    if name == "sqlite":
        yield SqliteStore(folder)
    elif url is not None:
        with PostgresStore(url, None) as store:
            yield store
    else:
        with stores.private_postgres() as server, PostgresStore(server.url, (server.pid,)) as store:
            yield store


@contextmanager
def stores_of(name: str, url: str | None) -> Iterator[Callable[[Path], AbstractContextManager[Store]]]:
    """Makes empty stores; of PostgreSQL there is one server for all of them."""
    if name == "sqlite" or url is not None:
        yield lambda folder: opened(name, url, folder)
    else:
        with stores.private_postgres() as server:
            yield lambda _: PostgresStore(server.url, (server.pid,))


@contextmanager
def explained() -> Iterator[None]:
    """Trouble in one sentence and exit status 1; a signal undoes everything first, and then ends us as it should."""
    usual = {each: signal.signal(each, _interrupt) for each in _SIGNALS}
    try:
        yield
    except BenchError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - as signal calls it
    # Once is enough: what was started must be ended in peace.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def complain(complaints: list[str]) -> None:
    """Tell what must not be, and end with 1 if there was anything."""
    for complaint in complaints:
        click.echo(f"bench: {complaint}", err=True)
    if complaints:
        sys.exit(1)
