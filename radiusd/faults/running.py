"""Runs faults and their controls, one after the other but for what may be beside another, each within its limit."""

import asyncio
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from attrs import frozen

from radiusd.bench.errors import BenchError
from radiusd.faults.catalogue import Fault, Run
from radiusd.faults.places import Places
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report, Verdict

_A_NIGHT = 60


class Shows(Protocol):
    """Who is told how far it is."""

    def expect(self, runs: int) -> None: ...
    def doing(self, what: str) -> None: ...
    def one_done(self) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...
    def say(self, text: str) -> None: ...


@frozen(kw_only=True)
class Wish:
    """What to run."""

    faults: Sequence[Fault]
    stores: Sequence[str]
    at_night: bool = False
    controls: bool = True
    seed: int = 1


@frozen(kw_only=True)
class _Task:
    fault: Fault
    store: str
    run: Run
    switch: str | None
    limit: float

    @property
    def name(self) -> str:
        what = "" if self.switch is None else f", control: {self.switch}"
        return f"{self.fault.id} on {self.store}{what}"


def _tasks(wish: Wish) -> Iterator[_Task]:
    for fault in wish.faults:
        run = fault.at_night if wish.at_night else fault.in_lane
        limit = fault.limit * (_A_NIGHT if wish.at_night else 1)
        for store in fault.stores:
            if store in wish.stores:
                yield _Task(fault=fault, store=store, run=run, switch=None, limit=limit)
        if wish.controls and fault.control_store in wish.stores:
            yield _Task(
                fault=fault, store=fault.control_store, run=fault.as_control, switch=fault.control, limit=fault.limit
            )


def run_all(wish: Wish, places: Places, shows: Shows) -> list[Verdict]:
    """A verdict for each run."""
    tasks = list(_tasks(wish))
    shows.expect(len(tasks))
    hosts = {each.fault.id for each in tasks}
    found: dict[str, Verdict] = {}
    for host in dict.fromkeys(_host(each, hosts) for each in tasks):
        at_once = [each for each in tasks if _host(each, hosts) == host]
        asyncio.run(_together(at_once, wish, places, shows, found))
    return [found[each.name] for each in tasks]


def _host(task: _Task, hosts: Collection[str]) -> str:
    """The fault during which a task runs: its own, or that beside which it may, if that is wanted too."""
    beside = task.fault.beside
    return beside if beside is not None and beside in hosts else task.fault.id


async def _together(
    tasks: Sequence[_Task], wish: Wish, places: Places, shows: Shows, found: dict[str, Verdict]
) -> None:
    """Those of one fault one after the other, and beside them those of another."""

    async def in_turn(fault: str) -> None:
        for task in [each for each in tasks if each.fault.id == fault]:
            shows.doing(task.name)
            verdict = found[task.name] = await _run(task, wish, places, shows)
            shows.say(f"{task.name}: {verdict.word}, {verdict.seconds:.0f} s")
            shows.one_done()

    running = asyncio.current_task()
    assert running is not None  # noqa: S101 - we run
    for each in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, running.cancel)
    async with asyncio.TaskGroup() as group:
        for fault in dict.fromkeys(each.fault.id for each in tasks):
            group.create_task(in_turn(fault))


async def _run(task: _Task, wish: Wish, places: Places, shows: Shows) -> Verdict:
    began = time.monotonic()
    stage = Stage(
        places=places,
        store=task.store,
        seed=wish.seed,
        switches=() if task.switch is None else (task.switch,),
        progress=lambda done, total: shows.step(task.name, done, total),
    )
    report, trouble = Report(), None
    try:
        async with asyncio.timeout(task.limit):
            report = await task.run(stage)
    except (BenchError, TimeoutError) as error:
        trouble = str(error) or f"it did not end within {task.limit:.0f} s"
    return Verdict(
        fault=task.fault.id,
        title=task.fault.title,
        store=task.store,
        switch=task.switch,
        proof=None if task.switch is None else task.fault.proof,
        seconds=time.monotonic() - began,
        report=report,
        trouble=trouble,
    )
