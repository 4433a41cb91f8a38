"""R4: Redis hangs, is killed, and is emptied: everything stays right, and hardly anything becomes slower."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random

from attrs import define, field, frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.pc_town import PC_USER
from radiusd.faults import comparing, ledger, towns
from radiusd.faults.asking import line_of, login
from radiusd.faults.clients import Router
from radiusd.faults.comparing import event_name
from radiusd.faults.crowd import Crowd, Tally, all_of
from radiusd.faults.nodes import Node, drained, several, start
from radiusd.faults.own_redis import OwnRedis
from radiusd.faults.posting import Poster
from radiusd.faults.stage import Stage
from radiusd.faults.towns import MONEY, Town
from radiusd.faults.verdicts import Figure, Report, at_most
from radiusd.store.database import Database
from radiusd.virtual_router.packets import Line

HUNG, KILLED, EMPTIED = "hung", "killed", "emptied"
_SLOWER = 20.0
_DEVICES = 8
"""More than a pass has places, all at the same moment over all nodes."""
_GUESTS = 2500
"""More than come one by one: those who race are at a router of their own, which seems to start anew with each race."""


@frozen(kw_only=True)
class Plan:
    """Seconds in peace and in each trouble; tokens, each verified so many times at once; events, each told so often."""

    troubles: Sequence[str] = (HUNG, KILLED, EMPTIED)
    rounds: int = 1
    seconds: float = 5
    logins: float = 100
    tokens: int = 20
    at_once: int = 20
    events: int = 10


@define(eq=False)
class _Scene:
    town: Town
    crowd: Crowd
    nodes: Sequence[Node]
    posters: list[Poster]
    successes: Counter[int] = field(factory=Counter)
    _guest: int = 0
    _pc: int = 0

    async def races(self, plan: Plan) -> None:
        """Tokens verified, events told and devices let in, each many times at the same moment over all nodes."""
        for _ in range(plan.tokens):
            await self._race_for_a_token(plan.at_once)
        for _ in range(plan.events):
            await self._tell_everybody()
        await self._crowd_on_a_pass()

    async def _race_for_a_token(self, at_once: int) -> None:
        self._pc += 1
        poster = self.posters[self._pc % len(self.posters)]
        token = _data(await poster.ask(self.town.start(f"PC-{self._pc}")))["session_token"]
        ott = _data(await poster.ask(self.town.wish(token, self._pc)))["ott"]
        self._write("asked", "verify")
        request = self.town.verify(ott, self._pc)
        told = await asyncio.gather(
            *(self.posters[number % len(self.posters)].ask(request) for number in range(at_once))
        )
        valid = [data for each in told if each[0] == 200 and (data := _data(each))["is_valid"]]
        self.successes[len(valid)] += 1
        for each in valid:
            self._write("told", "verify", session=each["game_session_id"])

    async def _tell_everybody(self) -> None:
        if not self.crowd.online:
            return
        device = self.crowd.online.pop()
        at = int(time.time() * 1000) // 2 * 2 + 1
        name = event_name("USER_LOGOUT", PC_USER % device.guest, at)
        self._write("asked", "event", name=name)
        request = self.town.branch.event(device.guest, at / 1000 + 0.0001)
        for status, body in await asyncio.gather(*(each.ask(request) for each in self.posters * 4)):
            if status == 200:
                self._write("told", "event", name=name, ended=json.loads(body)["sessions_terminated"])

    async def _crowd_on_a_pass(self) -> None:
        """Devices of one guest, at all nodes."""
        self._guest += 1
        guest = self.town.guests - self._guest
        router: Router = self.crowd.routers[self.town.router_of(guest)]
        servers = [("127.0.0.1", each.auth) for each in self.nodes]

        async def let_in(line: Line, number: int) -> None:
            self._write("asked", "login", line=line.acct_session_id)
            await router.ask(login(self.town, guest, line), [servers[number % len(servers)]], [1.0] * 4)

        await asyncio.gather(*(let_in(_device(self.town, guest, each), each) for each in range(_DEVICES)))

    def _write(self, which: str, kind: str, **fields: object) -> None:
        self.crowd.entries.append({"which": which, "kind": kind, **fields})


def _device(town: Town, guest: int, number: int) -> Line:
    line = line_of(town, guest, stretch=number + 1)
    mac = f"{line.mac[:-5]}{number:02X}{line.mac[-3:]}"
    return Line(number=line.number, user_name=line.user_name, mac=mac, address=line.address)


def _data(answer: tuple[int, bytes]) -> dict[str, str]:
    status, body = answer
    if status != 200:
        raise BenchError(f"a launcher or a game was answered {status}: {body.decode(errors='replace')[:200]}")
    found: dict[str, str] = json.loads(body)["data"]
    return found


async def run(stage: Stage, plan: Plan) -> Report:
    """In peace, and in each trouble."""
    with stage.town(_GUESTS) as (town, url, folder), ExitStack() as stack:
        redis = stack.enter_context(OwnRedis(folder / "redis"))
        more = f'[redis]\nurl = "{redis.url}"\n'
        nodes = [stack.enter_context(each) for each in several(folder, url, 2, more=more, switches=stage.switches)]
        await start(nodes)
        addresses = [(("127.0.0.1", each.auth), ("127.0.0.1", each.acct)) for each in nodes]
        crowd = Crowd(town, addresses, Random(stage.seed))  # noqa: S311 - nothing secret
        await crowd.open()
        scene = _Scene(town, crowd, nodes, [Poster(each.web) for each in nodes])
        try:
            _put_on(url, town, crowd)
            await crowd.come(200)
            figures = await _troubles(stage, plan, scene, redis)
            await crowd.settle(20)
            await drained(folder)
        finally:
            await crowd.close()
            await asyncio.gather(*(each.close() for each in scene.posters))
            redis.go_on()
        await asyncio.gather(*(each.stop() for each in nodes))
        return _judged(url, scene, figures)


def _put_on(url: str, town: Town, crowd: Crowd) -> None:
    database = Database(url)
    towns.put_on(database, town, MONEY, "first")
    database.close()
    crowd.entries += [{"which": which, "kind": "top-up", "amount": MONEY} for which in ("asked", "told")]


async def _troubles(stage: Stage, plan: Plan, scene: _Scene, redis: OwnRedis) -> list[Figure]:
    figures: list[Figure] = []
    before = (await _asked_for(plan, scene)).percentile(0.99)
    for number in range(plan.rounds):
        for trouble in plan.troubles:
            with _in(trouble, redis):
                then = await _asked_for(plan, scene)
                await scene.races(plan)
            after = (await _asked_for(plan, scene)).percentile(0.99)
            # Just before and just after: what else goes on at a machine changes from one minute to the next.
            in_peace, before = max(before, after), after
            figures += [
                Figure(name=f"{trouble}: p99 of logins before and after", value=in_peace, unit="ms"),
                at_most(f"{trouble}: p99 of logins", then.percentile(0.99), round(in_peace + _SLOWER, 1), "ms"),
                at_most(f"{trouble}: logins without an answer", then.asked - then.answered, 0),
            ]
        stage.progress(number + 1, plan.rounds)
    return figures


async def _asked_for(plan: Plan, scene: _Scene) -> Tally:
    scene.crowd.begin_counting()
    going_on = asyncio.create_task(scene.crowd.go_on(plan.logins / 2, plan.logins / 2, 50))
    await asyncio.sleep(plan.seconds)
    going_on.cancel()
    await scene.crowd.settle(5)
    return all_of((scene.crowd.logins, scene.crowd.first_logins))


@contextmanager
def _in(trouble: str, redis: OwnRedis) -> Iterator[None]:
    if trouble == HUNG:
        redis.hang()
    elif trouble == KILLED:
        redis.kill()
    else:
        redis.empty()
    try:
        yield
    finally:
        if trouble == HUNG:
            redis.go_on()
        elif trouble == KILLED:
            redis.start()


def _judged(url: str, scene: _Scene, figures: list[Figure]) -> Report:
    database = Database(url)
    with database.reading() as connection:
        stored = comparing.read(connection)
    database.close()
    found = comparing.compare(ledger.replay(scene.crowd.entries), stored)
    wrong = sum(many for successes, many in scene.successes.items() if successes != 1)
    return Report(
        figures=[
            *figures,
            Figure(name="tokens raced for", value=scene.successes.total()),
            at_most("tokens without exactly one success", wrong, 0),
            at_most("lost, doubled or wrong", len(found) - len(stored.violations), 0),
            at_most("invariants broken", len(stored.violations), 0),
        ],
        complaints=[f"{each.kind}: {each.text}" for each in found],
    )
