"""The queue of charges to stop: each is asked until it is acknowledged, by one server at a time, and survives all."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from attrs import frozen
from sqlalchemy import insert, select, text
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from policy.quantities import Instant, Seconds
from radiusd.charging import stops
from radiusd.charging.port import ChargeUnavailable
from radiusd.charging.stopping import EVERY, LIMIT, Stopping
from radiusd.charging.stops import LEASE, AcknowledgedJob, PutOffJob
from radiusd.store.game_schema import charge_stops
from radiusd.store.work import Work
from radiusd.store.writer import Failed, Job
from tests.charging.given import NOON, Till, a_key

KEY = a_key(1)
AWAY = ChargeUnavailable("the partner is away")


class Partner:
    """Stands for the café's side: what it answers goes in, what it was asked comes out. None is silence so far."""

    def __init__(self, *answers: Exception | str | None) -> None:
        self.answers = list(answers) or ["stopped"]
        self.asked: list[tuple[str, int, int, str]] = []
        self.waiting: dict[str, Deferred[None]] = {}

    async def stop(self, key: str, played: Seconds, unbilled: Seconds, reason: str) -> None:
        self.asked.append((key, played, unbilled, reason))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            self.waiting[key] = Deferred()
            await self.waiting[key]
        elif isinstance(answer, Exception):
            raise answer


@frozen
class Closed(Job):
    """Stands for the job that closes the session: writes that it was run where the commit can be seen."""

    key: str
    at: Instant

    def run(self, work: Work) -> None:
        values = {"text": f"{self.key} {self.at}", "id": work.new_id("closed")}
        work.database.execute(text("INSERT INTO closed (id, what) VALUES (:id, :text)"), values)


class Queue:
    """A server's queue over the till's store, on a clock that is turned by hand."""

    def __init__(self, till: Till, *answers: Exception | str | None, port: Any = None) -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.till = till
        self.partner = Partner(*answers)
        self.is_away = False
        self.fails: type[Job] | None = None
        self.raises: type[Job] | None = None
        self.stopping = Stopping(port or self.partner, self.look, self.submit, Closed, self.clock, self.now)

    def now(self) -> Instant:
        return Instant(NOON + round(self.clock.seconds() * 1000))

    def look(self, at: Instant) -> "Deferred[tuple[str, ...]]":
        if self.is_away:
            return fail(RuntimeError("the store is away"))
        with self.till.database.reading() as connection:
            return succeed(stops.due(connection, at))

    def submit(self, job: Job, done: Callable[[Any], None]) -> None:
        if self.raises is not None and isinstance(job, self.raises):
            raise RuntimeError("a fault of our own")
        if self.is_away or (self.fails is not None and isinstance(job, self.fails)):
            done(Failed(RuntimeError("the store is away")))
            return
        self.till.submit(job, done)

    def start(self) -> "Queue":
        self.stopping.start()
        return self

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / EVERY)):
            self.clock.advance(EVERY)  # type: ignore[no-untyped-call]

    def stop_now(self, key: str = KEY, seconds: float = 2) -> list[bool]:
        came: list[bool] = []
        self.stopping.stop_now(key, seconds).addCallback(came.append)
        return came


@pytest.fixture(autouse=True)
def closed(till: Till) -> Callable[[], list[str]]:
    """What was closed, and when."""
    with till.database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE closed (id INTEGER PRIMARY KEY, what TEXT)")

    def rows() -> list[str]:
        with till.database.reading() as connection:
            return list(connection.exec_driver_sql("SELECT what FROM closed ORDER BY id").scalars())

    return rows


Rows = Callable[[], list[str]]


def order(till: Till, *keys: str, due_in: int = 0) -> None:
    """Have these charges stopped."""
    cafe, game = till.a_cafe(), till.a_game()
    common = {"branch_id": cafe, "game_id": game, "unbilled": 20, "reason": "normal", "created_at": NOON}
    rows = [{"game_session_id": key, "played": 100, "due_at": NOON + due_in, **common} for key in keys]
    with till.database.writing() as connection:
        connection.execute(insert(charge_stops), rows)


def row_of(till: Till, key: str = KEY) -> Any:
    with till.database.reading() as connection:
        return connection.execute(select(charge_stops).where(charge_stops.c.game_session_id == key)).one()


def test_a_stop_that_is_due_is_asked_once_and_settled(till: Till, closed: Rows) -> None:
    order(till, KEY)
    queue = Queue(till).start()
    queue.turn(120)
    row = row_of(till)
    assert queue.partner.asked == [(KEY, 100, 20, "normal")]
    assert (row.due_at, row.done_at, row.attempts) == (None, NOON, 1)
    assert closed() == [f"{KEY} {NOON}"]


def test_a_stop_that_is_not_due_waits(till: Till) -> None:
    order(till, KEY, due_in=5_000)
    queue = Queue(till).start()
    queue.turn(4.75)
    assert queue.partner.asked == []
    queue.turn(0.5)
    assert len(queue.partner.asked) == 1


def test_while_nobody_can_tell_it_is_asked_after_1_2_4_to_60_s_and_for_ever(till: Till, closed: Rows) -> None:
    order(till, KEY)
    queue = Queue(till, AWAY).start()
    tried: list[float] = []
    while len(tried) < 10:
        if len(queue.partner.asked) > len(tried):
            tried.append(queue.clock.seconds())
        queue.turn(EVERY)
    pauses = [round(after - before) for before, after in pairwise(tried)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    queue.turn(86_400 / 24)
    queue.partner.answers = ["stopped"]
    queue.turn(61)
    assert (row_of(till).due_at, len(closed())) == (None, 1)


def test_an_error_of_our_own_is_tried_again_as_well(till: Till) -> None:
    order(till, KEY)
    queue = Queue(till, ZeroDivisionError(), "stopped").start()
    queue.turn(3)
    assert row_of(till).done_at is not None


def test_an_outage_is_told_once_and_its_end_once(till: Till, logged: list[LogEvent]) -> None:
    order(till, *(a_key(number) for number in range(5)))
    queue = Queue(till, AWAY).start()
    queue.turn(60)
    queue.partner.answers = ["stopped"]
    queue.turn(60)
    told = [each["log_format"].partition(":")[0] for each in logged if "charges" in each.get("log_format", "")]
    assert told == ["charges cannot be stopped, and are tried again", "charges are stopped again"]


def test_silence_is_given_up_after_8_seconds_and_tried_again(till: Till) -> None:
    order(till, KEY)
    queue = Queue(till, None).start()
    queue.turn(LIMIT - EVERY)
    assert (len(queue.partner.asked), row_of(till).attempts) == (1, 0)
    queue.turn(EVERY)
    assert row_of(till).attempts == 1
    queue.turn(1.5)
    assert len(queue.partner.asked) == 2
    assert LIMIT * 1000 < LEASE


def test_no_more_than_20_are_asked_at_once_and_none_is_forgotten(till: Till, closed: Rows) -> None:
    keys = [a_key(number) for number in range(50)]
    order(till, *keys)
    queue = Queue(till, None).start()
    queue.turn(3)
    assert len(queue.partner.asked) == 20
    queue.partner.answers = ["stopped"]
    for each in list(queue.partner.waiting.values()):
        each.callback(None)
    queue.turn(EVERY)
    assert sorted(key for key, *_ in queue.partner.asked) == keys
    assert len(closed()) == 50


def test_a_row_is_never_asked_twice_at_a_time(till: Till) -> None:
    order(till, KEY)
    queue = Queue(till, None).start()
    first, second = queue.stop_now(), queue.stop_now()
    with till.database.writing() as connection:
        connection.execute(charge_stops.update().values(due_at=NOON))
    queue.turn(1)
    assert len(queue.partner.asked) == 1
    queue.partner.waiting[KEY].callback(None)
    assert (first, second) == ([True], [True])


def test_of_two_servers_one_asks(till: Till, other: Till, closed: Rows) -> None:
    order(till, KEY)
    mine, theirs = Queue(till, None).start(), Queue(other).start()
    for _ in range(20):
        mine.turn(EVERY)
        theirs.turn(EVERY)
    assert (len(mine.partner.asked), len(theirs.partner.asked)) == (1, 0)
    mine.partner.waiting[KEY].callback(None)
    assert len(closed()) == 1


def test_what_a_server_that_was_killed_had_taken_up_another_does_after_10_s(till: Till, other: Till) -> None:
    order(till, KEY)
    killed, alive = Queue(till, None).start(), Queue(other).start()
    alive.turn(LEASE / 1000 - EVERY)
    assert (len(killed.partner.asked), alive.partner.asked) == (1, [])
    alive.turn(2 * EVERY)
    assert len(alive.partner.asked) == 1


def test_an_acknowledgement_that_was_not_kept_is_asked_for_again_and_closes_once(till: Till, closed: Rows) -> None:
    order(till, KEY)
    queue = Queue(till)
    queue.fails = AcknowledgedJob
    queue.start()
    assert (len(queue.partner.asked), closed()) == (1, [])
    queue.fails = None
    queue.turn(LEASE / 1000 + EVERY)
    assert (len(queue.partner.asked), len(closed())) == (2, 1)


def test_two_acknowledgements_close_a_session_once(till: Till, closed: Rows) -> None:
    order(till, KEY)
    for at in (NOON, Instant(NOON + 1)):
        till.committer.commit([AcknowledgedJob(KEY, at, Closed)])
    assert (closed(), row_of(till).done_at) == ([f"{KEY} {NOON}"], NOON)


def test_what_is_settled_is_not_put_off_by_a_server_that_comes_late(till: Till) -> None:
    order(till, KEY)
    till.committer.commit([AcknowledgedJob(KEY, NOON, Closed)])
    till.committer.commit([PutOffJob(stops.Stop(KEY, Seconds(1), Seconds(0), "normal", 0), NOON)])
    assert (row_of(till).due_at, row_of(till).done_at) == (None, NOON)


def test_a_session_that_cannot_be_closed_leaves_its_stop_open(till: Till) -> None:
    order(till, KEY)
    with till.database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE closed")
    (result,), _ = till.committer.commit([AcknowledgedJob(KEY, NOON, Closed)])
    assert isinstance(result, Failed)
    assert row_of(till).done_at is None


def test_a_store_that_is_away_is_told_once_and_looked_at_again(till: Till, logged: list[LogEvent]) -> None:
    order(till, KEY)
    queue = Queue(till)
    queue.is_away = True
    queue.start()
    queue.turn(5)
    queue.is_away = False
    queue.turn(1)
    assert len([each for each in logged if "cannot be read" in each.get("log_format", "")]) == 1
    assert row_of(till).done_at is not None


def test_what_could_not_be_taken_up_is_taken_up_later(till: Till) -> None:
    order(till, KEY)
    queue = Queue(till)
    queue.fails = stops.TakeUpStopsJob
    queue.start()
    assert queue.partner.asked == []
    queue.fails = None
    queue.turn(EVERY)
    assert len(queue.partner.asked) == 1


def test_a_queue_that_was_stopped_asks_no_more(till: Till) -> None:
    queue = Queue(till).start()
    queue.stopping.stop()
    queue.stopping.stop()
    order(till, KEY)
    queue.turn(5)
    assert queue.partner.asked == []


def test_a_fault_of_our_own_keeps_no_place_for_ever(till: Till, logged: list[LogEvent]) -> None:
    order(till, KEY)
    queue = Queue(till)
    queue.raises = AcknowledgedJob
    queue.start()
    queue.raises = None
    queue.turn(LEASE / 1000 + EVERY)
    assert (len(queue.partner.asked), row_of(till).attempts) == (2, 1)
    assert len([each for each in logged if "could not be stopped" in each.get("log_format", "")]) == 1


# Whoever waits for it


def test_whoever_waits_is_told_at_once(till: Till) -> None:
    order(till, KEY)
    assert Queue(till).stop_now() == [True]


def test_whoever_waits_is_told_that_nobody_could_tell(till: Till) -> None:
    order(till, KEY)
    assert Queue(till, AWAY).stop_now() == [False]
    assert row_of(till).attempts == 1


def test_nobody_waits_longer_than_he_said(till: Till, closed: Rows) -> None:
    order(till, KEY)
    queue = Queue(till, None)
    came = queue.stop_now(seconds=2)
    queue.turn(1.75)
    assert came == []
    queue.turn(0.25)
    assert came == [False]
    queue.partner.waiting[KEY].callback(None)
    assert (came, len(closed())) == ([False], 1)


def test_of_what_is_done_one_is_told_at_once(till: Till) -> None:
    order(till, KEY)
    queue = Queue(till)
    queue.stop_now()
    assert (queue.stop_now(), len(queue.partner.asked)) == ([True], 1)


def test_what_another_server_has_in_hand_is_waited_for(till: Till, other: Till) -> None:
    order(till, KEY)
    mine, theirs = Queue(till, None).start(), Queue(other).start()
    came = theirs.stop_now()
    theirs.turn(1)
    assert (came, theirs.partner.asked) == ([], [])
    mine.partner.waiting[KEY].callback(None)
    theirs.turn(EVERY)
    assert (came, theirs.partner.asked) == ([True], [])


def test_of_a_session_without_a_stop_nobody_says_that_it_is_stopped(till: Till) -> None:
    queue = Queue(till).start()
    came = queue.stop_now(seconds=1)
    queue.turn(1)
    assert (came, queue.partner.asked) == ([False], [])


def test_what_is_waited_for_goes_before_what_is_only_due(till: Till) -> None:
    order(till, *(a_key(number) for number in range(100, 140)))
    order(till, KEY)
    queue = Queue(till, None).start()
    queue.stop_now(seconds=30)
    assert KEY not in {key for key, *_ in queue.partner.asked}
    queue.partner.waiting[queue.partner.asked[0][0]].callback(None)
    assert queue.partner.asked[20][0] == KEY


def test_the_oldest_stop_that_waits_can_be_told(till: Till) -> None:
    with till.database.reading() as connection:
        assert stops.oldest(connection) is None
    order(till, KEY)
    with till.database.reading() as connection:
        assert stops.oldest(connection) == NOON


def test_the_built_in_wallet_and_the_queue_get_along(till: Till, closed: Rows) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    order(till, KEY)
    queue = Queue(till, port=till.port)
    assert queue.stop_now() == [True]
    assert (till.booked(KEY), len(closed()), till.wrong()) == ([1, 2], 1, [])
