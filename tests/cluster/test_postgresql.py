"""Servers without Redis wake each other through PostgreSQL: a connection that a reactor watches, and may lose."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psycopg2
import pytest
from attrs import define, field
from psycopg2 import extensions
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from radiusd.cluster.announcements import Listeners, Whose
from radiusd.cluster.messages import Message, encode
from radiusd.cluster.postgresql import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, PULSE, ThroughPostgresql
from radiusd.cluster.publishing import LIMIT
from radiusd.cluster.session import CHANNEL, LONGEST

NORA = (1, "nora_01")
GONE = psycopg2.OperationalError("server closed the connection unexpectedly\n\tThis probably means …\n")


@define
class Notice:
    """What psycopg2 gives of a NOTIFY."""

    payload: str


@define(eq=False)
class FakeConnection:
    """What is asked of psycopg2; it answers at the next poll, unless it hangs or is gone."""

    store: "FakeStore"
    notifies: list[Any] = field(factory=list)
    executed: list[tuple[str, tuple[str, ...]]] = field(factory=list)
    is_closed: bool = False

    def fileno(self) -> int:
        return 7

    def cursor(self) -> "FakeConnection":
        return self

    def execute(self, statement: str, values: tuple[str, ...]) -> None:
        if self.store.error is not None:
            raise self.store.error
        self.executed.append((statement, values))
        if "pg_notify" in statement and not self.store.is_hung:
            assert values[0] == CHANNEL
            self.store.tell(values[1])

    def poll(self) -> int:
        if self.store.error is not None:
            raise self.store.error
        if self.store.is_full:
            return int(extensions.POLL_WRITE)
        return int(extensions.POLL_READ if self.store.is_hung else extensions.POLL_OK)

    def close(self) -> None:
        self.is_closed = True


class FakeStore(Clock):
    """A PostgreSQL with its connections, and a reactor that watches them."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: list[FakeConnection] = []
        self.readers: list[Any] = []
        self.writers: list[Any] = []
        self.is_hung = self.is_full = False
        self.error: Exception | None = None
        self.slow: Deferred[Any] | None = None

    def connect(self) -> "Deferred[Any]":
        if self.slow is not None:
            return self.slow
        if self.error is not None:
            return fail(self.error)
        self.connections.append(FakeConnection(self))
        return succeed(self.connections[-1])

    def tell(self, payload: str) -> None:
        """To all who listen, whoever said it."""
        for each in self.connections:
            each.notifies.append(Notice(payload))

    def deliver(self) -> None:
        """What can be read is read."""
        for each in list(self.readers):
            each.doRead()

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers = [each for each in self.readers if each is not reader]

    def addWriter(self, writer: Any) -> None:
        self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        self.writers = [each for each in self.writers if each is not writer]


class Server:
    """One server's announcements, and what it heard."""

    def __init__(self, store: FakeStore, sender: str) -> None:
        self.looks = 0
        self.balances: list[Whose] = []
        self.dropped: list[str] = []
        listeners = Listeners(self._look, self.balances.append)
        self.announcements = ThroughPostgresql(store.connect, sender, listeners, self.dropped.append, store)
        self.announcements.start()
        store.advance(0)
        self.looks = 0

    def _look(self) -> None:
        self.looks += 1


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def here(store: FakeStore) -> Server:
    return Server(store, "here")


@pytest.fixture
def there(store: FakeStore) -> Server:
    return Server(store, "there")


def tell(server: Server, store: FakeStore) -> None:
    server.announcements.look()
    store.advance(0)
    store.deliver()


def lines(logged: list[LogEvent]) -> list[str]:
    return [each["log_format"].format(**each) for each in logged]


def test_what_one_announces_the_other_hears_and_not_itself(here: Server, there: Server, store: FakeStore) -> None:
    here.announcements.look()
    here.announcements.balance(NORA)
    store.advance(0)
    store.deliver()
    assert (here.looks, there.looks) == (0, 1)
    assert (here.balances, there.balances) == ([NORA], [NORA])


def test_all_that_is_announced_at_once_is_one_statement(here: Server, there: Server, store: FakeStore) -> None:
    for _ in range(100):
        here.announcements.look()
    store.advance(0)
    told = [each for connection in store.connections for each in connection.executed if "pg_notify" in each[0]]
    assert len(told) == 1


def test_no_message_is_longer_than_postgresql_takes(here: Server, there: Server, store: FakeStore) -> None:
    whose = [(number, f"{'é' * 60}{number}") for number in range(300)]
    for each in whose:
        here.announcements.balance(each)
    for _ in range(50):
        store.advance(0)
        store.deliver()
    told = [values[1] for connection in store.connections for _, values in connection.executed if values]
    assert max(len(each.encode()) for each in told) <= LONGEST
    assert there.balances == whose


def test_garbage_is_told_of_and_what_follows_is_heard(here: Server, store: FakeStore) -> None:
    store.tell("hello")
    store.tell(encode(Message("there", look=True)).decode())
    store.deliver()
    assert (len(here.dropped), here.looks) == (1, 1)


def test_it_waits_to_write_when_there_is_no_room(here: Server, there: Server, store: FakeStore) -> None:
    store.is_full = True
    here.announcements.look()
    store.advance(0)
    assert len(store.writers) == 1
    store.is_full = False
    store.writers[0].doWrite()
    assert store.writers == []
    store.deliver()
    assert there.looks == 1


# PostgreSQL away


def test_a_connection_that_is_lost_is_made_again_and_whoever_missed_something_looks(
    here: Server, store: FakeStore, logged: list[LogEvent]
) -> None:
    store.error = GONE
    store.deliver()
    assert store.connections[0].is_closed
    assert store.readers == []
    store.advance(FIRST_PAUSE)
    store.error = None
    store.pump([0.1] * 20)
    assert len(store.connections) == 2
    assert here.looks == 1
    assert lines(logged) == [
        "other servers are not heard through PostgreSQL: server closed the connection unexpectedly; "
        "what they change is seen a tenth of a second later",
        "other servers are heard again",
    ]


def test_tries_are_made_less_and_less_often_up_to_ten_seconds(here: Server, store: FakeStore) -> None:
    tries: list[float] = []
    connect: Callable[[], Deferred[Any]] = store.connect

    def counted() -> "Deferred[Any]":
        tries.append(store.seconds())
        return connect()

    here.announcements._open = counted
    store.error = GONE
    store.deliver()
    store.pump([0.1] * 400)
    pauses = [round(two - one) for one, two in pairwise(tries)]
    assert pauses[:5] == [1, 2, 4, 8, int(LONGEST_PAUSE)]


def test_a_postgresql_that_gives_no_sign_of_life_is_left(here: Server, store: FakeStore) -> None:
    store.is_hung = True
    store.advance(PULSE)
    assert not store.connections[0].is_closed
    store.advance(PATIENCE)
    assert store.connections[0].is_closed


def test_one_that_is_asked_something_and_never_answers_is_left_as_well(here: Server, store: FakeStore) -> None:
    store.is_hung = True
    tell(here, store)
    store.advance(PULSE)
    assert not store.connections[0].is_closed
    store.advance(PULSE)
    assert store.connections[0].is_closed


def test_one_that_answers_is_kept(here: Server, store: FakeStore) -> None:
    store.pump([0.5] * 200)
    assert [each.is_closed for each in store.connections] == [False]
    assert len(store.connections[0].executed) == 21


def test_while_it_is_away_announcing_does_nothing_and_fails_nothing(
    here: Server, store: FakeStore, logged: list[LogEvent]
) -> None:
    store.error = GONE
    store.deliver()
    for _ in range(10):
        tell(here, store)
        store.advance(LIMIT)
    here.announcements.balance(NORA)
    assert here.balances == [NORA]
    assert len(logged) == 1


def test_the_end_may_come_while_it_is_being_opened(store: FakeStore) -> None:
    store.slow = Deferred()
    server = Server(store, "here")
    assert server.announcements.stop().called
    late = FakeConnection(store)
    store.slow.callback(late)
    assert late.is_closed
    assert store.readers == []


def test_the_end_closes_the_connection_and_leaves_nothing(here: Server, store: FakeStore) -> None:
    here.announcements.look()
    assert here.announcements.stop().called
    assert store.connections[0].is_closed
    store.advance(0)
    assert store.readers == []
    assert store.getDelayedCalls() == []
