"""What the parent does about its workers: who is started, who is told to go, and when."""

from pathlib import Path

import pytest
from attrs import evolve
from twisted.logger import LogEvent, formatEvent

from radiusd.config import Config, parse
from radiusd.workers.crew import ENDS_WITHIN, FIRST_PAUSE, LONGEST_PAUSE, STARTS_WITHIN, TOO_SOON, Crew, Plan

LEAST = '[store]\nurl = "sqlite:////store"\nkey_file = "/key"\n'
KILLED = ("was killed by SIGKILL", -9)
UNABLE = ("cannot start: there is no store", 2)


def a_plan(workers: int = 2, text: str = "first") -> Plan:
    settings: Config = evolve(parse(Path("/radiusd.toml"), LEAST), workers=workers)
    return Plan(settings, text)


class FakeProcess:
    """Does nothing, and remembers what it was told."""

    def __init__(self, number: int, text: str, pid: int) -> None:
        self.number = number
        self.text = text
        self.pid = pid
        self.told: list[str] = []

    def end(self) -> None:
        self.told.append("end")

    def kill(self) -> None:
        self.told.append("kill")


class Town:
    """A crew with processes that live and die as a test says; time is what it says as well."""

    def __init__(self) -> None:
        self.at = 100.0
        self.processes: list[FakeProcess] = []
        self.settled: list[str] = []
        self.crew = Crew(self._start, lambda plan: self.settled.append(plan.text))

    def _start(self, plan: Plan, number: int) -> FakeProcess:
        self.processes.append(FakeProcess(number, plan.text, 1000 + len(self.processes)))
        return self.processes[-1]

    def begun(self, workers: int = 2) -> "Town":
        self.crew.begin(a_plan(workers), self.at)
        for each in tuple(self.processes):
            self.ready(each)
        return self

    def ready(self, process: FakeProcess) -> None:
        self.crew.ready(process, self.at)

    def gone(self, process: FakeProcess, how: tuple[str, int] = ("ended with status 0", 0)) -> None:
        self.crew.gone(process, *how, self.at)

    def renew(self, plan: Plan) -> None:
        """All of it, without an accident."""
        old = {each.number: each for each in self.processes}
        self.crew.renew(plan, self.at)
        for number in range(plan.workers):
            self.ready(self.processes[-1])
            if number in old:
                self.gone(old[number])

    def pass_time(self, seconds: float) -> None:
        self.at += seconds
        self.crew.tick(self.at)

    def since(self, known: int) -> list[tuple[int, str]]:
        """Number and plan of those that were started after the first `known`."""
        return [(each.number, each.text) for each in self.processes[known:]]


@pytest.fixture
def town() -> Town:
    return Town()


# The beginning


def test_all_start_at_once_and_only_together_they_have_begun(town: Town) -> None:
    town.crew.begin(a_plan(2), town.at)
    assert town.since(0) == [(0, "first"), (1, "first")]
    town.ready(town.processes[1])
    assert (town.settled, town.crew.is_busy) == ([], True)
    town.ready(town.processes[0])
    assert (town.settled, town.crew.is_busy) == (["first"], False)


def test_if_one_cannot_start_all_end_with_its_status(town: Town) -> None:
    town.crew.begin(a_plan(2), town.at)
    town.ready(town.processes[0])
    town.gone(town.processes[1], UNABLE)
    assert town.processes[0].told == ["kill"]
    assert town.crew.status is None
    town.gone(town.processes[0], KILLED)
    assert town.crew.status == 2


def test_when_none_can_start_that_is_known_from_the_first(town: Town) -> None:
    town.crew.begin(a_plan(2), town.at)
    town.gone(town.processes[1], UNABLE)
    town.gone(town.processes[0], UNABLE)
    assert town.crew.status == 2


def test_one_that_is_killed_before_it_was_at_work_is_no_success(town: Town) -> None:
    town.crew.begin(a_plan(1), town.at)
    town.gone(town.processes[0], KILLED)
    assert town.crew.status not in (None, 0)


def test_one_that_is_never_ready_is_killed(town: Town) -> None:
    town.crew.begin(a_plan(1), town.at)
    assert town.crew.next_at == town.at + STARTS_WITHIN
    town.pass_time(STARTS_WITHIN)
    assert town.processes[0].told == ["kill"]


# Deaths


def test_one_that_worked_for_long_is_followed_at_once(town: Town) -> None:
    town.begun()
    town.pass_time(TOO_SOON)
    town.gone(town.processes[1], KILLED)
    town.pass_time(0)
    assert town.since(2) == [(1, "first")]


def test_those_that_die_at_once_are_followed_after_pauses_that_double(town: Town, logged: list[LogEvent]) -> None:
    town.begun(1)
    pauses = []
    for _ in range(8):
        town.gone(town.processes[-1], KILLED)
        due_at = town.crew.next_at
        assert due_at is not None
        pauses.append(due_at - town.at)
        town.pass_time(pauses[-1])
        town.ready(town.processes[-1])
    assert pauses == [0, FIRST_PAUSE, 2, 4, 8, 16, LONGEST_PAUSE, LONGEST_PAUSE]
    lines = [formatEvent(each) for each in logged]
    assert "worker 0 was killed by SIGKILL (process 1002); another follows in 2 s" in lines


def test_after_a_long_life_pauses_begin_anew(town: Town) -> None:
    town.begun(1)
    town.gone(town.processes[-1], KILLED)
    town.pass_time(FIRST_PAUSE)
    town.ready(town.processes[-1])
    town.pass_time(TOO_SOON)
    town.gone(town.processes[-1], KILLED)
    town.pass_time(0)
    town.gone(town.processes[-1], KILLED)
    assert town.crew.next_at == town.at + FIRST_PAUSE


def test_a_follower_that_cannot_start_is_no_end_of_the_others(town: Town) -> None:
    town.begun()
    town.gone(town.processes[1], KILLED)
    town.pass_time(0)
    town.gone(town.processes[2], UNABLE)
    assert (town.crew.status, town.processes[0].told) == (None, [])
    town.pass_time(FIRST_PAUSE)
    assert town.since(3) == [(1, "first")]


def test_whoever_is_dead_is_absent_until_a_follower_is_ready(town: Town) -> None:
    town.begun()
    assert town.crew.absent == set()
    town.gone(town.processes[1], KILLED)
    assert town.crew.absent == {1}
    town.pass_time(0)
    assert town.crew.absent == {1}
    town.ready(town.processes[2])
    assert town.crew.absent == set()


def test_nobody_is_absent_while_all_are_replaced(town: Town) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    absent = [town.crew.absent]
    town.ready(town.processes[2])
    absent.append(town.crew.absent)
    town.gone(town.processes[0])
    assert [*absent, town.crew.absent] == [set(), set(), set()]


# The end


def test_all_are_told_to_go_and_when_all_are_gone_that_is_all(town: Town) -> None:
    town.begun()
    town.crew.end(town.at)
    assert [each.told for each in town.processes] == [["end"], ["end"]]
    town.gone(town.processes[0])
    assert town.crew.status is None
    town.gone(town.processes[1])
    assert town.crew.status == 0


def test_told_twice_whoever_is_left_is_killed(town: Town) -> None:
    town.begun()
    town.crew.end(town.at)
    town.gone(town.processes[0])
    town.crew.end(town.at)
    assert [each.told for each in town.processes] == [["end"], ["end", "kill"]]


def test_whoever_does_not_go_in_time_is_killed(town: Town) -> None:
    town.begun(1)
    town.crew.end(town.at)
    town.pass_time(ENDS_WITHIN - 1)
    assert town.processes[0].told == ["end"]
    town.pass_time(1)
    assert town.processes[0].told == ["end", "kill"]
    assert town.crew.next_at is None


def test_at_the_end_nobody_follows_who_died(town: Town) -> None:
    town.begun()
    town.gone(town.processes[1], KILLED)
    town.crew.end(town.at)
    town.pass_time(LONGEST_PAUSE)
    town.gone(town.processes[0])
    assert (town.since(2), town.crew.status) == ([], 0)


def test_who_becomes_ready_after_all_were_told_to_go_changes_nothing(town: Town) -> None:
    town.crew.begin(a_plan(1), town.at)
    town.crew.end(town.at)
    town.ready(town.processes[0])
    town.gone(town.processes[0])
    assert (town.settled, town.crew.status) == ([], 0)


# Another plan


def test_one_after_the_other_is_replaced_and_the_old_one_goes_when_the_new_one_is_ready(town: Town) -> None:
    town.begun()
    old = town.processes[:2]
    town.crew.renew(a_plan(2, "second"), town.at)
    assert (town.since(2), old[0].told) == ([(0, "second")], [])
    town.ready(town.processes[2])
    assert (old[0].told, old[1].told, len(town.processes)) == (["end"], [], 3)
    town.gone(old[0])
    assert town.since(3) == [(1, "second")]
    town.ready(town.processes[3])
    assert (town.settled, town.crew.is_busy) == (["first"], True)
    town.gone(old[1])
    assert (town.settled, town.crew.is_busy) == (["first", "second"], False)


def test_more_workers_are_started_behind_those_that_were_there(town: Town) -> None:
    town.begun(1)
    town.renew(a_plan(3, "second"))
    assert town.since(1) == [(0, "second"), (1, "second"), (2, "second")]
    assert town.settled == ["first", "second"]


def test_whoever_is_too_many_goes_once_nothing_is_sent_there(town: Town) -> None:
    town.begun(3)
    town.renew(a_plan(1, "second"))
    assert town.settled == ["first", "second"]
    assert [each.told for each in town.processes] == [["end"], ["end"], ["end"], []]
    assert town.crew.is_busy is True
    town.gone(town.processes[1])
    town.gone(town.processes[2])
    assert (town.crew.is_busy, town.since(4)) == (False, [])


def test_whoever_is_too_many_and_dies_before_that_has_no_follower_and_gets_nothing_more(town: Town) -> None:
    town.begun(3)
    town.crew.renew(a_plan(2, "second"), town.at)
    town.ready(town.processes[3])
    town.gone(town.processes[2], KILLED)
    assert town.crew.absent == {2}
    town.pass_time(LONGEST_PAUSE)
    assert town.since(4) == []


def test_if_the_first_with_a_new_plan_cannot_start_nothing_changes(town: Town, logged: list[LogEvent]) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    town.gone(town.processes[2], UNABLE)
    assert [each.told for each in town.processes[:2]] == [[], []]
    assert town.settled == ["first", "first"]  # what was opened for it is closed
    assert town.crew.is_busy is False
    town.gone(town.processes[1], KILLED)
    town.pass_time(FIRST_PAUSE)
    assert town.since(3) == [(1, "first")]
    assert "the first worker with the new configuration cannot start: there is no store: nothing is changed" in [
        formatEvent(each) for each in logged
    ]


def test_if_a_later_one_cannot_start_it_is_tried_again_and_the_old_one_works_on(town: Town) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    town.ready(town.processes[2])
    town.gone(town.processes[0])
    town.gone(town.processes[3], UNABLE)
    assert (town.processes[1].told, town.crew.is_busy) == ([], True)
    town.pass_time(FIRST_PAUSE)
    assert town.since(4) == [(1, "second")]
    town.ready(town.processes[4])
    town.gone(town.processes[1])
    assert town.settled == ["first", "second"]


def test_one_that_dies_while_its_successor_comes_needs_no_other(town: Town) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    town.gone(town.processes[0], KILLED)
    town.pass_time(LONGEST_PAUSE)
    assert town.since(2) == [(0, "second")]
    town.ready(town.processes[2])
    assert town.since(3) == [(1, "second")]


def test_one_that_dies_while_a_plan_fails_comes_back_by_the_old_one(town: Town) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    town.gone(town.processes[0], KILLED)
    town.gone(town.processes[2], UNABLE)
    town.pass_time(0)
    assert town.since(3) == [(0, "first")]


def test_one_that_died_and_waits_for_its_pause_is_replaced_by_a_new_one(town: Town) -> None:
    town.begun()
    town.gone(town.processes[0], KILLED)
    town.crew.renew(a_plan(2, "second"), town.at)
    town.pass_time(LONGEST_PAUSE)
    assert town.since(2) == [(0, "second")]


def test_all_go_in_the_midst_of_it(town: Town) -> None:
    town.begun()
    town.crew.renew(a_plan(2, "second"), town.at)
    town.ready(town.processes[2])
    town.crew.end(town.at)
    assert [each.told for each in town.processes] == [["end"], ["end"], ["end"]]
    for each in town.processes:
        town.gone(each)
    assert town.crew.status == 0
