"""Each branch in its turn, and never more in the writer than its share."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref

from radiusd.store.work import Work
from radiusd.store.writer import Job
from radiusd.web.fair import FairQueue


class Named(Job):
    """A job that only has a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, work: Work) -> None:
        raise NotImplementedError


class Writer:
    """Takes jobs; a test says when they are done."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.dones: list[Callable[[Any], None]] = []

    def submit(self, job: Any, done: Callable[[Any], None]) -> None:
        self.taken.append(job.name)
        self.dones.append(done)

    def finish_one(self) -> None:
        self.dones.pop(0)("done")


def a_queue(at_once: int = 2, most_waiting: int = 100) -> tuple[FairQueue, Writer]:
    writer = Writer()
    return FairQueue(writer.submit, at_once, most_waiting), writer


def put(queue: FairQueue, branch: int, count: int, heard: list[str] | None = None) -> list[bool]:
    names = [f"{branch}.{number}" for number in range(count)]
    told = [] if heard is None else heard
    return [queue.submit(branch, Named(name), lambda _, name=name: told.append(name)) for name in names]


def test_each_branch_in_its_turn_and_in_between_the_oldest() -> None:
    queue, writer = a_queue()
    put(queue, 1, 6)
    put(queue, 2, 2)
    for _ in range(8):
        writer.finish_one()
    # In turn: 1.0, 1.2, 2.0, 1.5; the oldest: 1.1, 1.3, 1.4, 2.1.
    assert writer.taken == ["1.0", "1.1", "1.2", "1.3", "2.0", "1.4", "1.5", "2.1"]


def test_a_branch_with_much_to_say_does_not_keep_another_waiting() -> None:
    queue, writer = a_queue(at_once=1)
    put(queue, 1, 50)
    put(queue, 2, 3)
    for _ in range(53):
        writer.finish_one()
    # One in four is branch 2's: it has every other turn, and every other place is a turn.
    assert [writer.taken.index(f"2.{number}") for number in range(3)] == [4, 8, 12]


def test_a_branch_with_much_to_say_is_not_kept_until_all_others_are_done() -> None:
    queue, writer = a_queue(at_once=1, most_waiting=1000)
    put(queue, 0, 40)
    for branch in range(1, 50):
        put(queue, branch, 8)
    for _ in range(200):
        writer.finish_one()
    assert sum(name.startswith("0.") for name in writer.taken) == 40


def test_nothing_is_kept_of_what_is_done() -> None:
    queue, writer = a_queue(at_once=1)
    kept = []
    for branch in (1, 1, 1, 2, 2):
        job = Named("one")
        kept.append(ref(job))
        queue.submit(branch, job, lambda _: None)
    del job
    while writer.dones:
        writer.finish_one()
    assert [each() for each in kept] == [None] * 5


def test_only_a_share_is_in_the_writer_at_a_time_and_every_job_gets_its_answer() -> None:
    queue, writer = a_queue(at_once=3)
    heard: list[str] = []
    put(queue, 1, 10, heard)
    assert (len(writer.taken), queue.waiting) == (3, 7)
    while writer.dones:
        assert len(writer.dones) <= 3
        writer.finish_one()
    assert len(heard) == 10
    assert queue.waiting == 0


def test_when_too_many_wait_the_next_is_refused_and_the_others_go_on() -> None:
    queue, writer = a_queue(at_once=1, most_waiting=2)
    assert put(queue, 1, 4) == [True, True, True, False]
    writer.finish_one()
    assert put(queue, 2, 1) == [True]


def test_an_answer_that_fails_holds_nobody_up() -> None:
    queue, writer = a_queue(at_once=1)

    def fail(_: Any) -> None:
        raise RuntimeError("the client is gone")

    queue.submit(1, Named("first"), fail)
    put(queue, 1, 1)
    with suppress(RuntimeError):
        writer.finish_one()
    assert writer.taken == ["first", "1.0"]
