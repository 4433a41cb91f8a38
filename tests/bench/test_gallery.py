"""Results that are kept, and their plots."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from radiusd.bench.cli import main
from radiusd.bench.errors import BenchError
from radiusd.bench.gallery import draw_all, keep
from tests.bench.given import parsed

KEPT = Path(__file__).parents[2] / "docs" / "figures"
RESULTS: dict[str, dict[str, Any]] = {
    "peer": {"acct_ratio_pg": 4.5, "acct_ratio_sqlite": None},
    "scale": {
        "sizes": [
            {"sessions": 1000, "login_cost": 40.0, "first_login_cost": 90.0, "interim_cost": 20.0},
            {"sessions": 1_000_000, "login_cost": 41.0, "first_login_cost": 92.0, "interim_cost": 21.0},
        ]
    },
    "peak": {"guests": [{"who": "back", "curve": [[50, 20.0], [99, 100.0]]}]},
    "soak": {"store": "sqlite", "samples": [{"minutes": 1.0, "memory": 90.0, "p99": 3.0}]},
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_kept_with_the_machine_the_commit_and_the_day(tmp_path: Path, name: str) -> None:
    keep(tmp_path, name, RESULTS[name])
    told = json.loads((tmp_path / f"{name}.json").read_text())
    assert told["machine"]["cores"] >= 1
    assert told["commit"]
    assert len(told["date"]) == len("2026-01-01")
    assert all(told[key] == value for key, value in RESULTS[name].items())


def test_the_plots_of_what_is_kept_can_be_drawn_anew(tmp_path: Path) -> None:
    for name, told in RESULTS.items():
        keep(tmp_path, name, told)
    before = {each.name: each.read_bytes() for each in tmp_path.glob("*.svg")}
    assert set(before) == {"peer.svg", "scale.svg", "peak.svg", "soak-memory.svg", "soak-p99.svg"}
    for each in tmp_path.glob("*.svg"):
        each.unlink()
    assert set(draw_all(tmp_path)) == set(before)
    assert {each.name: each.read_bytes() for each in tmp_path.glob("*.svg")} == before


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    keep(tmp_path, "peer", RESULTS["peer"])
    drawn = (tmp_path / "peer.svg").read_text()
    assert "accounting, PostgreSQL" in drawn
    assert "accounting, SQLite" not in drawn


def test_a_folder_without_results_is_told_in_a_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["figures", str(tmp_path)])
    assert (done.exit_code, "there are no results in" in done.output) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"samples": 3}'])
def test_results_that_are_none_are_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "soak.json").write_text(text)
    with pytest.raises(BenchError, match=r"does not hold results of scripts/bench soak"):
        draw_all(tmp_path)


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.svg")), ids=lambda path: path.name)
def test_the_project_s_own_plots_are_well_formed(path: Path) -> None:
    parsed(path.read_text())


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.name)
def test_the_project_s_own_plots_are_those_of_its_results(path: Path, tmp_path: Path) -> None:
    (tmp_path / path.name).write_text(path.read_text())
    for drawn in draw_all(tmp_path):
        assert (tmp_path / drawn).read_text() == (KEPT / drawn).read_text()
