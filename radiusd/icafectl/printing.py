"""Answers on paper: tables on a terminal, aligned text elsewhere, JSON where asked for."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import click
from attrs import frozen
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from policy.facts import Fact, explain
from policy.telling import told_instant
from radiusd.icafectl.desk import Desk

Record = Mapping[str, Any]
_INSTANTS = re.compile(r"(?:.*_)?(?:at|until)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """`text` without anything a terminal might obey: guests choose their names, and routers report them."""
    shown = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), shown)


def plain(value: Any) -> str:
    """Any value in a cell; nothing is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@frozen
class Column:
    """What is shown of each record under a heading."""

    heading: str
    key: str
    tell: Callable[[Any], str] = plain

    def cell(self, record: Record) -> str:
        """The text for one record."""
        return clean(self.tell(record.get(self.key)))


def told_milliseconds(value: Any) -> str:
    """How long a router took."""
    return plain(None) if value is None else f"{value} ms"


def told_names(names: Any) -> str:
    """Several of a kind in one cell."""
    return ", ".join(names) or plain(None)


def say(*lines: str) -> None:
    """The answer, line by line."""
    for line in lines:
        click.echo(clean(line))


def note(text: str) -> None:
    """One line beside the answer, which may be read by a program."""
    click.echo(clean(text), err=True)


def print_json(value: Any) -> None:
    """JSON: instants as RFC 3339, everything else as it is."""
    click.echo(json.dumps(_for_json(value), ensure_ascii=False, indent=2))


def json_line(value: Any) -> str:
    """As `print_json`, on one line."""
    return json.dumps(_for_json(value), ensure_ascii=False)


def _for_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: rfc3339(each) if _is_instant(key, each) else _for_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_for_json(each) for each in value]
    return value


def _is_instant(key: str, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _INSTANTS.fullmatch(key) is not None


_LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()) * 1000


def rfc3339(at: int) -> str:
    """An instant for programs, in UTC; the last there is for any that is later."""
    at = min(at, _LAST)
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z"


def print_list(records: Sequence[Record], columns: Sequence[Column], *, as_json: bool, limit: int) -> None:
    """A listing that was asked for with `limit + 1`, so that it knows whether there is more."""
    if as_json:
        print_json(list(records[:limit]))
    elif records:
        print_table(records[:limit], columns)
    else:
        note("none")
    if len(records) > limit:
        note(f"… and more: --limit {limit} was reached")


def print_table(records: Sequence[Record], columns: Sequence[Column]) -> None:
    """Columns that are empty for every record are left out."""
    cells = [[column.cell(record) for column in columns] for record in records]
    kept = [at for at in range(len(columns)) if at == 0 or any(row[at] != "-" for row in cells)]
    headings = [columns[at].heading for at in kept]
    rows = [[row[at] for at in kept] for row in cells]
    if sys.stdout.isatty():
        _print_rich(headings, rows)
    else:
        _print_aligned(headings, rows)


def _print_rich(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _print_aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = [[each.upper() for each in headings], *rows]
    widths = [max(cell_len(row[at]) for row in table) for at in range(len(headings))]
    for row in table:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def print_record(record: Record, columns: Sequence[Column]) -> None:
    """One thing, a line for each of its sides that there is something to say about."""
    told = [(column.heading, column.cell(record)) for column in columns]
    width = max(len(heading) for heading, _ in told) + 1
    for heading, cell in told:
        if cell != "-":
            click.echo(f"{heading + ':':{width}} {cell}")


def instant(at: Any) -> str:
    """An instant by the branches' clocks, a dash for none."""
    return "-" if at is None else told_instant(at, zone())


def told(each: Fact) -> str:
    """A fact in one plain sentence, by the branches' clocks."""
    return explain(each, zone())


def instant_or_never(at: Any) -> str:
    """As `instant`, for what may not have happened yet."""
    return told_instant(at, zone())


def zone() -> tzinfo:
    """That of the clocks that are told by: see Desk."""
    desk = click.get_current_context().find_object(Desk)
    return UTC if desk is None else desk.zone
