"""Somebody guesses passwords at the portal, from many addresses and then from one, and what RADIUS notices of it."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from attrs import define, field

from radiusd.bench.errors import BenchError
from radiusd.bench.pc_figures import Outcome, part_of
from radiusd.bench.pc_stage import Stage
from radiusd.bench.posting import Answer, Wires, post
from radiusd.bench.processes import end, last_line, spawn

LOGINS = "/api/auth/pc-login"
RISE = 20.0
_STARTS_WITHIN = 20.0
_ADDRESSES = 1000
_CONNECTIONS = 32
_COUNTED = (401, 429, 503)


@contextmanager
def pc_system(folder: Path, port: int) -> Iterator[None]:
    """A virtual PC system, in a process of its own. Raises BenchError."""
    log = folder / "pc-system.log"
    command = [sys.executable, "-P", "-m", "radiusd.virtual_pc_system", "serve", "--port", str(port), "--quiet"]
    with log.open("wb") as out:
        process = spawn(command, stdout=out, stderr=out)
    try:
        _await(process, log, port)
        yield
    finally:
        end(process)


def _await(process: "subprocess.Popen[bytes]", log: Path, port: int) -> None:
    for _ in range(int(_STARTS_WITHIN / 0.1)):
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=2):
                return
        except OSError:
            pass
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    why = last_line(log.read_text(errors="replace")) or "it did not answer"
    raise BenchError(f"the virtual PC system did not start: {why}")


@define
class WrongLogins:
    """`rate` wrong logins a second for `seconds`, from many addresses and then from one; as long without any before."""

    stage: Stage
    rate: float
    seconds: float
    _answers: dict[str, list[Answer]] = field(factory=dict)
    _windows: dict[str, tuple[float, float]] = field(factory=dict)

    async def run(self) -> Outcome:
        """What it came to."""
        stage, outcome = self.stage, Outcome()
        await self._without()
        effort = stage.effort()
        await self._with("many addresses")
        used = effort.figures()
        await self._with("one address")
        samples = await stage.samples()
        alone = samples.within(*self._windows["alone"]).p99
        outcome.note("RADIUS alone, p99", alone)
        for name, answers in self._answers.items():
            during = samples.within(*self._windows[name]).p99
            outcome.note(f"{name}: RADIUS, p99", during)
            outcome.note(f"{name}: rise of it", max(0.0, during - alone), aim=RISE)
            self._tell(outcome, name, answers)
        samples.judge(outcome)
        outcome.figures += used
        return outcome

    def _tell(self, outcome: Outcome, name: str, answers: list[Answer]) -> None:
        counts = Counter(each.status for each in answers)
        for status in _COUNTED:
            outcome.note(f"{name}: answered {status}", counts[status], unit="")
        others = sum(count for status, count in counts.items() if status not in _COUNTED)
        outcome.note(f"{name}: answered otherwise, or not", others, unit="")
        outcome.note(f"{name}: answer, p99", part_of(sorted(each.took for each in answers), 0.99))
        outcome.must(not counts[200], f"{counts[200]} wrong logins from {name} were let in")

    async def _without(self) -> None:
        stage = self.stage
        stage.shows.doing(f"watching RADIUS for {self.seconds:g} s")
        began = stage.reactor.seconds()
        await stage.pause(self.seconds)
        self._windows["alone"] = began, stage.reactor.seconds()

    async def _with(self, name: str) -> None:
        stage = self.stage
        count = max(1, int(self.rate * self.seconds))
        stage.shows.doing(f"{count} wrong logins from {name}, {self.rate:g} a second")
        answers = self._answers[name] = []
        shared = Wires(stage.reactor, stage.server.web, "127.60.0.1", _CONNECTIONS)

        async def one(number: int) -> None:
            # Each of many is somebody new, with a connection of their own; the one keeps some open.
            wires = shared if name == "one address" else Wires(stage.reactor, stage.server.web, _address(number))
            answers.append(await wires.ask(self._wrong(number)))
            if wires is not shared:
                wires.close()
            stage.shows.step(name, len(answers), count)

        began = stage.reactor.seconds()
        await stage.steadily(count, self.rate, one)
        self._windows[name] = began, stage.reactor.seconds()
        shared.close()

    def _wrong(self, number: int) -> bytes:
        fields = {
            "username": f"guest_{number}",
            "password": f"guess {number}",
            "location_id": self.stage.town.branches[0].issued.location_id,
        }
        return post(LOGINS, json.dumps(fields).encode())


def _address(number: int) -> str:
    place = number % _ADDRESSES
    return f"127.61.{place // 250}.{place % 250 + 1}"
