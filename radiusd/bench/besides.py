"""The process that asks RADIUS beside a measurement, from here: started, ended, and its samples read."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Self

import msgspec
from attrs import asdict, frozen

from radiusd.bench.beside import Wish
from radiusd.bench.errors import BenchError
from radiusd.bench.pc_figures import Outcome, part_of
from radiusd.bench.processes import end, last_line, spawn


@frozen
class Sample:
    """One request: when it was first sent, in seconds since 1970, and milliseconds until its answer, if any."""

    sent: float
    took: float | None
    is_right: bool


@frozen
class Samples:
    """All of them."""

    all: Sequence[Sample]

    def within(self, since: float, until: float) -> "Samples":
        """Those sent in that time."""
        return Samples([each for each in self.all if since <= each.sent < until])

    @property
    def p99(self) -> float:
        """Milliseconds; of those that were answered."""
        return part_of(sorted(each.took for each in self.all if each.took is not None), 0.99)

    @property
    def lost(self) -> int:
        """How many were not answered in spite of all resends."""
        return sum(each.took is None for each in self.all)

    @property
    def wrong(self) -> int:
        """How many were answered otherwise than they should have been."""
        return sum(each.took is not None and not each.is_right for each in self.all)

    def judge(self, outcome: Outcome) -> None:
        """Every request must have been answered as it should be."""
        outcome.must(not self.lost, f"{self.lost} RADIUS requests beside were not answered")
        outcome.must(not self.wrong, f"{self.wrong} RADIUS requests beside were answered wrongly")


class Besides:
    """Asks within `with`; `samples` ends it."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "radiusd.bench.beside"]
        pipe = subprocess.PIPE
        self._process = spawn(command, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            self._begin()
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        for each in (self._process.stdin, self._process.stdout, self._process.stderr):
            if each is not None and not each.closed:
                each.close()

    def _begin(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - as above
        self._process.stdin.write(msgspec.json.encode(asdict(self._wish)) + b"\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != b"ready":
            self._process.wait(20)
            raise BenchError(self._why())

    def _why(self) -> str:
        assert self._process.stderr is not None  # noqa: S101 - as above
        return last_line(self._process.stderr.read().decode(errors="replace")) or "the requests beside did not begin"

    def samples(self) -> Samples:
        """What was asked until now. Raises BenchError."""
        printed, complaints = self._process.communicate(timeout=60)
        if self._process.returncode:
            raise BenchError(last_line(complaints.decode(errors="replace")) or "the requests beside failed")
        return Samples([Sample(*each) for each in json.loads(printed)])
