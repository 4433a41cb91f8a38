"""`icafectl settlement`."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection

from policy.quantities import Instant
from policy.telling import told_seconds
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import examples
from radiusd.icafectl.kinds import Kind
from radiusd.icafectl.printing import note, say
from radiusd.icafectl.settlement_forms import Account, Heading, write_csv, write_json
from radiusd.icafectl.whole_file import written_whole
from radiusd.store import branches, games
from radiusd.store import settlement as stored
from radiusd.store.settlement import Line, Month, Scope

_LONG = 20_000
"""So many sessions take about half a second."""
_AT_ONCE = 1000


class MonthKind(Kind):
    """2026-11."""

    name = "month"
    expected = "a month: write its year and its number, as in 2026-11"

    def read(self, text: str) -> Month | None:
        """The month."""
        match = re.fullmatch(r"(2[0-9]{3})-(0[1-9]|1[0-2])", text, re.ASCII)
        return Month(int(match[1]), int(match[2])) if match else None


@click.group()
def settlement() -> None:
    """What cafés played in a month, for the studios' invoices."""


@settlement.command(
    epilog=examples(
        "settlement export --month 2026-11 --game 'Sky Race' --output sky-race-2026-11.csv",
        "settlement export --month 2026-11 --game 'Sky Race' --branch Centre --format json --sessions",
    )
)
@click.option("--month", type=MonthKind(), required=True, metavar="YYYY-MM", help="By the clock of each café.")
@click.option("--game", required=True, metavar="NAME", shell_complete=names_of("games"), help="Which game.")
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Only what was played there.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True, help="Its form."
)
@click.option("--sessions", "with_sessions", is_flag=True, help="Also each session; goes with --format json.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to, instead of printing it: whole, or not."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@pass_desk
def export(
    desk: Desk,
    month: Month,
    game: str,
    branch: str | None,
    form: str,
    with_sessions: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Count a month's sessions of a game, and add up their seconds, for each café and in all.

    A session belongs to the month in which it began, by the clock of its café. Those that are not over yet, or whose
    charge is not stopped yet, are not counted: they are in a column of their own, and listed in JSON.
    """
    if with_sessions and form != "json":
        raise click.UsageError("--sessions goes with --format json")
    if force and output is None:
        raise click.UsageError("--force goes with --output FILE")
    with ExitStack() as stack:
        connection = stack.enter_context(desk.reading())
        where = None if branch is None else branches.find(connection, branch)
        found = stored.scope(connection, games.find(connection, game), month, where)
        out = sys.stdout if output is None else stack.enter_context(written_whole(output, may_replace=force))
        some, heading = stack.enter_context(_shown(connection, found)), Heading(game, month)
        if form == "csv":
            account = write_csv(out, heading, some)
        else:
            account = write_json(out, heading, some, with_sessions=with_sessions)
    _tell_of_open(account, found, desk.now())
    if output is not None:
        say(f"{output} written: {_told(account)}")


@contextmanager
def _shown(connection: Connection, wanted: Scope) -> Iterator[Iterator[Line]]:
    """The sessions; how far they are read is shown at a terminal, if it takes long."""
    console = Console(stderr=True)
    rows = stored.count(connection, wanted) if console.is_terminal else 0
    with Progress(console=console, disable=rows <= _LONG, transient=True) as progress:
        task = progress.add_task("sessions", total=rows)
        yield _read(connection, wanted, lambda: progress.advance(task, _AT_ONCE))


def _read(connection: Connection, wanted: Scope, advance: Callable[[], None]) -> Iterator[Line]:
    for number, line in enumerate(stored.lines(connection, wanted), 1):
        if number % _AT_ONCE == 0:
            advance()
        if line is not None:
            yield line


def _tell_of_open(account: Account, wanted: Scope, at: Instant) -> None:
    if account.total.open_sessions:
        note(
            "sessions that are not counted, because they are not over or their charge is not stopped yet: "
            f"{account.total.open_sessions}; export again when icafectl game sessions shows them ended"
        )
    ahead = [each.branch for each in wanted.cafes.values() if at < each.ends_at]
    if ahead:
        some = f"{', '.join(ahead[:3])}{' and others' if len(ahead) > 3 else ''}"
        note(f"the month is not over at {some}: export again when it is")


def _told(account: Account) -> str:
    total = account.total
    return f"sessions: {total.sessions}, cafés: {len(account.cafes)}, play: {told_seconds(total.play_seconds)}"
