"""The page of sessions is what the tables say."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from policy import session
from radiusd import drawing
from tests.docs.pages import ROOT

PAGE = ROOT / drawing.PAGE


def test_the_page_is_what_the_tables_say() -> None:
    done = CliRunner().invoke(drawing.main, ["--check", str(PAGE)])
    assert done.exit_code == 0, done.output


def test_a_page_that_says_otherwise_is_found_and_put_right(tmp_path: Path) -> None:
    page = tmp_path / "sessions.md"
    page.write_text(PAGE.read_text().replace("| DataSpent | end → **EXPIRED**", "| DataSpent | ignore"))
    check = CliRunner().invoke(drawing.main, ["--check", str(page)])
    assert (check.exit_code, "scripts/draw-sessions" in check.output) == (1, True)
    assert CliRunner().invoke(drawing.main, [str(page)]).exit_code == 0
    assert page.read_text() == PAGE.read_text()


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "sessions.md"
    page.write_text("# Sessions\n")
    done = CliRunner().invoke(drawing.main, [str(page)])
    assert (done.exit_code, "one place for each of session, connection" in done.output) == (2, True)


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
