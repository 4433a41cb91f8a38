"""Whole evenings against the stand-in, in order and with each mistake a server could make."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from radiusd.virtual_playwave.evening import Evening
from radiusd.virtual_playwave.expecting import summary, table
from radiusd.virtual_playwave.habits import Habit, visits
from radiusd.virtual_playwave.judging import Judge
from radiusd.virtual_playwave.settings import Settings
from radiusd.virtual_playwave.stage import Plan, Stage
from radiusd.virtual_playwave.steps import What
from tests.virtual_playwave.given import Studio
from tests.virtual_playwave.standin import GAME_ID, KEY, LAUNCHER_ID, SECRET, Session

SETTINGS = Settings(
    server="http://127.0.0.1:8080", launcher_id=LAUNCHER_ID, launcher_secret=SECRET, api_key=KEY, game_id=GAME_ID
)


class Cafe(Studio):
    """A café with an evening before it."""

    def __init__(self, players: int = 40, pcs: int = 20, seed: int = 5, **plan: Any) -> None:
        super().__init__()
        self.progress: list[tuple[int, int]] = []
        self.stage = Stage(
            Plan(settings=SETTINGS, players=players, pcs=pcs, **plan),
            self.clock,
            Random(seed),
            self.now,
            lambda: self.connection,
            self.steps.append,
        )

    def evening(self) -> Judge:
        """The judge, once it is over."""
        came: list[Judge] = []
        evening = Evening(self.stage, lambda done, of: self.progress.append((done, of)))
        Deferred.fromCoroutine(evening.run()).addCallback(came.append)
        while not came:
            due = min(each.getTime() for each in self.clock.getDelayedCalls())
            self.clock.advance(max(0, due - self.clock.seconds()))  # type: ignore[no-untyped-call]
        return came[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_evening_of_a_hundred_players_breaks_no_promise(seed: int) -> None:
    cafe = Cafe(players=100, pcs=50, seed=seed)
    assert cafe.evening().broken == []
    assert cafe.progress[-1] == (100, 100)
    assert cafe.clock.getDelayedCalls() == []


def test_what_is_expected_of_the_charge_is_what_happened() -> None:
    cafe = Cafe(players=100, pcs=50, seed=4)
    found = summary(cafe.evening())
    names = {"normal": "end", "heartbeat_timeout": "silence", "launcher_timeout": "launcher", "session_replaced": "replaced"}  # fmt: skip # noqa: E501
    known = [each for each in cafe.standin.sessions.values() if each.id in cafe.stage.judge.sessions]
    assert {names[end]: count for end, count in found["sessions"].items()} == Counter(each.how for each in known)
    assert set(found["sessions"]) == set(names)
    assert found["orphans"] > 0
    assert found["unsure"] == 0
    assert found["charge"] == {"starts": cafe.standin.starts, "stops": cafe.standin.starts}


def test_everything_that_should_happen_in_an_evening_does() -> None:
    cafe = Cafe(players=100, pcs=50, seed=4)
    judge = cafe.evening()
    assert judge.counts[What.VERIFY].keys() >= {"valid", "OTT_ALREADY_USED", "OTT_EXPIRED", "no answer"}
    assert judge.counts[What.HEARTBEAT].keys() >= {"OK", "SESSION_REPLACED", "404 SESSION_NOT_FOUND", "410 SESSION_ENDED"}  # fmt: skip # noqa: E501
    assert judge.counts[What.END].keys() >= {"SUCCESS", "409 ALREADY_ENDED", "404 SESSION_NOT_FOUND"}
    who: dict[str, set[str]] = {}
    for step in cafe.told(What.HEARTBEAT):
        who.setdefault(step.about, set()).add(step.who)
    assert max(len(each - {"auditor"}) for each in who.values()) > 1
    bursts = Counter((each.who, each.answer.asked_at) for each in cafe.told(What.END))
    assert max(bursts.values()) >= 5


def spent_after(seconds: float) -> Any:
    def charge(session: Session) -> bool:
        return session.pc.hardware[-1] not in "123" or session.played(session.beat) < seconds

    return charge


def test_charges_that_are_used_up_end_games_after_their_grace() -> None:
    cafe = Cafe()
    cafe.standin.charge = spent_after(100)
    judge = cafe.evening()
    assert judge.broken == []
    assert summary(judge)["sessions"]["charge_exhausted"] == cafe.standin.how()["grace"]


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ({"verifies_twice": True}, "one token was verified twice"),
        ({"forgets_replaced": True}, "after it was over by replaced"),
        ({"replaces_nobody": True}, "beside another game on the same PC"),
        ({"never_silent": True}, "it lives after a silence"),
        ({"ignores_launcher": True}, "its launcher was silent"),
        ({"late_launcher": True}, "its launcher was silent"),
        ({"ends_after": 130}, "410, and nothing had ended it"),
        ({"counts_heartbeats": True}, "and the server says"),
        ({"ott_lasts": 0.0}, "expired before its time"),
        ({"ott_lasts": 90.0}, "good for longer"),
        ({"limits_ends": 3}, "its end was limited"),
    ],
)
def test_a_broken_promise_is_seen(mistake: dict[str, Any], words: str) -> None:
    cafe = Cafe()
    for name, value in mistake.items():
        setattr(cafe.standin.mistakes, name, value)
    broken = cafe.evening().broken
    assert any(words in each for each in broken), broken


@pytest.mark.parametrize(
    ("mistake", "words"), [("kicks_in_grace", "410 within its grace"), ("grace_without_end", "its grace was over")]
)
def test_a_grace_that_is_none_is_seen(mistake: str, words: str) -> None:
    cafe = Cafe()
    cafe.standin.charge = spent_after(100)
    setattr(cafe.standin.mistakes, mistake, True)
    broken = cafe.evening().broken
    assert any(words in each for each in broken), broken


def test_no_secret_and_no_whole_token_is_in_what_is_said_of_broken_promises() -> None:
    cafe = Cafe()
    cafe.standin.mistakes.verifies_twice = True
    text = table(summary(cafe.evening()))
    assert "promises broken" in text
    for secret in (SECRET, KEY, *cafe.standin.otts):
        assert secret not in text


def test_of_ten_guests_each_has_a_habit_of_its_own() -> None:
    assert {each.habit for each in visits(10, Random(1))} == set(Habit)
    assert {each.habit for each in visits(50, Random(1), frozenset({Habit.LATE}))} == set(Habit) - {Habit.LATE}


def test_guests_of_servers_that_go_down_come_first() -> None:
    habits = [each.habit for each in visits(100, Random(1))]
    last = max(at for at, each in enumerate(habits) if each in (Habit.CRASH, Habit.SHUTDOWN))
    assert set(habits[: last + 1]) == {Habit.CRASH, Habit.SHUTDOWN}


@pytest.mark.parametrize(
    ("plan", "every"),
    [({}, None), ({"pace": 2.0}, 2.0), ({"heartbeat": 0.5}, 0.5), ({"heartbeat": 60.0, "pace": 0.5}, 0.5)],
)
def test_the_pace_is_the_servers_unless_another_is_wanted(plan: dict[str, Any], every: float | None) -> None:
    assert Plan(settings=SETTINGS, **plan).every == every


def test_an_evening_at_another_pace_breaks_no_promise_either() -> None:
    cafe = Cafe(players=20, pcs=10, pace=15.0)
    assert cafe.evening().broken == []
    assert len(cafe.told(What.HEARTBEAT)) > 100


def test_two_evenings_with_one_seed_are_alike() -> None:
    first, second = (summary(Cafe(players=20, pcs=10, seed=9).evening()) for _ in range(2))
    assert first == second
