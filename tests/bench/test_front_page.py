"""The figures on the front page are those that are kept."""

from pathlib import Path
from typing import Any

import pytest

from radiusd.bench.errors import BenchError
from radiusd.bench.front_page import BEGIN, END, renew, section
from radiusd.bench.gallery import read

ROOT = Path(__file__).parents[2]
MADE = {
    "machine": {"cpu": "Some CPU", "cores": 2, "python": "3.11.2", "kernel": "Linux 6.1", "sqlite": "3.40.1"},
    "commit": "abc1234",
    "date": "2026-11-21",
}
PEER: dict[str, Any] = {
    **MADE,
    "acct_ratio_sqlite": 6.5,
    "in_flight": 64,
    "rounds": 5,
    "requests": 60000,
    "users": 20000,
    "branches": 8,
    "lost": 0,
    "workers": 1,
    "figures": [
        {"store": "sqlite", "server": "icafe-radiusd", "scenario": "acct", "rps": 19000.4, "p99": 9.25},
        {"store": "sqlite", "server": "FreeRADIUS sqlite", "scenario": "acct", "rps": 2700.0, "p99": 36.0},
    ],
}
PEAK: dict[str, Any] = {**MADE, "store": "sqlite", "lost": 0, "guests": [{"who": "back", "p50": 21.0, "p99": 91.0}]}


def test_a_ratio_is_shown_with_what_it_was_made_from() -> None:
    told = section({"peer": PEER})
    assert (
        "| SQLite | accounting |            19000 |    9.2 |                   2700 |   36.0 |          6.50 |   6 |"
        in told
    )
    assert "medians of 5 rounds of 60000 requests" in " ".join(told.split())
    assert "`scripts/bench peer`" in told


def test_what_was_not_measured_is_not_told() -> None:
    told = section({"peer": PEER, "peak": PEAK})
    assert "PostgreSQL |" not in told
    assert "docs/figures/peak.svg" in told
    assert "docs/figures/soak-p99.svg" not in told


def test_a_page_keeps_all_around_its_figures(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    assert renew(page, {"peak": PEAK})
    assert page.read_text() == f"before\n{BEGIN}{section({'peak': PEAK})}{END}after\n"
    assert not renew(page, {"peak": PEAK})


def test_a_page_without_a_place_for_figures_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("no figures\n")
    with pytest.raises(BenchError, match="no place for figures"):
        renew(page, {})
    assert page.read_text() == "no figures\n"


def test_the_front_page_has_the_figures_that_are_kept() -> None:
    kept = section(read(ROOT / "docs" / "figures"))
    assert kept
    assert kept in (ROOT / "README.md").read_text()
