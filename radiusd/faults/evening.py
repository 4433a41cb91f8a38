"""An evening at full load, whose every answer is written down: logins, accounting, events of PCs, games that cost."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterable
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen

from radiusd.bench.pc_town import PC_USER
from radiusd.faults.asking import INTERIM, line_of, login, report, written
from radiusd.faults.clients import Router, for_ever
from radiusd.faults.comparing import event_name
from radiusd.faults.posting import Poster
from radiusd.faults.told import Diary
from radiusd.faults.towns import Town
from radiusd.virtual_router.packets import Counters, Line, read_grant
from radiusd.wire.codes import AcctStatusType, Code

_MOST_IN_FLIGHT = 400
_AT_ONCE_AT_FIRST = 64


@frozen(kw_only=True)
class Rates:
    """So many a second."""

    accounting: float = 1000
    logins: float = 50
    events: float = 50
    verifies: float = 50

    def times(self, share: float) -> "Rates":
        """A part of it."""
        return Rates(
            accounting=self.accounting * share,
            logins=self.logins * share,
            events=self.events * share,
            verifies=self.verifies * share,
        )


@define(eq=False)
class Device:
    """A guest who is online, as the router counts."""

    guest: int
    line: Line
    router: Router
    began: float
    up: int = 0
    down: int = 0
    is_asking: bool = False
    is_over: bool = False


@define(eq=False)
class Evening:
    """Asks until it is told to stop. `servers` are asked in turn by those who get no answer."""

    town: Town
    diary: Diary
    rates: Rates
    random: Random
    auth: list[tuple[str, int]]
    acct: list[tuple[str, int]]
    web: list[int]
    most_online: int = 1000
    routers: list[Router] = field(factory=list)
    online: list[Device] = field(factory=list)
    answered_at: Callable[[], None] = lambda: None
    asked: int = 0
    answered: int = 0
    left_out: int = 0
    _posters: list[Poster] = field(factory=list)
    _tokens: dict[int, str] = field(factory=dict)
    _tasks: "set[asyncio.Task[None]]" = field(factory=set)
    _next_guest: int = 0
    _turn: int = 0
    _events: int = 0

    async def open(self) -> None:
        """Open the routers' sockets."""
        for number in range(self.town.router_of(self.town.guests - 1) + 1):
            self.routers.append(await Router(self.town.address_of(number)).open())
        self._posters = [Poster(port, self.town.branch.source) for port in self.web]

    async def close(self) -> None:
        """Close everything; nothing is asked any more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for router in self.routers:
            router.close()
        for poster in self._posters:
            await poster.close()

    # Pacing

    async def go_on(self) -> None:
        """Ask at the rates wanted, until cancelled; what is not answered is asked again and again."""
        rates = self.rates
        paced = (
            (rates.logins, self._log_in),
            (rates.accounting, self._interim),
            (rates.events, self._event),
            (rates.verifies, self._verify),
        )
        await asyncio.gather(*(self._steadily(rate, begin) for rate, begin in paced if rate))

    async def _steadily(self, rate: float, begin: Callable[[], Coroutine[Any, Any, None] | None]) -> None:
        began, count = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * rate)
            for _ in range(min(due - count, 100)):
                work = begin() if len(self._tasks) < _MOST_IN_FLIGHT else None
                if work is None:
                    self.left_out += 1
                else:
                    self._spawn(work)
            count = due
            await asyncio.sleep(0.005)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def fill(self, guests: int, within: float) -> None:
        """Have so many come online, as fast as they are answered, so that there is something to account for."""
        until = time.monotonic() + within
        while len(self.online) < guests and self._next_guest < self.town.guests and time.monotonic() < until:
            work = self._log_in() if len(self._tasks) < _AT_ONCE_AT_FIRST else None
            if work is not None:
                self._spawn(work)
            else:
                await asyncio.sleep(0.005)

    def retire(self, share: float) -> None:
        """Never ask anything about some of those online again, who would make good by a later report what was lost."""
        stay = self.random.sample(self.online, k=len(self.online) - int(len(self.online) * share))
        self.online[:] = stay

    async def settle(self, within: float) -> bool:
        """Ask nothing new; whether everything that was asked has been answered in time."""
        until = time.monotonic() + within
        while self._tasks and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return not self._tasks

    # Routers

    async def _told(self, kind: str, **fields: Any) -> None:
        await self.diary.told(kind, **fields)
        self.answered += 1
        self.answered_at()

    def _log_in(self) -> Coroutine[Any, Any, None] | None:
        if self._next_guest >= self.town.guests or len(self.online) >= self.most_online:
            return None
        guest, self._next_guest = self._next_guest, self._next_guest + 1
        return self._come_online(guest)

    async def _come_online(self, guest: int) -> None:
        line, router = line_of(self.town, guest), self.routers[self.town.router_of(guest)]
        self.asked += 1
        self.diary.asked("login", line=line.acct_session_id)
        reply = await router.ask(login(self.town, guest, line), self.auth, for_ever())
        if reply is None or reply.code != Code.ACCESS_ACCEPT:
            return
        await self._told("login", line=line.acct_session_id)
        device = Device(guest, evolve(line, class_=read_grant(reply).class_), router, time.time())
        if await self._report(device, AcctStatusType.START):
            self.online.append(device)

    def _interim(self) -> Coroutine[Any, Any, None] | None:
        for _ in range(min(len(self.online), 20)):
            self._turn += 1
            device = self.online[self._turn % len(self.online)]
            if not device.is_asking and not device.is_over:
                return self._count(device)
        return None

    async def _count(self, device: Device) -> None:
        device.up += self.random.randrange(1, 100_000)
        device.down += self.random.randrange(1, 1_000_000)
        # One in fifty goes home.
        ends = self.random.random() < 0.02
        await self._report(device, AcctStatusType.STOP if ends else INTERIM)

    async def _report(self, device: Device, status: AcctStatusType) -> bool:
        device.is_asking = True
        device.is_over |= status is AcctStatusType.STOP
        if device.is_over and device in self.online:
            self.online.remove(device)
        seconds = int(time.time() - device.began)
        counted = Counters(octets_in=device.up, octets_out=device.down, seconds=seconds)
        fields = written(device.line, status, counted)
        self.asked += 1
        self.diary.asked("report", **fields)
        make = report(self.town, device.guest, device.line, status, counted)
        reply = await device.router.ask(make, self.acct, for_ever())
        device.is_asking = False
        if reply is not None:
            await self._told("report", **fields)
        return reply is not None

    # PCs

    def _event(self) -> Coroutine[Any, Any, None]:
        self._events += 1
        if self._events % 5 == 0 and self.online:
            device = self.random.choice(self.online)
            if not device.is_over and not device.is_asking:
                return self._log_off(device)
        kind = "USER_LOGIN" if self._events % 2 else "BALANCE_UPDATE"
        return self._tell(self.random.randrange(self.town.guests), kind)

    async def _log_off(self, device: Device) -> None:
        await self._tell(device.guest, "USER_LOGOUT")
        if not device.is_asking and not device.is_over:
            await self._report(device, AcctStatusType.STOP)

    async def _tell(self, guest: int, kind: str) -> None:
        # A time in whole seconds may be any moment of the second.
        at = int(time.time() * 1000) // 2 * 2 + 1
        name = event_name(kind, PC_USER % guest, at)
        request = self.town.branch.event(guest, at / 1000 + 0.0001, kind)
        self.asked += 1
        self.diary.asked("event", name=name)
        status, body = await self._post(request, for_ever(0.5))
        if status == 200:
            await self._told("event", name=name, ended=json.loads(body)["sessions_terminated"])

    # Games

    def _verify(self) -> Coroutine[Any, Any, None]:
        return self._play(self.random.randrange(40))

    async def _play(self, pc: int) -> None:
        token = self._tokens.get(pc) or await self._sit_down(pc)
        if token is None:
            return
        status, body = await self._post(self.town.wish(token, pc), ())
        if status != 200:
            self._tokens.pop(pc, None)
            return
        ott = json.loads(body)["data"]["ott"]
        self.asked += 1
        self.diary.asked("verify")
        status, body = await self._post(self.town.verify(ott, pc), ())
        if status == 200:
            data = json.loads(body)["data"]
            await self._told("verify", session=data["game_session_id"] if data["is_valid"] else None)

    async def _sit_down(self, pc: int) -> str | None:
        status, body = await self._post(self.town.start(f"PC-{pc}"), ())
        if status != 200:
            return None
        self._tokens[pc] = token = str(json.loads(body)["data"]["session_token"])
        return token

    async def _post(self, request: bytes, pauses: Iterable[float]) -> tuple[int, bytes]:
        """The answer; without one it is sent again after each of `pauses`."""
        waits = iter(pauses)
        while True:
            status, body = await self._posters[self._turn % len(self._posters)].ask(request)
            if status != 0 and status < 500:
                return status, body
            pause = next(waits, None)
            if pause is None:
                return status, body
            await asyncio.sleep(pause)
