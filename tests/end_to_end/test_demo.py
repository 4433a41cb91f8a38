"""The README's first command, and the lines it prints."""

import json
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radiusd.bench.processes import free_ports
from tests.end_to_end.cafe import eventually

ROOT = Path(__file__).parents[2]


class Demo:
    """A running scripts/demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._output = folder.with_suffix(".out")
        names = ("--auth-port", "--acct-port", "--coa-port", "--web-port", "--metrics-port", "--pc-port")
        ports = free_ports(6)
        self._options = [text for pair in zip(names, map(str, ports), strict=True) for text in pair]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> dict[str, Any]:
        """What demo.json tells, once this very process has written it."""
        with self._output.open("wb") as output:
            command = [str(ROOT / "scripts/demo"), "--dir", str(self.folder), *self._options, *options]
            process = self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

        def told() -> dict[str, Any] | None:
            assert process.poll() is None, self.printed()
            try:
                found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
            except FileNotFoundError:
                return None
            return found if found["pid"] == process.pid and "icafectl" in self.printed() else None

        return dict(eventually(told, within=60))

    def printed(self) -> str:
        """All it printed so far."""
        return self._output.read_text()

    def stop(self) -> None:
        """Ctrl-C."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(10)
            self._process = None

    def line_with(self, word: str) -> str:
        """The printed line to paste that has this word in it."""
        return next(line.strip() for line in self.printed().splitlines() if line.startswith("    ") and word in line)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo in a folder of its own."""
    made = Demo(tmp_path / "demo")
    yield made
    made.stop()


def shell(line: str) -> str:
    """What a line prints when it is pasted into a shell."""
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, timeout=60)  # noqa: S602 - as users do
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo_json_tells_all_there_is_to_know(demo: Demo) -> None:
    told = demo.start()
    assert set(told) >= {"pid", "auth", "acct", "web", "secret", "branch", "router", "coa_port", "config", "voucher"}
    assert [set(each) for each in told["accounts"]] == [{"name", "password", "package"}] * 5
    assert len({each["package"] for each in told["accounts"]}) == 3
    assert Path(told["config"]).exists()
    assert (demo.folder / "demo.json").stat().st_mode & 0o077 == 0


def test_a_second_start_keeps_the_data(demo: Demo) -> None:
    first = demo.start()
    shell(demo.line_with("virtual-router") + " --interims 1 --every 0.2")
    demo.stop()
    second = demo.start()
    assert {**first, "pid": 0} == {**second, "pid": 0}
    assert "demo1" in shell(demo.line_with("session list"))


def test_the_lines_it_prints_work_as_printed(demo: Demo) -> None:
    demo.start()
    if shutil.which("radclient") is not None:
        assert "Received Access-Accept" in shell(demo.line_with("radclient"))
    assert "the evening went well" in shell(demo.line_with("virtual-router"))
    assert re.search(r"TERMINATED +USER_LOGOUT +demo1", shell(demo.line_with("session list")))
    assert "demo1" in shell(demo.line_with(" why "))


def test_a_guest_plays_a_game_and_the_cafe_pays_for_it(demo: Demo) -> None:
    demo.start()
    assert "the game went well" in shell(demo.line_with("playwave"))
    assert re.search(r"-5 +995 +Sky Race, period 1", shell(demo.line_with("wallet history")))
    assert (demo.folder / "playwave.json").stat().st_mode & 0o077 == 0
    first = (demo.folder / "playwave.json").read_text()
    demo.stop()
    demo.start()
    assert (demo.folder / "playwave.json").read_text() == first


def test_with_a_pc_system_logging_off_the_pc_cuts_the_wifi(demo: Demo) -> None:
    demo.start("--with-pc-system")
    eventually(lambda: "the page is at" in demo.printed())
    evening = subprocess.Popen(
        shlex.split(demo.line_with("--interims")), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    eventually(lambda: "ACTIVE" in shell(demo.line_with("session list")))
    assert "sessions_terminated 1" in shell(demo.line_with("pc-system logout"))
    told, _ = evening.communicate(timeout=20)
    assert "<- Disconnect-Request demo1" in told
    eventually(lambda: "nora_01 at demo is proven off WiFi after" in demo.printed())
    assert re.search(r"USER_LOGOUT of nora_01 at demo: .* Disconnect-Request sent after \d+ ms", demo.printed())
    assert re.search(r"TERMINATED +PC_LOGOUT +demo1", shell(demo.line_with("session list")))


def test_a_port_in_use_ends_it_with_one_sentence(demo: Demo, tmp_path: Path) -> None:
    demo.start()
    command = [str(ROOT / "scripts/demo"), "--dir", str(tmp_path / "other"), *demo._options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "cannot listen at" in done.stderr
    assert not (tmp_path / "other" / "demo.json").exists()
