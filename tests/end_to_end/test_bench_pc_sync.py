"""scripts/bench pc-sync, small: nothing is lost, and nothing happens twice."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import server_address

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For temporary files; it must be empty again afterwards."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def measured(folder: Path, part: str, *options: str) -> dict[str, Any]:
    """The figures of one part. Whether the machine is quick enough is for scripts/bench to say, not for a test."""
    server = server_address()
    store = ("--store", "sqlite") if server is None else ("--store", "postgresql", "--postgresql-url", server)
    command = [str(ROOT / "scripts/bench"), "pc-sync", "--only", part, *store, *options, "--json"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "TMPDIR": str(folder)}
    )
    assert ended.stdout, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["broken"] == []
    assert list(folder.iterdir()) == []
    assert list(told["parts"]) == [part]
    return {name: figure["value"] for name, figure in told["parts"][part].items()}


def test_logouts_in_a_busy_cafe_are_all_proven(folder: Path) -> None:
    found = measured(folder, "logout", "--sessions", "40", "--logouts", "40", "--rate", "100", "--before", "1")
    assert found["sessions left active"] == 40
    for step in ("wire", "answer", "proof"):
        p50, p99, worst = (found[f"webhook to {step}, {each}"] for each in ("p50", "p99", "worst"))
        assert 0 < p50 <= p99 <= worst
    assert found["RADIUS before, p99"] > 0
    assert found["RADIUS during, p99"] > 0
