"""scripts/bench, small."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from radiusd.bench.processes import cpu_seconds
from tests.end_to_end.cafe import eventually
from tests.postgres import server_address

ROOT = Path(__file__).parents[2]


class Bench:
    """scripts/bench on the store under test, by the project's own virtual routers; its temporary files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin to measure."""
        server = server_address()
        store = ("--store", "sqlite") if server is None else ("--store", "postgresql", "--postgresql-url", server)
        command = [str(ROOT / "scripts/bench"), "load", "--virtual-routers", *store, *arguments]
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
        )
        return self._process

    def end(self) -> None:
        """End it, if a test that failed did not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=60)

    def servers(self) -> list[str]:
        """The servers it runs just now."""
        found = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = each.read_text(errors="replace").split("\0")
            except OSError:
                continue
            if "radiusd" in words and any(word.startswith(str(self.folder)) for word in words):
                found.append(each.parent.name)
        return found

    def must_have_left_nothing(self) -> None:
        """No process, no file."""
        assert self.servers() == []
        assert list(self.folder.iterdir()) == []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """One with a folder of its own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    made = Bench(folder)
    yield made
    made.end()


def test_figures_come_out_and_nothing_stays_behind(bench: Bench) -> None:
    process = bench.start("--users", "40", "--requests", "300", "--rounds", "1", "--in-flight", "8", "--json")
    printed, told_beside = process.communicate(timeout=60)
    assert process.returncode == 0, told_beside
    told = json.loads(printed)
    (line,) = told["figures"]
    assert (line["scenario"], line["requests"], line["lost"], line["wrong"]) == ("mixed", 300, 0, 0)
    assert line["rps"] > 0
    assert 0 < line["p50"] <= line["p99"]
    assert line["server_cpu"] > 0
    assert "the project's own virtual routers" in told_beside
    bench.must_have_left_nothing()


def test_one_that_is_interrupted_ends_what_it_started(bench: Bench) -> None:
    process = bench.start("--users", "10", "--requests", "100000", "--rounds", "50")
    eventually(bench.servers, within=30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    bench.must_have_left_nothing()


def test_a_server_that_dies_is_told_in_a_sentence(bench: Bench) -> None:
    process = bench.start("--users", "3000", "--requests", "90000", "--rounds", "50")
    (server,) = eventually(bench.servers, within=30)
    eventually(lambda: cpu_seconds([int(server)]) > 2, within=30)  # it is in the middle of a round
    os.kill(int(server), signal.SIGKILL)
    _, told_beside = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told_beside.splitlines()[-1].startswith("bench: the server ended by itself with status -9")
    bench.must_have_left_nothing()
