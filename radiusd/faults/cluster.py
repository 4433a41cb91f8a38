"""R5: three nodes on one PostgreSQL; one is killed every now and then, and then all are restarted one by one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from random import Random

from attrs import frozen

from radiusd.faults import comparing, ledger
from radiusd.faults.crowd import Crowd, Tally, all_of
from radiusd.faults.nodes import Node, drained, several, start
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Figure, Report, at_least, at_most
from radiusd.store.database import Database

_AIM = 99.95


@frozen(kw_only=True)
class Plan:
    """`kills`, one every `every` seconds; a node is away for `away` seconds. Rates are requests a second."""

    nodes: int = 3
    kills: int = 6
    every: float = 20
    away: float = 3
    guests: int = 3000
    logins: float = 60
    first_logins: float = 15
    reports: float = 75
    rolls: bool = True


async def run(stage: Stage, plan: Plan) -> Report:
    """Kill, restart, and compare."""
    with stage.town(plan.guests) as (town, url, folder), ExitStack() as stack:
        nodes = [stack.enter_context(each) for each in several(folder, url, plan.nodes, switches=stage.switches)]
        await start(nodes)
        addresses = [(("127.0.0.1", each.auth), ("127.0.0.1", each.acct)) for each in nodes]
        crowd = Crowd(town, addresses, Random(stage.seed))  # noqa: S311 - nothing secret
        await crowd.open()
        try:
            await crowd.come(200)
            killed = await _kills(stage, plan, nodes, crowd)
            rolled = await _rolling(plan, nodes, crowd) if plan.rolls else Tally()
            is_settled = await crowd.settle(30)
            await drained(folder)
        finally:
            await crowd.close()
        await asyncio.gather(*(each.stop() for each in nodes))
        return _judged(url, crowd, killed, rolled, plan, is_settled=is_settled)


@asynccontextmanager
async def _busy(crowd: Crowd, plan: Plan) -> AsyncIterator[None]:
    """Within, requests come; at the end those under way have been answered, or given up."""
    crowd.begin_counting()
    going_on = asyncio.create_task(crowd.go_on(plan.logins, plan.first_logins, plan.reports))
    try:
        yield
    finally:
        going_on.cancel()
        await crowd.settle(20)


async def _kills(stage: Stage, plan: Plan, nodes: Sequence[Node], crowd: Crowd) -> Tally:
    async with _busy(crowd, plan):
        for number in range(plan.kills):
            node = nodes[number % len(nodes)]
            await asyncio.sleep(plan.every - plan.away - 1)
            node.kill()
            await asyncio.sleep(plan.away)
            node.launch()
            await node.is_up()
            stage.progress(number + 1, plan.kills)
    return all_of((crowd.logins, crowd.first_logins))


async def _rolling(plan: Plan, nodes: Sequence[Node], crowd: Crowd) -> Tally:
    async with _busy(crowd, plan):
        for node in nodes:
            await asyncio.sleep(1)
            await node.stop()
            node.launch()
            await node.is_up()
        await asyncio.sleep(1)
    return all_of((crowd.logins, crowd.first_logins))


def _judged(url: str, crowd: Crowd, killed: Tally, rolled: Tally, plan: Plan, *, is_settled: bool) -> Report:
    database = Database(url)
    with database.reading() as connection:
        stored = comparing.read(connection)
    database.close()
    found = comparing.compare(ledger.replay(crowd.entries), stored)
    figures = [
        Figure(name="logins while nodes were killed", value=killed.asked),
        at_least("let in within the router's own tries", round(killed.percent, 3), _AIM, "%"),
        Figure(name="p99 of them", value=killed.percentile(0.99), unit="ms"),
    ]
    if plan.rolls:
        figures += [
            Figure(name="logins during a rolling restart", value=rolled.asked),
            at_least("let in during a rolling restart", round(rolled.percent, 3), 100, "%"),
        ]
    return Report(
        figures=[
            *figures,
            at_most("lost, doubled or wrong", len(found) - len(stored.violations), 0),
            at_most("invariants broken", len(stored.violations), 0),
            at_most("unanswered at the end", 0 if is_settled else 1, 0),
        ],
        complaints=[f"{each.kind}: {each.text}" for each in found],
    )
