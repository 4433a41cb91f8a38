"""Draws the transition tables into the documentation, so that it says what the code does (scripts/draw-sessions).

The pages are written by hand, but for what stands between `<!-- drawn: NAME -->` and `<!-- /drawn -->`.
"""

import inspect
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import click

from policy import connection, game, session
from policy.table import Row, ignore

PAGES: Mapping[Path, tuple[str, ...]] = {
    Path("docs/engineering/sessions.md"): ("session", "connection"),
    Path("docs/engineering/games.md"): ("game",),
}
"""Which tables are drawn where."""

_DRAWN = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(<!-- /drawn -->)", re.DOTALL)

Transitions = Mapping[tuple[Any, type], Row[Any, Any]]
TABLES: Mapping[str, Transitions] = {
    "session": session.TRANSITIONS,
    "connection": connection.TRANSITIONS,
    "game": game.TRANSITIONS,
}


class DrawingError(Exception):
    """A page has no place for a drawing, or one for a table that is not drawn there."""


def redrawn(page: str, tables: Collection[str]) -> str:
    """`page` with every one of `tables` drawn anew. Raises DrawingError."""
    places = [match[2] for match in _DRAWN.finditer(page)]
    if sorted(places) != sorted(tables):
        raise DrawingError(f"the page must have one place for each of {', '.join(tables)}, and has {places}")
    return _DRAWN.sub(lambda match: f"{match[1]}{drawing(TABLES[match[2]])}{match[3]}", page)


def drawing(transitions: Transitions) -> str:
    """A diagram of what leads from one state to another, then every pair of state and event."""
    return "\n".join(("", *_diagram(transitions), "", *_matrix(transitions), "", *_functions(transitions), "", ""))


def _states(transitions: Transitions) -> list[Enum]:
    return list(dict.fromkeys(state for state, _ in transitions))


def _events(transitions: Transitions) -> list[type]:
    return list(dict.fromkeys(event for _, event in transitions))


def _diagram(transitions: Transitions) -> list[str]:
    states = _states(transitions)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {states[0].name}"]
    for start in states:
        for target in states:
            labels = [
                event.__name__
                for (state, event), row in transitions.items()
                if (state, row.target) == (start, target) and (start is not target or row.doing is not ignore)
            ]
            if labels:
                lines.append(f"    {start.name} --> {target.name} : {', '.join(labels)}")
    return [*lines, "```"]


def _matrix(transitions: Transitions) -> list[str]:
    states = _states(transitions)
    return [
        f"| upon, in | {' | '.join(state.name for state in states)} |",
        "| --- |" + " --- |" * len(states),
        *(
            f"| {event.__name__} | {' | '.join(_cell(transitions[state, event]) for state in states)} |"
            for event in _events(transitions)
        ),
    ]


def _cell(row: Row[Any, Any]) -> str:
    doing = row.doing.__name__
    if row.target is row.state:
        return doing
    return f"**{row.target.name}**" if row.doing is ignore else f"{doing} → **{row.target.name}**"


def _functions(transitions: Transitions) -> list[str]:
    functions = dict.fromkeys(row.doing for row in transitions.values())
    return [
        *(f"- *{event.__name__}*: {_first_line(event)}" for event in _events(transitions)),
        "",
        *(f"- `{function.__name__}`: {_first_line(function)}" for function in functions),
    ]


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; end with 1 if a page is not what the tables say.")
@click.argument("pages", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True))
def main(check: bool, pages: Sequence[Path]) -> None:
    """Draw the transition tables of sessions, connections and game sessions into PAGES, all of them if none is named.

    Example: scripts/draw-sessions --check
    """
    is_stale = False
    for page in pages or PAGES:
        try:
            is_stale |= _draw(page, check=check)
        except DrawingError as error:
            click.echo(f"draw-sessions: {page}: {error}", err=True)
            sys.exit(2)
    sys.exit(1 if check and is_stale else 0)


def _draw(page: Path, *, check: bool) -> bool:
    """Whether a page was not what the tables say. Raises DrawingError."""
    tables = next((tables for each, tables in PAGES.items() if each.name == page.name), None)
    if tables is None:
        names = ", ".join(each.name for each in PAGES)
        raise DrawingError(f"nothing is drawn into a page of this name; only into {names}")
    text = page.read_text(encoding="utf-8")
    new = redrawn(text, tables)
    if new == text:
        return False
    if check:
        click.echo(f"draw-sessions: {page} is not what the tables say: run scripts/draw-sessions", err=True)
    else:
        page.write_text(new, encoding="utf-8")
        click.echo(f"{page} drawn anew")
    return True


if __name__ == "__main__":
    main()
