"""Nothing waits for a store that is away, and nothing piles up in front of it."""

from typing import Any

import pytest
from psycopg2 import errors
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from radiusd.away.gate import Gate, is_of_the_store
from radiusd.away.outlook import Outlook, Weather
from radiusd.store.absence import StoreIsAway
from radiusd.store.writer import Failed, Job

GONE = Failed(OperationalError("SELECT 1", {"password": "hidden"}, Exception("connection refused\nand more")))


class Ask(Job):
    """Stands for any job."""


class Probe(Job):
    """The gate's own."""


class Writer:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Job, Any]] = []

    def __call__(self, job: Job, done: Any) -> None:
        self.jobs.append((job, done))

    def answer(self, result: object = "done") -> None:
        """The oldest of them is through."""
        _, done = self.jobs.pop(0)
        done(result)


class Town:
    """A gate, its writer, and what was heard through it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.writer = Writer()
        self.weather = Weather(slow_after=lambda: 0.2, away_after=5.0)
        self.gate = Gate(self.writer, self.clock, self.weather, Probe)
        self.heard: list[Any] = []

    def ask(self) -> None:
        self.gate.submit(Ask(), self.heard.append)

    def errors(self) -> list[type]:
        return [type(each.error) if isinstance(each, Failed) else type(each) for each in self.heard]


@pytest.fixture
def town() -> Town:
    return Town()


def test_while_it_is_here_results_come_through(town: Town) -> None:
    town.ask()
    town.writer.answer("result")
    assert (town.heard, town.gate.outlook) == (["result"], Outlook.HERE)


def test_a_job_that_fails_by_its_own_fault_says_nothing_against_the_store(town: Town) -> None:
    town.ask()
    failed = Failed(IntegrityError("INSERT", {}, Exception("unique")))
    town.writer.answer(failed)
    assert (town.heard, town.gate.outlook) == ([failed], Outlook.HERE)


def test_a_store_that_cannot_be_reached_is_away_and_nobody_waits_for_it(town: Town) -> None:
    town.ask()
    town.ask()
    town.writer.answer(GONE)
    assert town.errors() == [StoreIsAway, StoreIsAway]
    town.ask()
    town.clock.advance(0)
    assert town.errors() == [StoreIsAway] * 3
    assert len(town.writer.jobs) == 1  # the one that was under way


def test_what_had_been_given_up_is_heard_of_once(town: Town) -> None:
    town.ask()
    town.ask()
    town.writer.answer(GONE)
    town.writer.answer("done after all")
    assert town.errors() == [StoreIsAway, StoreIsAway]


def test_it_is_asked_by_one_probe_at_a_time(town: Town) -> None:
    town.ask()
    town.writer.answer(GONE)
    town.clock.pump([0.25] * 20)
    assert [type(job) for job, _ in town.writer.jobs] == [Probe]
    town.writer.answer(GONE)
    town.clock.advance(0.25)
    assert [type(job) for job, _ in town.writer.jobs] == [Probe]
    town.writer.answer()
    assert town.gate.outlook is Outlook.HERE


def test_what_never_comes_back_keeps_nobody_from_asking_whether_the_store_does(town: Town) -> None:
    town.ask()
    town.clock.pump([0.1] * 52)
    assert town.gate.outlook is Outlook.AWAY
    town.writer.jobs.clear()
    town.clock.pump([0.25] * 4)
    assert [type(job) for job, _ in town.writer.jobs] == [Probe]
    town.writer.answer()
    assert town.gate.outlook is Outlook.HERE


def test_one_who_cannot_be_diverted_takes_no_other_with_him(town: Town) -> None:
    heard: list[str] = []

    def cannot() -> None:
        raise ValueError("not a number")

    town.gate.watch(cannot)
    town.gate.watch(lambda: heard.append("diverted"))
    town.ask()
    town.writer.answer(GONE)
    assert heard == ["diverted"]


def test_after_five_seconds_without_any_commit_whoever_waits_is_told(town: Town) -> None:
    town.ask()
    town.clock.pump([0.1] * 49)
    assert (town.heard, town.gate.outlook) == ([], Outlook.SLOW)
    town.clock.pump([0.1] * 2)
    assert (town.errors(), town.gate.outlook) == ([StoreIsAway], Outlook.AWAY)


def test_a_store_that_commits_is_not_slow_however_much_waits(town: Town) -> None:
    for _ in range(40):
        town.ask()
    for _ in range(30):
        town.clock.advance(0.15)
        town.writer.answer()
    assert town.gate.outlook is Outlook.HERE


def test_who_watches_hears_of_it_in_time(town: Town) -> None:
    town.gate.watch(lambda: town.heard.append("diverted"))
    number = town.gate.watch(lambda: town.heard.append("not me"))
    town.gate.settle(number)
    town.ask()
    town.clock.advance(0.19)
    assert town.heard == []
    town.clock.advance(0.02)
    assert town.heard == ["diverted"]


def test_after_a_slow_moment_the_next_one_is_noticed_as_soon(town: Town) -> None:
    town.ask()
    town.clock.advance(0.3)
    town.writer.answer()
    town.clock.advance(0.1)
    town.ask()
    town.clock.advance(0.21)
    assert town.gate.outlook is Outlook.SLOW


def test_what_can_wait_is_done_when_it_is_back(town: Town) -> None:
    town.ask()
    town.writer.answer(GONE)
    job = Ask()
    town.gate.submit_when_back(job)
    town.clock.advance(0.25)
    assert [type(each) for each, _ in town.writer.jobs] == [Probe]
    town.writer.answer()
    assert [each.job for each, _ in town.writer.jobs] == [job]


def test_one_line_tells_that_it_went_and_one_that_it_came_back(town: Town, logged: list[LogEvent]) -> None:
    for _ in range(3):
        town.ask()
    for _ in range(3):
        town.writer.answer(GONE)
    town.clock.advance(0.25)
    town.writer.answer(GONE)
    town.clock.advance(0.25)
    town.writer.answer()
    lines = [each["log_format"].format(**each) for each in logged]
    assert lines == ["the store is away: connection refused", "the store is back"]


def test_it_tells_for_how_long_it_has_been_away(town: Town) -> None:
    assert town.gate.away_for == 0
    town.ask()
    town.writer.answer(GONE)
    town.clock.advance(7)
    assert town.gate.away_for == 7


def test_stopped_it_looks_no_more(town: Town) -> None:
    town.ask()
    town.gate.stop()
    assert town.clock.getDelayedCalls() == []
    town.ask()
    assert town.clock.getDelayedCalls() == []


def refused(kind: type[Exception]) -> DBAPIError:
    return OperationalError("UPDATE", {}, kind("no"))


def test_what_says_that_the_store_is_away_is_told_from_what_does_not() -> None:
    assert is_of_the_store(OperationalError("BEGIN", {}, Exception("database is locked")))
    assert is_of_the_store(OSError(28, "No space left on device"))
    assert not is_of_the_store(IntegrityError("INSERT", {}, Exception("unique")))
    assert not is_of_the_store(ValueError("no"))
    assert is_of_the_store(DBAPIError("SELECT", {}, errors.lookup("57P01")("no"), connection_invalidated=True))
