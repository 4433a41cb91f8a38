"""Guests of many routers with RouterOS' habits: logins that must succeed within a router's own tries, and reports."""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from random import Random
from typing import Any

from attrs import define, evolve, field

from radiusd.faults.asking import INTERIM, line_of, login, report, written
from radiusd.faults.clients import Address, Make, Router
from radiusd.faults.towns import Town
from radiusd.virtual_router.packets import Counters, Line, read_grant
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.packet import Packet

SENDS = 4
TIMEOUTS = (0.3, 1.1)
"""A router's default, and what administrators make of it."""
_MOST_IN_FLIGHT = 500


@define(eq=False)
class Tally:
    """How requests ended, with the milliseconds of those that were answered."""

    asked: int = 0
    answered: int = 0
    refused: int = 0
    took: list[float] = field(factory=list)

    def percentile(self, share: float) -> float:
        """Milliseconds within which so many were answered."""
        ordered = sorted(self.took)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else float("inf")

    @property
    def percent(self) -> float:
        """Of all that were asked, how many were let in."""
        return 100 * (self.answered - self.refused) / self.asked if self.asked else 0.0


@define(eq=False)
class _Device:
    guest: int
    line: Line
    began: float
    octets: int = 0
    is_asking: bool = False


@define(eq=False)
class Crowd:
    """`nodes` are (auth, acct) pairs; a router asks one of them, and after its tries the next. All is in `entries`."""

    town: Town
    nodes: Sequence[tuple[Address, Address]]
    random: Random
    routers: list[Router] = field(factory=list)
    entries: list[dict[str, Any]] = field(factory=list)
    online: list[_Device] = field(factory=list)
    first_logins: Tally = field(factory=Tally)
    logins: Tally = field(factory=Tally)
    reports: Tally = field(factory=Tally)
    _next_guest: int = 0
    _turn: int = 0
    _tasks: "set[asyncio.Task[None]]" = field(factory=set)

    async def open(self) -> None:
        """Open the routers' sockets."""
        for number in range(self.town.router_of(self.town.guests - 1) + 1):
            self.routers.append(await Router(self.town.address_of(number)).open())

    async def close(self) -> None:
        """Ask nothing any more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for router in self.routers:
            router.close()

    def begin_counting(self) -> None:
        """What was asked until now is not counted."""
        self.first_logins, self.logins, self.reports = Tally(), Tally(), Tally()

    # What is asked

    async def come(self, guests: int) -> None:
        """So many come online, a few at a time."""
        waiting = iter(range(guests))

        async def some() -> None:
            for _ in waiting:
                await self._first_login()

        await asyncio.gather(*(some() for _ in range(32)))

    async def _first_login(self) -> None:
        guest, self._next_guest = self._next_guest, self._next_guest + 1
        line = line_of(self.town, guest)
        self._write("asked", "login", line=line.acct_session_id)
        reply = await self._ask(guest, login(self.town, guest, line), 0, self.first_logins)
        if reply is None or reply.code != Code.ACCESS_ACCEPT:
            return
        self._write("told", "login", line=line.acct_session_id)
        device = _Device(guest, evolve(line, class_=read_grant(reply).class_), time.time())
        await self._report(device, AcctStatusType.START)
        self.online.append(device)

    async def _log_in_again(self, device: _Device) -> None:
        """As the phone of a guest who walks about does, many times a day."""
        await self._ask(device.guest, login(self.town, device.guest, device.line), 0, self.logins)

    async def _report(self, device: _Device, status: AcctStatusType) -> None:
        device.is_asking = True
        device.octets += self.random.randrange(1, 10**6) if status is INTERIM else 0
        seconds = int(time.time() - device.began)
        counted = Counters(octets_in=device.octets, octets_out=device.octets * 7, seconds=seconds)
        fields = written(device.line, status, counted)
        self._write("asked", "report", **fields)
        make = report(self.town, device.guest, device.line, status, counted)
        if await self._ask(device.guest, make, 1, self.reports, rounds=50) is not None:
            self._write("told", "report", **fields)
        device.is_asking = False

    async def _ask(self, guest: int, make: Make, which: int, tally: Tally, rounds: int = 1) -> Packet | None:
        """The reply: four tries at one node, then four at the next, and so on once round."""
        router = self.town.router_of(guest)
        timeout = TIMEOUTS[router % len(TIMEOUTS)]
        turned = [self.nodes[(router + each) % len(self.nodes)][which] for each in range(len(self.nodes))]
        servers = [each for each in turned for _ in range(SENDS)]
        tally.asked += 1
        began = time.monotonic()
        reply = await self.routers[router].ask(make, servers, [timeout] * len(servers) * rounds)
        if reply is not None:
            tally.answered += 1
            tally.refused += reply.code == Code.ACCESS_REJECT
            tally.took.append((time.monotonic() - began) * 1000)
        return reply

    def _write(self, which: str, kind: str, **fields: Any) -> None:
        self.entries.append({"which": which, "kind": kind, **fields})

    # Pacing

    async def go_on(self, logins: float, first_logins: float, reports: float) -> None:
        """Ask, so many a second of each, until cancelled."""
        await asyncio.gather(
            self._steadily(logins, self._one_login),
            self._steadily(first_logins, self._one_first_login),
            self._steadily(reports, self._one_report),
        )

    async def _steadily(self, rate: float, begin: Any) -> None:
        began, count = time.monotonic(), 0
        while rate:
            due = int((time.monotonic() - began) * rate)
            for _ in range(min(due - count, 100)):
                work: Coroutine[Any, Any, None] | None = begin() if len(self._tasks) < _MOST_IN_FLIGHT else None
                if work is not None:
                    task = asyncio.create_task(work)
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            count = due
            await asyncio.sleep(0.005)

    def _one_login(self) -> Coroutine[Any, Any, None] | None:
        return self._log_in_again(self.random.choice(self.online)) if self.online else None

    def _one_first_login(self) -> Coroutine[Any, Any, None] | None:
        return self._first_login() if self._next_guest < self.town.guests else None

    def _one_report(self) -> Coroutine[Any, Any, None] | None:
        for _ in range(min(len(self.online), 20)):
            self._turn += 1
            device = self.online[self._turn % len(self.online)]
            if not device.is_asking:
                return self._report(device, INTERIM)
        return None

    async def settle(self, within: float) -> bool:
        """Ask nothing new; whether all that was asked has been answered, or given up, in time."""
        until = time.monotonic() + within
        while self._tasks and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return not self._tasks


def all_of(tallies: Iterable[Tally]) -> Tally:
    """Together."""
    whole = Tally()
    for each in tallies:
        whole.asked += each.asked
        whole.answered += each.answered
        whole.refused += each.refused
        whole.took += each.took
    return whole
