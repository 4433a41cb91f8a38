"""The pages with drawings are what the tables say."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from policy import session
from radiusd import drawing
from tests.docs.pages import ROOT

PAGES = [ROOT / page for page in drawing.PAGES]
SESSIONS = next(page for page in PAGES if page.name == "sessions.md")


def test_the_pages_are_what_the_tables_say() -> None:
    done = CliRunner().invoke(drawing.main, ["--check", *map(str, PAGES)])
    assert done.exit_code == 0, done.output


def test_every_table_is_drawn_into_one_page() -> None:
    assert sorted(name for tables in drawing.PAGES.values() for name in tables) == sorted(drawing.TABLES)


@pytest.mark.parametrize(
    ("name", "cell"), [("sessions.md", "| DataSpent | end → **EXPIRED**"), ("games.md", "| GraceOver | ignore")]
)
def test_a_page_that_says_otherwise_is_found_and_put_right(tmp_path: Path, name: str, cell: str) -> None:
    whole = next(page for page in PAGES if page.name == name).read_text()
    page = tmp_path / name
    page.write_text(whole.replace(cell, "| Nothing | ignore"))
    check = CliRunner().invoke(drawing.main, ["--check", str(page)])
    assert (check.exit_code, "scripts/draw-sessions" in check.output) == (1, True)
    assert CliRunner().invoke(drawing.main, [str(page)]).exit_code == 0
    assert page.read_text() == whole


def test_one_page_that_is_right_does_not_hide_another_that_is_not(tmp_path: Path) -> None:
    stale = tmp_path / "sessions.md"
    stale.write_text(SESSIONS.read_text().replace("| DataSpent |", "| Nothing |"))
    for order in ([str(stale), *map(str, PAGES)], [*map(str, PAGES), str(stale)]):
        assert CliRunner().invoke(drawing.main, ["--check", *order]).exit_code == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [("sessions.md", "one place for each of session, connection"), ("other.md", "only into sessions.md, games.md")],
)
def test_a_page_without_a_place_is_refused(tmp_path: Path, name: str, says: str) -> None:
    page = tmp_path / name
    page.write_text("# Sessions\n")
    done = CliRunner().invoke(drawing.main, [str(page)])
    assert (done.exit_code, says in done.output) == (2, True)


def test_every_pair_is_drawn() -> None:
    lines = drawing.drawing(session.TRANSITIONS).splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    assert sum(row.count("|") - 2 for row in rows) == len(session.TRANSITIONS)


@pytest.mark.parametrize("name", list(drawing.TABLES))
def test_a_diagram_shows_what_leads_elsewhere(name: str) -> None:
    table = drawing.TABLES[name]
    drawn = drawing.drawing(table)
    for (state, event), row in table.items():
        if row.target is not state:
            assert f"{state.name} --> {row.target.name} : " in drawn
            assert event.__name__ in drawn
