"""scripts/bench pc-sync, small: nothing is lost, and nothing happens twice."""

import json
import os
import signal
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


def command(part: str, *options: str) -> list[str]:
    """On the store under test."""
    server = server_address()
    store = ("--store", "sqlite") if server is None else ("--store", "postgresql", "--postgresql-url", server)
    return [str(ROOT / "scripts/bench"), "pc-sync", "--only", part, *store, *options]


def measured(folder: Path, part: str, *options: str) -> dict[str, Any]:
    """The figures of one part. Whether the machine is quick enough is for scripts/bench to say, not for a test."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    ended = subprocess.run(
        command(part, *options, "--json"), capture_output=True, text=True, timeout=120, check=False, env=environment
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


STORM = ("--events", "300", "--branches", "11", "--rate", "100", "--before", "0.5")


def test_in_a_storm_every_event_has_its_effect_once(folder: Path) -> None:
    found = measured(folder, "storm", *STORM)
    assert (found["lost"], found["done twice"], found["sent again"]) == (0, 0, 0)
    assert found["accepted a second"] > 0
    assert 0 < found["received to wire, p50"] <= found["received to proof, worst"]


def test_in_a_storm_that_kills_the_server_every_event_has_its_effect_once(folder: Path) -> None:
    found = measured(folder, "storm-killed", *STORM)
    assert (found["lost"], found["done twice"]) == (0, 0)
    assert found["sent again"] > 0
    assert found["server away"] > 0


def test_wrong_logins_are_told_so_or_held_back(folder: Path) -> None:
    found = measured(folder, "logins", "--logins", "40", "--seconds", "2", "--rate", "50")
    assert sum(found[f"many addresses: answered {status}"] for status in (401, 429, 503)) == 80
    assert found["many addresses: answered 401"] > 0
    # Ten guesses of one address reach the PC system; the others are held back.
    assert found["one address: answered 401"] <= 10
    assert found["one address: answered 429"] >= 70
    for name in ("many addresses", "one address"):
        assert found[f"{name}: answered otherwise, or not"] == 0


def test_clients_that_mean_ill_are_all_closed(folder: Path) -> None:
    found = measured(folder, "hostile", "--before", "1", "--seconds", "3", "--rate", "50")
    assert found["dripping connections closed"] >= 200
    for name in ("200 MB of a known length", "200 MB in chunks"):
        assert found[f"{name}, sent"] == found[f"{name}, refused with 413"] > 0
    assert found["gzip bomb, sent"] == found["gzip bomb, refused with 415"] > 0
    assert found["webhook, p50"] > 0


def test_one_that_is_interrupted_leaves_nothing_behind(folder: Path) -> None:
    running = subprocess.Popen(
        command("logout", "--sessions", "40", "--before", "60"),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    assert running.stderr is not None
    while "watching RADIUS" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 128 + signal.SIGINT
    assert list(folder.iterdir()) == []
    left = [each for each in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in _text(each)]
    assert left == []


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
