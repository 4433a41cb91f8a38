"""The server looks at the store again and again: for what others changed, for what is due, for whose time is up."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from policy.errors import InvalidPackage
from policy.quantities import Instant
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import TakeUpJob
from radiusd.jobs.pruning import PruneJob
from radiusd.jobs.ticks import TickJob
from radiusd.server.nases import Nases
from radiusd.store.absence import StoreIsAway
from radiusd.store.directory import Directory
from radiusd.store.outbox import Seen
from radiusd.store.writer import Failed, Job
from radiusd.watching import EVERY, Watch
from tests.server.given import NOON

NOTHING = Seen(revision=7, directory=None, due=(), waking=())
EMPTY = Directory({}, {})


class Orders:
    """Stands for those who cut and change."""

    def __init__(self) -> None:
        self.busy: set[int] = set()
        self.carried_out: list[Any] = []

    def is_busy_with(self, command_id: int) -> bool:
        return command_id in self.busy

    def carry_out(self, commands: Any) -> None:
        self.carried_out.append(commands)


class Watched:
    """A watch over a store that shows what a test says; jobs wait until the test answers them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.seen: Seen | Exception = NOTHING
        self.looks: list[int] = []
        self.slow: Deferred[Seen] | None = None
        self.orders = Orders()
        self.known = Known(EMPTY, Nases())
        self.jobs: list[tuple[Job, Callable[[Any], None]]] = []
        self.watch = Watch(self._look, 7, self.known, self.orders, self._submit, self._now)  # type: ignore[arg-type]
        self.watch.start(self.clock)
        self.forget_pruning()

    def _now(self) -> Instant:
        return Instant(NOON + int(self.clock.seconds() * 1000))

    def _look(self, revision: int, at: Instant) -> "Deferred[Seen]":
        self.looks.append(revision)
        if self.slow is not None:
            return self.slow
        if isinstance(self.seen, Exception):
            failed: Deferred[Seen] = Deferred()
            failed.errback(self.seen)
            return failed
        return succeed(self.seen)

    def _submit(self, job: Job, done: Callable[[Any], None]) -> None:
        self.jobs.append((job, done))

    def forget_pruning(self) -> None:
        """The first look always prunes."""
        for job, done in self.jobs:
            if isinstance(job, PruneJob):
                done(False)
        self.jobs = [each for each in self.jobs if not isinstance(each[0], PruneJob)]

    def look(self, seconds: float = EVERY) -> None:
        self.clock.advance(seconds)

    def submitted(self, kind: type[Job]) -> list[Any]:
        return [job for job, _ in self.jobs if isinstance(job, kind)]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_it_looks_at_once_and_then_again_and_again(watched: Watched) -> None:
    assert len(watched.looks) == 1
    watched.clock.pump([EVERY] * 5)
    assert len(watched.looks) == 1 + 5


def test_it_does_not_look_again_before_it_has_seen(watched: Watched) -> None:
    watched.slow = Deferred()
    watched.look()
    watched.clock.pump([EVERY] * 5)
    assert len(watched.looks) == 2
    slow, watched.slow = watched.slow, None
    slow.callback(NOTHING)
    watched.look()
    assert len(watched.looks) == 3


def test_when_it_stops_it_looks_no_more(watched: Watched) -> None:
    watched.watch.stop()
    watched.clock.pump([EVERY] * 5)
    assert len(watched.looks) == 1


def test_asked_to_look_it_does_not_wait_for_the_next_time(watched: Watched) -> None:
    watched.watch.look_now()
    assert len(watched.looks) == 2
    watched.look()
    assert len(watched.looks) == 3


def test_asked_a_thousand_times_during_a_look_it_looks_once_more_after_it(watched: Watched) -> None:
    watched.slow = slow = Deferred()
    watched.watch.look_now()
    for _ in range(1000):
        watched.watch.look_now()
    watched.clock.pump([EVERY] * 5)
    assert len(watched.looks) == 2
    watched.slow = again = Deferred()
    slow.callback(evolve(NOTHING, revision=8))
    assert watched.looks[2:] == [8]
    watched.slow = None
    again.callback(NOTHING)
    assert len(watched.looks) == 3
    watched.look()
    assert len(watched.looks) == 4


def test_asked_during_a_look_that_fails_it_looks_once_more_all_the_same(watched: Watched) -> None:
    watched.slow = slow = Deferred()
    watched.look()
    watched.watch.look_now()
    watched.slow = None
    slow.errback(OSError("gone"))
    assert len(watched.looks) == 3


def test_asked_when_it_has_stopped_it_does_not_look(watched: Watched) -> None:
    watched.slow = slow = Deferred()
    watched.watch.look_now()
    watched.watch.look_now()
    watched.watch.stop()
    slow.callback(NOTHING)
    watched.watch.look_now()
    assert len(watched.looks) == 2


def test_what_others_changed_is_known_within_half_a_second_and_from_then_on(watched: Watched) -> None:
    changed = Directory({}, {})
    watched.seen = evolve(NOTHING, revision=8, directory=changed)
    watched.look(0.5)
    assert watched.known.directory is changed
    watched.seen = NOTHING
    watched.look()
    assert watched.looks[-2:] == [7, 8]
    assert watched.known.directory is changed


# Cuts and changes


def test_what_is_due_is_taken_up_and_carried_out(watched: Watched) -> None:
    watched.seen = evolve(NOTHING, due=(1, 2))
    watched.look()
    ((job, done),) = watched.jobs
    assert job == TakeUpJob((1, 2), watched._now())
    assert watched.orders.carried_out == []
    done(("the commands",))
    assert watched.orders.carried_out == [("the commands",)]


def test_nothing_more_is_taken_up_before_the_first_is(watched: Watched) -> None:
    watched.seen = evolve(NOTHING, due=(1,))
    watched.look()
    watched.look()
    assert len(watched.submitted(TakeUpJob)) == 1
    watched.jobs[0][1](())
    watched.look()
    assert len(watched.submitted(TakeUpJob)) == 2


def test_what_is_being_carried_out_is_left_alone(watched: Watched) -> None:
    watched.orders.busy = {1, 2}
    watched.seen = evolve(NOTHING, due=(1, 2))
    watched.look()
    assert watched.jobs == []
    watched.orders.busy = {1}
    watched.look()
    assert [each.ids for each in watched.submitted(TakeUpJob)] == [(2,)]


def test_what_could_not_be_taken_up_is_tried_again(watched: Watched) -> None:
    watched.seen = evolve(NOTHING, due=(1,))
    watched.look()
    watched.jobs[0][1](Failed(OSError("no space left on device")))
    assert watched.orders.carried_out == []
    watched.look()
    assert len(watched.submitted(TakeUpJob)) == 2


# Time


@pytest.mark.parametrize("result", [None, Failed(StoreIsAway("no space left on device"))])
def test_whose_time_is_up_is_ended_one_batch_after_another(watched: Watched, result: object) -> None:
    watched.seen = evolve(NOTHING, waking=(5, 6))
    watched.look()
    watched.look()
    assert [each.pass_ids for each in watched.submitted(TickJob)] == [(5, 6)]
    watched.jobs[0][1](result)
    watched.look()
    assert len(watched.submitted(TickJob)) == 2


def test_a_pass_that_cannot_be_decided_keeps_no_other_from_its_end(watched: Watched) -> None:
    watched.seen = evolve(NOTHING, waking=(5, 6))
    watched.look()
    watched.jobs.pop()[1](Failed(InvalidPackage("speeds start at 1k")))
    assert [each.pass_ids for each in watched.submitted(TickJob)] == [(5,), (6,)]
    watched.jobs.pop(0)[1](Failed(InvalidPackage("speeds start at 1k")))
    watched.jobs.pop(0)[1](None)
    watched.look()
    assert [each.pass_ids for each in watched.submitted(TickJob)] == [(6,)]
    watched.jobs.pop()[1](None)
    watched.look(5)
    assert [each.pass_ids for each in watched.submitted(TickJob)] == [(5, 6)]


def test_old_decisions_are_forgotten_every_ten_minutes(watched: Watched) -> None:
    watched.look(599)
    assert watched.submitted(PruneJob) == []
    watched.look(1)
    assert len(watched.submitted(PruneJob)) == 1


def test_as_long_as_there_are_more_of_them_it_goes_on(watched: Watched) -> None:
    watched.look(600)
    watched.jobs[-1][1](True)
    watched.look()
    assert len(watched.submitted(PruneJob)) == 2
    watched.jobs[-1][1](False)
    watched.look()
    assert len(watched.submitted(PruneJob)) == 2


# Trouble


def test_a_store_that_cannot_be_read_is_told_once_and_looked_at_again(watched: Watched, logged: list[LogEvent]) -> None:
    watched.seen = OSError("gone")
    watched.clock.pump([EVERY] * 3)
    assert len(watched.looks) == 4
    assert [each["log_format"] for each in logged] == ["the store cannot be read: {why}"]
    watched.seen = NOTHING
    watched.look()
    watched.seen = OSError("gone again")
    watched.look()
    assert len(logged) == 2
