"""Clients that drip, send without end, and never read: what webhooks, RADIUS and the server's memory notice of them."""

import json
import subprocess
import sys
from typing import Any

from attrs import define, field
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread

from radiusd.bench.errors import BenchError
from radiusd.bench.pc_figures import Outcome
from radiusd.bench.pc_stage import Stage
from radiusd.bench.posting import Answer
from radiusd.bench.processes import end, last_line, resident, spawn

WEBHOOK = 200.0
CLOSED_WITHIN = 11.0
MORE_MEMORY = 100.0
UNREAD_WITHIN = 40.0
_MEMORY_EVERY = 0.1
_LONG_ENOUGH = 10.0


@define
class Hostile:
    """Webhooks at a steady rate: alone for `before` seconds, then for `seconds` beside those who mean ill."""

    stage: Stage
    rate: float
    before: float
    seconds: float
    _answers: list[Answer] = field(factory=list)
    _memory: list[float] = field(factory=list)

    async def run(self) -> Outcome:
        """What it came to."""
        stage, outcome = self.stage, Outcome()
        memory = LoopingCall(lambda: self._memory.append(resident(stage.server.pid)))
        memory.clock = stage.reactor
        memory.start(_MEMORY_EVERY)
        watched = stage.reactor.seconds()
        stage.shows.doing(f"{self.rate:g} webhooks a second for {self.before:g} s")
        await self._report(self.before)
        memory_before, began = self._memory[-1], stage.reactor.seconds()
        story, ended, used = await self._beside_them()
        await stage.pause(1.0)
        memory.stop()
        samples = await stage.samples()
        outcome.note_times("webhook alone", [each.took for each in self._answers if each.sent < began])
        outcome.note_times("webhook", [each.took for each in self._answers if began <= each.sent < ended], WEBHOOK)
        outcome.note("RADIUS alone, p99", samples.within(watched, began).p99)
        outcome.note("RADIUS, p99", samples.within(began, ended).p99)
        self._tell(outcome, story)
        self._tell_memory(outcome, memory_before)
        samples.judge(outcome)
        refused = sum(each.status != 200 for each in self._answers)
        outcome.must(not refused, f"{refused} webhooks were not accepted")
        outcome.figures += used
        return outcome

    @property
    def _waits(self) -> float:
        """For how long they who never read are waited for afterwards; not in a run that is over before their limit."""
        return UNREAD_WITHIN if self.seconds >= _LONG_ENOUGH else 0.0

    async def _beside_them(self) -> tuple[dict[str, Any], float, Any]:
        stage = self.stage
        stage.shows.doing(f"the same beside clients that mean ill, for {self.seconds:g} s")
        pipe = subprocess.PIPE
        command = [sys.executable, "-P", "-m", "radiusd.bench.ill", str(stage.server.web), str(self._waits)]
        process = spawn(command, stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            effort = stage.effort()
            await self._report(self.seconds)
            ended, used = stage.reactor.seconds(), effort.figures()
            stage.shows.doing("until the last of them is closed")
            printed, complaints = await deferToThread(process.communicate, None, 90)
        finally:
            end(process)
        if process.returncode:
            raise BenchError(last_line(complaints.decode(errors="replace")) or "the clients that mean ill failed")
        return json.loads(printed), ended, used

    async def _report(self, seconds: float) -> None:
        stage = self.stage
        branch = stage.town.branches[0]
        wires = stage.wires(branch)

        async def one(number: int) -> None:
            guest = branch.guests[number % len(branch.guests)]
            event = branch.event(guest, stage.reactor.seconds(), "BALANCE_UPDATE")
            self._answers.append(await wires.ask(event))

        await stage.steadily(max(1, int(self.rate * seconds)), self.rate, one)
        wires.close()

    def _tell(self, outcome: Outcome, story: dict[str, Any]) -> None:
        outcome.note("dripping connections closed", len(story["dripping"]), unit="")
        answered = max(story["dripping_answered"], default=0)
        outcome.note("dripping, told off after at most", answered, unit="s", aim=CLOSED_WITHIN)
        longest = max(story["dripping"], default=0)
        outcome.note("dripping, closed after at most", longest, unit="s", aim=CLOSED_WITHIN)
        outcome.must(not story["still_dripping"], f"{story['still_dripping']} dripping connections were not closed")
        for name in ("known", "chunked", "bomb"):
            counts = {key.split()[1]: count for key, count in story["statuses"].items() if key.startswith(name)}
            outcome.note(f"{_WORDS[name]}, sent", sum(counts.values()), unit="")
            taken = sum(count for status, count in counts.items() if status.startswith("2"))
            outcome.must(not taken, f"{taken} were accepted: {_WORDS[name]}")
            outcome.note(f"{_WORDS[name]}, refused with {_REFUSAL[name]}", counts.get(_REFUSAL[name], 0), unit="")
        outcome.note("longest 200 MB client", max(story["long_bodies"], default=0), unit="s")
        outcome.note("closed that never read", len(story["unreading"]), unit="")
        outcome.note("never read, closed after at most", max(story["unreading"], default=0), unit="s")
        if self._waits:
            outcome.must(not story["still_unreading"], f"{story['still_unreading']} that never read were not closed")

    def _tell_memory(self, outcome: Outcome, before: float) -> None:
        outcome.note("memory before", before, unit="MB")
        outcome.note("memory at its highest", max(self._memory), unit="MB")
        outcome.note("memory after", self._memory[-1], unit="MB")
        outcome.note("rise of memory", max(self._memory) - before, unit="MB", aim=MORE_MEMORY)


_WORDS = {"known": "200 MB of a known length", "chunked": "200 MB in chunks", "bomb": "gzip bomb"}
_REFUSAL = {"known": "413", "chunked": "413", "bomb": "415"}
