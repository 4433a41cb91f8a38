"""Who works, who is about to, who is leaving: what the parent does about its workers, without processes or a clock.

The parent tells what happened, and calls `tick` at `next_at`; the crew starts and ends workers by what it is given.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import define, frozen
from twisted.logger import Logger

from radiusd.config import Config

_log = Logger()

TOO_SOON = 10.0
"""Seconds; whoever dies sooner, and not for the first time, is followed after a pause, and the pauses double."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
STARTS_WITHIN = 60.0
ENDS_WITHIN = 15.0


@frozen
class Plan:
    """What workers are to work by: settings, and the text they were read from."""

    settings: Config
    text: str

    @property
    def workers(self) -> int:
        """How many."""
        return self.settings.workers


class Process(Protocol):
    """A worker that was started."""

    @property
    def pid(self) -> int: ...

    def end(self) -> None:
        """Have it take nothing more, answer what it took, and go."""

    def kill(self) -> None:
        """Have it be gone at once."""


@define(eq=False)
class _Worker:
    number: int
    process: Process
    started_at: float
    kill_at: float | None
    is_ready: bool = False


@define
class _Renewal:
    plan: Plan
    left: deque[int]
    has_proven: bool = False


class Crew:
    """The workers of one parent: `start` makes one; `settled` hears when all of them work by the same plan."""

    def __init__(self, start: Callable[[Plan, int], Process], settled: Callable[[Plan], None]) -> None:
        self._start_process = start
        self._settled = settled
        self._plan: Plan | None = None
        self._serving: dict[int, _Worker] = {}
        self._coming: _Worker | None = None
        self._leaving: list[_Worker] = []
        self._renewal: _Renewal | None = None
        self._starts: dict[int, float] = {}
        self._pauses: dict[int, float] = {}
        self._spread_over = 0
        self._has_begun = False
        self._is_ending = False
        self._status = 0

    # What it is told

    def begin(self, plan: Plan, at: float) -> None:
        """Start all workers at once; if one of them cannot, that is the end."""
        self._plan = plan
        for number in range(plan.workers):
            self._serving[number] = self._start(plan, number, at)

    def renew(self, plan: Plan, at: float) -> None:
        """Replace every worker, one after the other: the old one leaves when the new one is ready.

        If the very first with this plan cannot start, nothing changes. Not to be called while `is_busy`.
        """
        self._renewal = _Renewal(plan, deque(range(plan.workers)))
        self._start_due(0, at)

    def ready(self, process: Process, at: float) -> None:
        """This one works."""
        worker = self._worker_of(process)
        worker.is_ready, worker.kill_at = True, None
        _log.info("worker {number} is at work (process {pid})", number=worker.number, pid=process.pid)
        if self._is_ending:
            return
        if worker is self._coming:
            self._take_over(worker, at)
        elif not self._has_begun and all(each.is_ready for each in self._serving.values()):
            self._has_begun = True
            self._settle(self._in_force)

    def gone(self, process: Process, how: str, status: int, at: float) -> None:
        """This one is no more; `how` it went, as in "was killed by SIGKILL", and its exit status."""
        worker = self._worker_of(process)
        if worker in self._leaving:
            self._leaving.remove(worker)
            if not self._leaving and not self._is_ending:
                self._go_on(at)
        elif not self._has_begun:
            del self._serving[worker.number]
            self._give_up(status)
        elif worker is self._coming:
            self._coming = None
            self._lost_coming(worker, how, at)
        else:
            del self._serving[worker.number]
            self._lost(worker, how, at)

    def end(self, at: float) -> None:
        """Have all leave; asked again, at once."""
        if self._is_ending:
            for worker in self._leaving:
                worker.process.kill()
            return
        self._is_ending = True
        self._starts.clear()
        for worker in [*self._serving.values(), *([self._coming] if self._coming else [])]:
            self._end(worker, at)
        self._serving.clear()
        self._coming = None

    def tick(self, at: float) -> None:
        """Do what is due."""
        for worker in self._all():
            if worker.kill_at is not None and worker.kill_at <= at:
                _log.error(
                    "worker {number} takes too long (process {pid})", number=worker.number, pid=worker.process.pid
                )
                worker.kill_at = None
                worker.process.kill()
        for number in [number for number, due_at in self._starts.items() if due_at <= at]:
            self._start_due(number, at)

    # What it can be asked

    @property
    def next_at(self) -> float | None:
        """When something will be due; None if nothing will."""
        kills = (each.kill_at for each in self._all() if each.kill_at is not None)
        return min((*kills, *self._starts.values()), default=None)

    @property
    def is_busy(self) -> bool:
        """Whether workers are coming or leaving, so that it is not the time to renew them."""
        return not self._has_begun or self._is_ending or self._renewal is not None or bool(self._leaving)

    @property
    def absent(self) -> frozenset[int]:
        """Those who are dead, and whose followers are not ready, of all over whom routers are spread."""
        at_work = {number for number, each in self._serving.items() if each.is_ready}
        return frozenset(range(self._spread_over)) - at_work

    @property
    def status(self) -> int | None:
        """The parent's exit status; None while there is anything to do."""
        return self._status if self._is_ending and not any(self._all()) else None

    # What it does

    @property
    def _in_force(self) -> Plan:
        assert self._plan is not None, "begin() comes first"  # noqa: S101
        return self._plan

    def _all(self) -> Iterator[_Worker]:
        yield from [*self._serving.values(), *([self._coming] if self._coming else []), *self._leaving]

    def _worker_of(self, process: Process) -> _Worker:
        return next(each for each in self._all() if each.process is process)

    def _start(self, plan: Plan, number: int, at: float) -> _Worker:
        return _Worker(number, self._start_process(plan, number), at, at + STARTS_WITHIN)

    def _start_due(self, number: int, at: float) -> None:
        self._starts.pop(number, None)
        if self._renewal is not None and self._renewal.left[0] == number:
            self._coming = self._start(self._renewal.plan, number, at)
        elif number < self._in_force.workers:
            self._serving[number] = self._start(self._in_force, number, at)

    def _settle(self, plan: Plan) -> None:
        self._spread_over = plan.workers
        self._settled(plan)

    def _end(self, worker: _Worker, at: float) -> None:
        worker.kill_at = at + ENDS_WITHIN
        worker.process.end()
        self._leaving.append(worker)

    def _take_over(self, worker: _Worker, at: float) -> None:
        assert self._renewal is not None  # noqa: S101
        self._renewal.has_proven = True
        self._plan = self._renewal.plan
        old = self._serving.pop(worker.number, None)
        self._serving[worker.number], self._coming = worker, None
        if old is None:
            self._go_on(at)
        else:
            self._end(old, at)

    def _go_on(self, at: float) -> None:
        """Replace the next one, now that the last old one is gone."""
        renewal = self._renewal
        if renewal is None:
            return
        renewal.left.popleft()
        if renewal.left:
            self._start_due(renewal.left[0], at)
            return
        self._renewal = None
        self._settle(renewal.plan)
        for number in [each for each in {*self._serving, *self._starts} if each >= renewal.plan.workers]:
            self._starts.pop(number, None)
            if number in self._serving:
                self._end(self._serving.pop(number), at)
        _log.info("all workers are new, {count} of them", count=renewal.plan.workers)

    def _give_up(self, status: int) -> None:
        if not self._is_ending:
            self._is_ending = True
            self._status = status or 1
        self._leaving += self._serving.values()
        self._serving.clear()
        for each in self._leaving:
            each.process.kill()

    def _lost_coming(self, worker: _Worker, how: str, at: float) -> None:
        assert self._renewal is not None  # noqa: S101
        if self._renewal.has_proven:
            self._follow(worker, how, at)
            return
        _log.error("the first worker with the new configuration {how}: nothing is changed", how=how)
        self._renewal = None
        self._settle(self._in_force)
        if worker.number not in self._serving:
            self._starts[worker.number] = at

    def _lost(self, worker: _Worker, how: str, at: float) -> None:
        if self._coming is not None and self._coming.number == worker.number:
            _log.error("worker {number} {how}; its successor is coming", number=worker.number, how=how)
        elif worker.number >= self._in_force.workers:
            _log.error("worker {number} {how}; it was to go, and nobody follows", number=worker.number, how=how)
        else:
            self._follow(worker, how, at)

    def _follow(self, worker: _Worker, how: str, at: float) -> None:
        """Another is to take the place of one that died, soon."""
        lived_long = worker.is_ready and at - worker.started_at >= TOO_SOON
        before = self._pauses.get(worker.number)
        pause = 0.0 if lived_long or before is None else min(LONGEST_PAUSE, 2 * before or FIRST_PAUSE)
        self._pauses[worker.number] = pause
        self._starts[worker.number] = at + pause
        _log.error(
            "worker {number} {how} (process {pid}); another follows {when}",
            number=worker.number,
            how=how,
            pid=worker.process.pid,
            when=f"in {pause:g} s" if pause else "at once",
        )
