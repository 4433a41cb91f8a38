"""Whoever has turns waits without holding up the reactor, and goes on when what he waits for is there."""

import socket
from collections.abc import Callable, Iterator
from threading import Event, get_ident

import pytest
from psycopg2 import OperationalError, extensions

from radiusd.store.database import Database
from radiusd.store.turns import Turns, wait_for_postgresql
from tests.store.reactors import Reactor

Work = Callable[[], None]


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def turns(reactor: Reactor) -> Turns:
    return Turns(reactor)


@pytest.fixture
def seen() -> list[str]:
    """What happened, in order."""
    return []


def test_work_at_rest_goes_on_when_it_is_woken_and_no_sooner(reactor: Reactor, turns: Turns, seen: list[str]) -> None:
    def work() -> None:
        seen.append("begins")
        turns.rest()
        seen.append("goes on")
        turns.rest()
        seen.append("ends")

    turns.start(work)
    reactor.turn()
    assert seen == ["begins"]
    turns.wake()
    turns.wake()
    assert seen == ["begins"]
    reactor.turn()
    assert seen == ["begins", "goes on"]
    turns.finish()
    assert seen == ["begins", "goes on", "ends"]


def test_what_is_done_between_two_turns_is_done_by_the_reactor(reactor: Reactor, turns: Turns, seen: list[str]) -> None:
    def work() -> None:
        turns.give_way(lambda: seen.append("then"))
        seen.append("after")

    turns.start(work)
    seen.append("the reactor")
    reactor.turn()
    assert seen == ["the reactor", "then", "after"]


def test_work_goes_on_though_what_was_to_be_done_failed(reactor: Reactor, turns: Turns, seen: list[str]) -> None:
    def fails() -> None:
        raise ValueError("no")

    def work() -> None:
        turns.give_way(fails)
        seen.append("after")

    turns.start(work)
    with pytest.raises(ValueError, match="no"):
        reactor.turn()
    assert seen == ["after"]


def test_what_lasts_is_done_in_another_thread_while_the_reactor_goes_on(
    reactor: Reactor, turns: Turns, seen: list[str]
) -> None:
    may_end, threads = Event(), []

    def lasts() -> str:
        threads.append(get_ident())
        assert may_end.wait(30)
        return "done"

    def work() -> None:
        seen.append(turns.in_thread(lasts))

    turns.start(work)
    assert seen == []
    may_end.set()
    reactor.hear_thread()
    assert seen == ["done"]
    assert threads != [get_ident()]


def test_only_time_in_which_the_reactor_could_not_go_on_is_time_worked(reactor: Reactor, turns: Turns) -> None:
    worked = []

    def work() -> None:
        reactor.advance(2)
        worked.append(turns.worked)
        turns.give_way(lambda: reactor.advance(10))
        turns.in_thread(lambda: None)
        reactor.advance(3)
        worked.append(turns.worked)

    turns.start(work)
    reactor.turn()
    reactor.advance(100)
    reactor.hear_thread()
    assert worked == [2, 5]


def test_what_fails_there_fails_here(reactor: Reactor, turns: Turns, seen: list[str]) -> None:
    def fails() -> None:
        raise OSError("no room")

    def work() -> None:
        with pytest.raises(OSError, match="no room"):
            turns.in_thread(fails)
        seen.append("heard of it")

    turns.start(work)
    reactor.hear_thread()
    assert seen == ["heard of it"]


def test_whoever_has_no_turns_waits_where_he_is(turns: Turns) -> None:
    assert turns.in_thread(get_ident) == get_ident()


def test_work_that_must_finish_waits_for_everything_at_once(reactor: Reactor, turns: Turns, seen: list[str]) -> None:
    def work() -> None:
        turns.in_thread(lambda: seen.append("in a thread"))
        turns.give_way(lambda: seen.append("then"))
        turns.rest()
        seen.append("ends")

    turns.start(work)
    turns.finish()
    assert seen == ["in a thread", "then", "ends"]
    # What the reactor was to do about it comes too late, and does nothing.
    reactor.hear_thread()
    reactor.turn()
    assert seen == ["in a thread", "then", "ends"]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_a_socket_is_waited_for_by_the_reactor(
    reactor: Reactor, turns: Turns, seen: list[str], pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair

    def work() -> None:
        turns.until_ready(one.fileno(), extensions.POLL_READ, None)
        seen.append("ready")

    turns.start(work)
    reactor.turn()
    assert seen == []
    other.send(b"x")
    reactor.watch()
    assert seen == ["ready"]
    assert reactor.readers == []


def test_what_comes_at_once_is_waited_for_on_the_spot_and_the_rest_by_the_reactor(
    reactor: Reactor, seen: list[str], pair: tuple[socket.socket, socket.socket]
) -> None:
    one, other = pair
    turns = Turns(reactor, on_the_spot=0.001)

    def work() -> None:
        for _ in range(2):
            turns.until_ready(one.fileno(), extensions.POLL_READ, None)
            seen.append(one.recv(1).decode())

    other.send(b"a")
    turns.start(work)
    assert seen == ["a"]
    other.send(b"b")
    reactor.watch()
    assert seen == ["a", "b"]
    assert reactor.readers == []


def test_a_socket_that_takes_nothing_is_waited_for_as_well(
    reactor: Reactor, turns: Turns, seen: list[str], pair: tuple[socket.socket, socket.socket]
) -> None:
    def work() -> None:
        turns.until_ready(pair[0].fileno(), extensions.POLL_WRITE, None)
        seen.append("ready")

    turns.start(work)
    (writer,) = reactor.writers
    writer.doWrite()
    assert seen == ["ready"]
    assert reactor.writers == []


@pytest.mark.parametrize("in_place", [False, True])
def test_whoever_connects_does_not_wait_for_ever(
    reactor: Reactor, turns: Turns, seen: list[str], pair: tuple[socket.socket, socket.socket], *, in_place: bool
) -> None:
    def work() -> None:
        with pytest.raises(OperationalError, match="timeout"):
            turns.until_ready(pair[0].fileno(), extensions.POLL_READ, 0.001 if in_place else 3)
        seen.append("too late")

    turns.start(work)
    if in_place:
        turns.finish()
    else:
        reactor.advance(2.9)
        assert seen == []
        reactor.advance(0.2)
    assert seen == ["too late"]
    assert reactor.readers == []


def test_postgresql_is_waited_for_by_the_reactor(
    reactor: Reactor, turns: Turns, seen: list[str], database: Database
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no socket")

    def work() -> None:
        with database.writing() as connection:
            seen.append(str(connection.exec_driver_sql("SELECT 'an answer'").scalar()))

    wait_for_postgresql()
    try:
        turns.start(work)
        assert seen == []
        while reactor.readers:
            reactor.watch()
        assert seen == ["an answer"]
    finally:
        extensions.set_wait_callback(None)
