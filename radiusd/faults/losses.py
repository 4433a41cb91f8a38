"""R6: a network that loses, repeats and reorders, and requests that are sent again to another node."""

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen
from sqlalchemy import text

from radiusd.faults import comparing, ledger
from radiusd.faults.asking import INTERIM, line_of, login, report, written
from radiusd.faults.clients import KEY, Address, Make, Router
from radiusd.faults.lossy import Proxy, Weather
from radiusd.faults.nodes import drained, several, start
from radiusd.faults.stage import Stage
from radiusd.faults.towns import Town
from radiusd.faults.verdicts import Figure, Report, at_least, at_most
from radiusd.store.database import Database
from radiusd.virtual_router.packets import Counters, Line, read_grant
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.errors import WireError
from radiusd.wire.packet import Packet, decode
from radiusd.wire.replies import is_reply_to

_TRIES, _PAUSE = 40, 0.3
_OF_A_GUEST = 5
"""Exchanges: a login, a Start, two interims, a Stop."""
_KEPT = 8.0
"""Seconds in which a repeated request must meet the answer it had: a little less than a server keeps it."""
_SESSIONS = text(
    "SELECT p.id, count(s.id) AS many FROM passes p JOIN sessions s ON s.pass_id = p.id "
    "WHERE s.phase <> 'PENDING' GROUP BY p.id HAVING count(s.id) > 1"
)


@frozen(kw_only=True)
class Plan:
    """How many exchanges, how many guests at once, over how many servers."""

    exchanges: int = 20_000
    at_once: int = 400
    nodes: int = 2
    stay: float = 4.0
    """Seconds a guest stays at least: longer than a datagram is under way."""
    weather: Weather = field(factory=Weather)


@define(eq=False)
class _Replies:
    """Every datagram that came back, by the request and the server it is from."""

    first: dict[tuple[bytes, Address], tuple[bytes, float]] = field(factory=dict)
    came: int = 0
    again: int = 0
    others: list[str] = field(factory=list)
    of_requests: "defaultdict[bytes, set[bytes]]" = field(factory=lambda: defaultdict(set))

    def heard(self, data: bytes, sender: Address, request: bytes | None) -> None:
        if request is None or not _is_reply(data, request):
            return
        self.came += 1
        self.of_requests[request].add(data)
        key = (request, sender)
        known, at = self.first.setdefault(key, (data, time.monotonic()))
        if known is not data:
            self.again += 1
            if known != data and time.monotonic() - at < _KEPT:
                self.others.append(f"request {request[1]} of code {request[0]}: {known.hex()}, then {data.hex()}")


def _is_reply(data: bytes, request: bytes) -> bool:
    """Whether it is one to this very request: an Identifier is used again and again."""
    try:
        return is_reply_to(decode(data), request, KEY)
    except WireError:
        return False


@define(eq=False)
class _Crowd:
    """Guests who come, use the net and go, each over a network like this."""

    town: Town
    auth: list[Address]
    acct: list[Address]
    routers: list[Router]
    random: Random
    stay: float
    exchanges: int = 0
    given_up: int = 0
    refused: int = 0
    entries: list[dict[str, Any]] = field(factory=list)

    async def evening(self, guest: int) -> None:
        """All exchanges of one guest."""
        line = line_of(self.town, guest)
        self._write("asked", "login", line=line.acct_session_id)
        accept = await self._exchange(self.town.router_of(guest), login(self.town, guest, line), self.auth)
        if accept is None:
            return
        if accept.code != Code.ACCESS_ACCEPT:
            self.refused += 1
            return
        self._write("told", "login", line=line.acct_session_id)
        await self._use(guest, evolve(line, class_=read_grant(accept).class_))

    async def _use(self, guest: int, line: Line) -> None:
        began, up, down = time.time(), 0, 0
        for status in (AcctStatusType.START, INTERIM, INTERIM, AcctStatusType.STOP):
            if status is AcctStatusType.STOP:
                await asyncio.sleep(max(0.0, began + self.stay - time.time()))
            if status is not AcctStatusType.START:
                up, down = up + self.random.randrange(1, 10**6), down + self.random.randrange(1, 10**7)
            counted = Counters(octets_in=up, octets_out=down, seconds=int(time.time() - began))
            fields = written(line, status, counted)
            self._write("asked", "report", **fields)
            make = report(self.town, guest, line, status, counted)
            if await self._exchange(self.town.router_of(guest), make, self.acct) is None:
                return
            self._write("told", "report", **fields)

    def _write(self, which: str, kind: str, **fields: Any) -> None:
        self.entries.append({"which": which, "kind": kind, **fields})

    async def _exchange(self, router: int, make: Make, servers: list[Address]) -> Packet | None:
        self.exchanges += 1
        # Half of all requests begin at another node than the rest.
        turned = servers if self.random.random() < 0.5 else servers[::-1]
        reply = await self.routers[router].ask(make, turned, [_PAUSE] * _TRIES)
        self.given_up += reply is None
        return reply


async def run(stage: Stage, plan: Plan) -> Report:
    """Every guest's evening, and then what is in the store."""
    guests = plan.exchanges // _OF_A_GUEST
    random = Random(stage.seed)  # noqa: S311 - the same losses again
    with stage.town(guests) as (town, url, folder), ExitStack() as stack:
        nodes = [stack.enter_context(each) for each in several(folder, url, plan.nodes, switches=stage.switches)]
        await start(nodes)
        proxies = [
            [Proxy(("127.0.0.1", port), plan.weather, random) for port in (node.auth, node.acct)] for node in nodes
        ]
        for auth, acct in proxies:
            await auth.open()
            await acct.open()
        replies = _Replies()
        routers = []
        for number in range(town.router_of(guests - 1) + 1):
            router = await Router(town.address_of(number)).open()
            router.heard = replies.heard  # type: ignore[method-assign]
            routers.append(router)
        crowd = _Crowd(
            town,
            [each.address for each, _ in proxies],
            [each.address for _, each in proxies],
            routers,
            random,
            plan.stay,
        )
        await _come(crowd, guests, plan.at_once, stage)
        await asyncio.sleep(plan.weather.latest + 0.5)
        await drained(folder)
        everything: list[Router | Proxy] = [*routers, *(one for pair in proxies for one in pair)]
        for open_one in everything:
            open_one.close()
        for node in nodes:
            await node.stop()
        return _judged(url, crowd, replies, [one.counts for pair in proxies for one in pair], plan)


async def _come(crowd: _Crowd, guests: int, at_once: int, stage: Stage) -> None:
    waiting = iter(range(guests))
    done = 0

    async def some() -> None:
        nonlocal done
        for guest in waiting:
            await crowd.evening(guest)
            done += 1
            stage.progress(done, guests)

    await asyncio.gather(*(some() for _ in range(at_once)))


def _judged(url: str, crowd: _Crowd, replies: _Replies, counts: list[dict[str, int]], plan: Plan) -> Report:
    database = Database(url)
    with database.reading() as connection:
        stored = comparing.read(connection)
        twice = connection.execute(_SESSIONS).all()
    database.close()
    found = comparing.compare(ledger.replay(crowd.entries), stored)
    came, lost = (sum(each[what] for each in counts) for what in ("came", "lost"))
    between = sum(len(each) > 1 for each in replies.of_requests.values())
    return Report(
        figures=[
            at_least("exchanges", crowd.exchanges, plan.exchanges * 0.99),
            Figure(name="lost on the way", value=round(100 * lost / max(1, came), 1), unit="%"),
            at_most("exchanges given up", crowd.given_up, 0),
            at_most("guests refused", crowd.refused, 0),
            at_most("passes with more than one session", len(twice), 0),
            at_most("lines lost, doubled or charged wrong", len(found) - len(stored.violations), 0),
            at_most("invariants broken", len(stored.violations), 0),
            Figure(name="answers given again", value=replies.again),
            at_most("given again in other octets", len(replies.others), 0),
            Figure(name="requests two nodes answered otherwise", value=between),
        ],
        complaints=[*(f"{each.kind}: {each.text}" for each in found), *replies.others],
    )
