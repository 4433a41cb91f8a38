"""R21: floods from strangers, from a forger at a known address, and from a router that asks 50 times its share."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random

from attrs import define, evolve, field, frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import end, spawn
from radiusd.faults.asking import INTERIM, line_of, login, report
from radiusd.faults.clients import Router
from radiusd.faults.flood import FORGED, GREEDY, UNKNOWN, Flood
from radiusd.faults.nodes import Node
from radiusd.faults.stage import Stage
from radiusd.faults.towns import Town
from radiusd.faults.verdicts import Figure, Report, at_least, at_most
from radiusd.virtual_router.packets import Counters, Line, read_grant
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.packet import Packet

ROUTERS = 10
"""Those who ask in peace; one more is flooded from."""
_GUESTS_OF_EACH = 20
_PAUSES = (1.0, 1.0, 1.0)
_STRANGER = "127.66.6.6"
_NOISE = 20.0
"""Milliseconds: an idle server answers in two or three, and twice that is no time on a machine with other work."""
_MANY = 20_000
_SHARES = 50


@frozen(kw_only=True)
class Plan:
    """Requests a second of the peaceful ones, all together; seconds of peace before, and of each flood."""

    rate: float = 200
    before: float = 4
    seconds: float = 10
    kinds: Sequence[str] = (UNKNOWN, FORGED, GREEDY)

    def rate_of(self, kind: str) -> float:
        """How many datagrams a second a flood has."""
        return self.rate / ROUTERS * _SHARES if kind == GREEDY else _MANY


@define(eq=False)
class _Samples:
    """Milliseconds of every answer; `lost` were given up after three seconds."""

    took: list[float] = field(factory=list)
    lost: int = 0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


@define(eq=False)
class _Peaceful:
    """Known guests of ten routers, who log in again and are accounted for, in turn, at a steady rate."""

    town: Town
    node: Node
    rate: float
    random: Random
    routers: list[Router] = field(factory=list)
    lines: list[tuple[int, Line]] = field(factory=list)
    _turn: int = 0

    async def come_online(self) -> None:
        for number in range(ROUTERS):
            self.routers.append(await Router(self.town.address_of(number)).open())
        for number in range(ROUTERS):
            await asyncio.gather(*(self._first_login(number, number * 100 + each) for each in range(_GUESTS_OF_EACH)))

    async def _first_login(self, router: int, guest: int) -> None:
        line = line_of(self.town, guest)
        reply = await self._log_in(router, line, guest)
        if reply is None or reply.code != Code.ACCESS_ACCEPT:
            raise BenchError("a guest of the peaceful routers was not let in")
        line = evolve(line, class_=read_grant(reply).class_)
        self.lines.append((guest, line))
        await self._report(router, line, guest, AcctStatusType.START)

    async def _log_in(self, router: int, line: Line, guest: int) -> Packet | None:
        make = login(self.town, guest, line)
        return await self.routers[router].ask(make, [("127.0.0.1", self.node.auth)], _PAUSES)

    async def _report(self, router: int, line: Line, guest: int, status: AcctStatusType) -> Packet | None:
        octets = int(time.time()) % 10**8
        counted = Counters(octets_in=octets * 10, octets_out=octets * 90)
        make = report(self.town, guest, line, status, counted)
        return await self.routers[router].ask(make, [("127.0.0.1", self.node.acct)], _PAUSES)

    async def ask_for(self, seconds: float) -> _Samples:
        """Ask at the rate for so long."""
        samples, began, count = _Samples(), time.monotonic(), 0
        running: set[asyncio.Task[None]] = set()
        while (now := time.monotonic()) < began + seconds:
            due = int((now - began) * self.rate)
            for _ in range(due - count):
                task = asyncio.create_task(self._one(samples))
                running.add(task)
                task.add_done_callback(running.discard)
            count = due
            await asyncio.sleep(0.002)
        if running:
            await asyncio.wait(running)
        return samples

    async def _one(self, samples: _Samples) -> None:
        self._turn += 1
        guest, line = self.lines[self._turn // 2 % len(self.lines)]
        router = self.town.router_of(guest)
        began = time.monotonic()
        if self._turn % 2:
            reply = await self._log_in(router, line, guest)
        else:
            reply = await self._report(router, line, guest, INTERIM)
        if reply is None:
            samples.lost += 1
        else:
            samples.took.append((time.monotonic() - began) * 1000)

    def close(self) -> None:
        for each in self.routers:
            each.close()


async def run(stage: Stage, plan: Plan) -> Report:
    """In peace, and then each flood in turn."""
    guests = ROUTERS * 100 + 100
    with stage.town(guests) as (town, url, folder), Node(folder, url, switches=stage.switches) as node:
        node.launch()
        await node.is_up()
        peaceful = _Peaceful(town, node, plan.rate, Random(stage.seed))  # noqa: S311 - nothing secret
        try:
            await peaceful.come_online()
            await peaceful.ask_for(1)
            figures: list[Figure] = []
            for number, kind in enumerate(plan.kinds):
                # Just before: what else goes on at a machine changes from one minute to the next.
                idle = await peaceful.ask_for(plan.before)
                figures += await _flooded(kind, town, node, peaceful, plan, idle)
                stage.progress(number + 1, len(plan.kinds))
                await asyncio.sleep(1)
        finally:
            peaceful.close()
            await node.stop()
        return Report(figures=figures)


async def _flooded(kind: str, town: Town, node: Node, peaceful: _Peaceful, plan: Plan, idle: _Samples) -> list[Figure]:
    flood = Flood(
        kind=kind,
        source=_STRANGER if kind == UNKNOWN else town.address_of(ROUTERS),
        port=node.auth,
        rate=plan.rate_of(kind),
        seconds=plan.seconds,
        first_guest=ROUTERS * 100,
        guests=100,
        name=f"r{ROUTERS}",
    )
    before = len(node.lines(" dropped "))
    with ExitStack() as stack:
        process = spawn(
            [sys.executable, "-P", "-m", "radiusd.faults.flood"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        stack.callback(end, process, 2)
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(flood.as_line())
        process.stdin.flush()
        # While it starts there is no flood yet.
        await asyncio.sleep(0.7)
        samples = await peaceful.ask_for(plan.seconds - 1)
        printed, _ = await asyncio.to_thread(process.communicate, timeout=plan.seconds + 10)
    sent = int(printed or 0)
    lines = most_of_a_cause(node.lines(" dropped ")[before:])
    limit = round(max(2 * idle.percentile(0.99), _NOISE), 1)
    return [
        at_least(f"{kind}: sent a second", round(sent / plan.seconds), round(0.8 * flood.rate)),
        Figure(name=f"{kind}: p99 of the others before", value=round(idle.percentile(0.99), 1), unit="ms"),
        at_most(f"{kind}: p99 of the others", round(samples.percentile(0.99), 1), limit, "ms"),
        at_most(f"{kind}: lost by the others", samples.lost, 0),
        # They are counted from before the flood until after it.
        at_most(f"{kind}: log lines of one cause", lines, round(plan.seconds) + 3),
    ]


def most_of_a_cause(lines: Sequence[str]) -> int:
    """How many lines tell of drops for the same reason: `… dropped a packet from SOURCE: REASON …`."""
    causes = Counter(line.partition(" dropped ")[2].partition(": ")[2].partition(" ")[0] for line in lines)
    return max(causes.values(), default=0)
