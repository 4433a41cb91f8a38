"""Whatever comes, in whatever order, however often and over however many servers: no period is paid twice, no wallet
falls below zero, and both sides of every movement agree."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from attrs import define, field, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy.quantities import Instant, Seconds
from radiusd.charging.charges import RenewJob, StartJob, StopJob
from radiusd.charging.wallet import earned_with, wallet_of
from radiusd.store.database import Database
from radiusd.store.writer import Committer, Job
from tests.charging.given import NOON, Till, a_key

EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FRESH = count(1)
"""Every example has charges and a café of its own, for what was booked is there for good."""


@frozen
class Op:
    """Something that comes: `kind` of the charge number `charge`, `times` times."""

    kind: str
    charge: int
    played: int = 0
    unbilled: int = 0
    times: int = 1

    def job(self, keys: Sequence[str], cafe: int, game: int) -> Job:
        key = keys[self.charge]
        if self.kind == "start":
            return StartJob(at=NOON, key=key, branch_id=cafe, game_id=game)
        if self.kind == "renew":
            return RenewJob(at=NOON, key=key, played=Seconds(self.played))
        return StopJob(at=NOON, key=key, played=Seconds(self.played), unbilled=Seconds(self.unbilled))


@define
class Model:
    """The same in a few lines, without a store."""

    left: int
    rate: int
    period: int
    periods: dict[int, int] = field(factory=dict)
    stopped: set[int] = field(factory=set)

    def does(self, op: Op) -> bool | None:
        return getattr(self, op.kind)(op)  # type: ignore[no-any-return]

    def start(self, op: Op) -> bool:
        if op.charge in self.stopped:
            return False
        if op.charge not in self.periods:
            if self.left < self.rate:
                return False
            self._pay(op.charge, 1)
        return True

    def renew(self, op: Op) -> bool | None:
        if op.charge in self.stopped:
            return False
        if op.charge not in self.periods:
            return None
        until = op.played // self.period + 1
        if (until - self.periods[op.charge]) * self.rate > self.left:
            return False
        self._pay(op.charge, until)
        return True

    def stop(self, op: Op) -> None:
        if op.charge in self.periods and op.charge not in self.stopped:
            billed = max(0, op.played - op.unbilled)
            for until in range(self.periods[op.charge] + 1, billed // self.period + 2):
                if self.left >= self.rate:
                    self._pay(op.charge, until)
        self.stopped.add(op.charge)

    def _pay(self, charge: int, until: int) -> None:
        paid = self.periods.get(charge, 0)
        self.left -= max(0, until - paid) * self.rate
        self.periods[charge] = max(paid, until)


seconds = st.integers(0, 400)
ops = st.builds(
    Op,
    st.sampled_from(["start", "start", "renew", "renew", "stop"]),
    st.integers(0, 2),
    seconds,
    seconds,
    st.integers(1, 2),
)


@EXAMPLES
@given(
    comes=st.lists(ops, max_size=14),
    units=st.integers(0, 25),
    rate=st.integers(0, 3),
    period=st.sampled_from([7, 60, 120]),
    batch=st.integers(1, 5),
)
def test_every_order_and_repetition_books_what_the_rules_say(
    till: Till, comes: list[Op], units: int, rate: int, period: int, batch: int
) -> None:
    cafe, game = till.a_cafe(units), till.a_game(rate=rate, period=period)
    keys = [a_key(next(FRESH)) for _ in range(3)]
    model = Model(units, rate, period)
    queued = [each for op in comes for each in [op] * op.times]
    for start in range(0, len(queued), batch):
        group = queued[start : start + batch]
        results, _ = till.committer.commit([op.job(keys, cafe, game) for op in group])
        assert results == [model.does(op) for op in group]
    assert till.left(cafe) == model.left
    for number, key in enumerate(keys):
        assert till.booked(key) == list(range(1, model.periods.get(number, 0) + 1) if rate else ())
    assert till.wrong() == []


@EXAMPLES
@given(played=st.lists(seconds, max_size=8), end=seconds, lost=st.sets(st.integers(0, 9)))
def test_a_session_costs_the_same_however_its_heartbeats_come(
    till: Till, played: list[int], end: int, lost: set[int]
) -> None:
    """As long as there is enough: what was renewed or played to the end, whichever is more, and nothing else."""
    cafe, game, key = till.a_cafe(1000), till.a_game(rate=2, period=60), a_key(next(FRESH))
    calls: list[Any] = [
        lambda: till.port.start(key, cafe, game),
        *(lambda each=each: till.port.renew(key, Seconds(each)) for each in played),
        lambda: till.port.stop(key, Seconds(end), Seconds(0), "normal"),
    ]
    for number, call in enumerate(calls):
        till.ask(call(), loses_answer=number in lost)
        if number in lost:
            till.ask(call())
    periods = max([*played, end]) // 60 + 1
    assert (till.left(cafe), till.earned(game)) == (1000 - 2 * periods, 2 * periods)


class Counted(Committer):
    """Counts the batches that had to be done again job by job."""

    undone = 0

    def _one_by_one(self, jobs: Sequence[Job]) -> Any:
        self.undone += 1
        return super()._one_by_one(jobs)


def in_batches(database: Database, jobs: Sequence[Job], batch: int) -> tuple[dict[str, Any], int]:
    """A server of its own: what it answers by key, and how many batches it had to undo."""
    opened = Database(database.url.render_as_string(hide_password=False))
    committer = Counted(opened)
    answers: dict[str, Any] = {}
    for start in range(0, len(jobs), batch):
        group = jobs[start : start + batch]
        results, _ = committer.commit(group)
        answers.update((job.key, result) for job, result in zip(group, results, strict=True))  # type: ignore[attr-defined]
    opened.close()
    return answers, committer.undone


def at_once(database: Database, *jobs: Sequence[Job], batch: int = 8) -> list[tuple[dict[str, Any], int]]:
    """Each on a server of its own, all at the same time."""
    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(lambda each: in_batches(database, each, batch), jobs))


def test_two_servers_never_take_more_than_there_is_and_answer_alike(till: Till) -> None:
    cafe, game = till.a_cafe(30), till.a_game(rate=2)
    starts = [StartJob(at=NOON, key=a_key(number), branch_id=cafe, game_id=game) for number in range(40)]
    (mine, _), (theirs, _) = at_once(till.database, starts, starts[::-1])
    assert mine == theirs
    assert sum(mine.values()) == 15
    assert (till.left(cafe), till.earned(game), till.wrong()) == (0, 30, [])


def test_two_servers_renew_each_period_once(till: Till) -> None:
    cafe, game = till.a_cafe(1000), till.a_game(period=60)
    keys = [a_key(number) for number in range(5)]
    till.committer.commit([StartJob(at=NOON, key=key, branch_id=cafe, game_id=game) for key in keys])
    renewals = [
        RenewJob(at=Instant(NOON + played), key=key, played=Seconds(played))
        for played in range(0, 600, 30)
        for key in keys
    ]
    (mine, _), (theirs, _) = at_once(till.database, renewals, renewals)
    assert set(mine.values()) | set(theirs.values()) == {True}
    assert [till.booked(key) for key in keys] == [list(range(1, 11))] * 5
    assert (till.left(cafe), till.wrong()) == (950, [])


def test_servers_that_book_on_many_wallets_never_wait_for_each_other(till: Till) -> None:
    """In opposite orders: a deadlock would undo a batch, and hold up the logins in it for a second."""
    cafes, game = [till.a_cafe(100) for _ in range(6)], till.a_game()
    starts = [StartJob(at=NOON, key=a_key(number), branch_id=cafes[number % 6], game_id=game) for number in range(120)]
    others = [
        StartJob(at=NOON, key=a_key(1000 + number), branch_id=cafes[-1 - number % 6], game_id=game)
        for number in range(120)
    ]
    (mine, undone), (theirs, undone_too) = at_once(till.database, starts, others, batch=12)
    assert set(mine.values()) | set(theirs.values()) == {True}
    assert (undone, undone_too) == (0, 0)
    assert till.wrong() == []


def test_a_start_and_a_stop_at_the_same_moment_leave_nothing_running(till: Till) -> None:
    cafe, game = till.a_cafe(1000), till.a_game()
    keys = [a_key(number) for number in range(60)]
    starts = [StartJob(at=NOON, key=key, branch_id=cafe, game_id=game) for key in keys]
    stops = [StopJob(at=NOON, key=key, played=Seconds(0), unbilled=Seconds(0)) for key in keys]
    (started, _), (stopped, _) = at_once(till.database, starts, stops, batch=3)
    assert set(stopped.values()) == {None}
    assert all(till.charge(key).stopped_at is not None for key in keys)
    assert till.left(cafe) == 1000 - sum(started.values())
    assert till.wrong() == []


def test_the_accounts_have_the_names_that_the_pages_give_them() -> None:
    assert (wallet_of(3), earned_with(7)) == ("cafe:3", "game:7")
