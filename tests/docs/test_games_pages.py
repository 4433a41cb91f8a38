"""What is told of games to operators and engineers: words, columns, log lines, figures and modules are the code's."""

import re
from collections.abc import Iterable
from pathlib import Path

import attrs
import pytest

from policy.game import GRACE, OTT_LASTS, SILENT_FOR, GameEnd, GamePhase, OttRefusal
from policy.settlement import Tally
from radiusd import config, gaming
from radiusd.charging import stopping, stops
from radiusd.jobs.verifying import CLAIM_LASTS
from radiusd.store.game_schema import wallet_movements
from radiusd.web.errors import STATUS_OF
from radiusd.web.games import playing
from tests.docs import pages
from tests.docs.pages import DOCS, ROOT, rows

OPERATORS = DOCS / "operator" / "games.md"
ENGINEERS = DOCS / "engineering" / "games.md"


def codes(cells: Iterable[str]) -> set[str]:
    """Every word in capitals that stands in backticks."""
    return {code for cell in cells for code in re.findall(r"([A-Z]+(?:_[A-Z]+)+)", cell)}


# For operators


def test_every_end_and_phase_is_told() -> None:
    section = rows(pages.section(OPERATORS, "Who plays"))
    told = {word for row in section for word in re.findall(r"\w+", row[0])}
    assert told >= {each.value for each in GameEnd} | {each.value for each in GamePhase}
    ends = {row[0] for row in section if row[0] in {each.value for each in GameEnd}}
    assert len(ends) == len(GameEnd)


def test_every_figure_of_a_settlement_is_told() -> None:
    text = pages.section(OPERATORS, "What a studio is owed")
    told = {name.strip("` ") for row in rows(text)[1:] for name in row[0].split(",")}
    assert told == {"row", *(each.name for each in attrs.fields(Tally))}


def test_codes_are_known_and_what_they_need_is_told() -> None:
    section = rows(pages.section(OPERATORS, "When it does not work"))[1:]
    told = codes(row[0] for row in section)
    refusals = {each.value for each in OttRefusal}
    assert told <= refusals | set(STATUS_OF)
    assert told >= (refusals - {"GAME_MISMATCH"}) | {
        "INVALID_SIGNATURE",
        "NOT_PC_CAFE",
        "INVALID_SESSION",
        "INVALID_API_KEY",
        "INTERNAL_ERROR",
    }
    for row in section:
        for status, code in re.findall(r"(\d{3}) `([A-Z_]+)", row[0]):
            assert STATUS_OF[code] == int(status)


def test_what_the_log_is_said_to_say_is_what_it_says() -> None:
    text = " ".join(pages.section(OPERATORS, "When it does not work").split())
    said = [line for part in re.findall(r"The log says ((?:`[^`]+`)+)", text) for line in re.findall("`([^`]+)`", part)]
    source = "\n".join(file.read_text() for file in sorted((ROOT / "radiusd").rglob("*.py")))
    assert len(said) == 3
    for line in said:
        words = re.sub(r"\b[A-Z]+\b", "…", line).split("…")
        assert re.search(r"\{\w+\}".join(map(re.escape, words)), source), line


@pytest.mark.parametrize("block", [each for each in pages.blocks(OPERATORS) if each.language == "toml"], ids=str)
def test_the_lines_for_the_configuration_are_taken(block: pages.Block, tmp_path: Path) -> None:
    file = tmp_path / "radiusd.toml"
    file.write_text(f'{block.text}\n[store]\nurl = "sqlite:///store.sqlite3"\nkey_file = "key"\n')
    assert config.load(file).games != config.Games()


def test_the_operators_figures_are_those_of_the_policy() -> None:
    text = OPERATORS.read_text()
    assert (SILENT_FOR, GRACE, OTT_LASTS) == (240, 120, 60)
    for claim in ("said nothing for four minutes", "goes on for two minutes", "older than a minute"):
        assert claim in text


# For engineers


def test_every_module_that_is_named_is_there() -> None:
    text = ENGINEERS.read_text()
    folder = ""
    for name in re.findall(r"`((?:[\w/]+/)?\w+\.py|(?:radiusd|tests)/[\w/]+/?)`", text):
        folder = name.rpartition("/")[0] or folder
        path = ROOT / name if "/" in name else ROOT / folder / name
        assert path.exists(), name


def test_every_job_and_function_that_is_named_is_there() -> None:
    files = [*(ROOT / "policy").glob("*.py"), *(ROOT / "radiusd").rglob("*.py")]
    source = "\n".join(file.read_text() for file in files)
    for name in re.findall(r"`(\w+Job)`|`(\w+)\(", ENGINEERS.read_text()):
        assert re.search(rf"(?:class|def) {''.join(name)}\b", source), name


def test_the_engineers_figures_are_those_of_the_code() -> None:
    text = " ".join(ENGINEERS.read_text().split())
    for claim in (
        f"After {CLAIM_LASTS} s `AbandonedJob`",
        f"for at most {playing.STOP_WITHIN:g} s; then the new one is started",
        f"at most {stops.MOST_AT_ONCE} at once, with a lease of {stops.LEASE // 1000} s",
        f"1, 2, 4 … {stops.LONGEST_PAUSE // 1000} s",
        f"a token is dead at {OTT_LASTS}.000 s, a session at {SILENT_FOR}.000 s",
        f"a grace at {GRACE}.000 s",
    ):
        assert claim in text, claim
    assert gaming.EVERY == 0.5
    assert stopping.LIMIT * 1000 < stops.LEASE
    assert wallet_movements.c.key.unique
