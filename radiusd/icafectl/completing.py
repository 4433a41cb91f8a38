"""What the shell can complete: names from the store. Whatever goes wrong there, the shell completes nothing."""

from collections.abc import Callable
from pathlib import Path

import click
from sqlalchemy import func

from radiusd.icafectl.desk import DEFAULT_CONFIG, Desk
from radiusd.store import naming
from radiusd.store.columns import metadata

_MOST = 50


def names_of(table: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Completes the names in `table`."""

    def complete(context: click.Context, _: click.Parameter, start: str) -> list[str]:
        try:
            return _names(_config(context), table, start)
        except Exception:  # noqa: BLE001 - a shell in the middle of a line is no place to complain
            return []

    return complete


def _config(context: click.Context) -> Path:
    path = context.find_root().params.get("config")
    return path if isinstance(path, Path) else DEFAULT_CONFIG


def _names(config: Path, table: str, start: str) -> list[str]:
    found = metadata.tables[table]
    desk = Desk(config)
    try:
        with desk.reading() as connection:
            begins = func.substr(found.c.name, 1, len(start)) == start
            return list(naming.names(connection, found, _MOST, begins))
    finally:
        desk.close()
