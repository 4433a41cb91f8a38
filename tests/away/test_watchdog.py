"""A transaction that hangs is let go: the socket under it is shut down."""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from twisted.internet.task import Clock

from radiusd.away.watchdog import Watchdog


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The driver's end, and the database's."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_thread_that_waits_for_an_answer_is_let_go(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    watchdog = Watchdog(5.0, clock.seconds)
    heard: list[bytes] = []

    def transaction() -> None:
        with watchdog.watching(pair[0]):
            heard.append(pair[0].recv(1))

    thread = Thread(target=transaction)
    thread.start()
    while not watchdog._watched:
        pass
    clock.advance(4.9)
    watchdog.look()
    assert thread.is_alive()
    clock.advance(0.1)
    watchdog.look()
    thread.join(10)
    assert (heard, watchdog.cut) == ([b""], 1)


def test_a_transaction_that_ended_is_watched_no_more(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    watchdog = Watchdog(5.0, clock.seconds)
    with watchdog.watching(pair[0]):
        pass
    clock.advance(60)
    watchdog.look()
    pair[1].send(b"x")
    assert pair[0].recv(1) == b"x"


def test_each_is_cut_once(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    watchdog = Watchdog(5.0, clock.seconds)
    with watchdog.watching(pair[0]):
        clock.advance(6)
        watchdog.look()
        watchdog.look()
    assert watchdog.cut == 1


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Whoever wants to open anything is refused."""
    lowest_free = os.dup(0)
    os.close(lowest_free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_is_cut_though_no_descriptor_is_left(pair: tuple[socket.socket, socket.socket]) -> None:
    clock = Clock()
    watchdog = Watchdog(5.0, clock.seconds)
    with watchdog.watching(pair[0]):
        clock.advance(6)
        with no_descriptor_left():
            with pytest.raises(OSError, match="Too many open files"):
                os.dup(0)
            watchdog.look()
        assert pair[0].recv(1, socket.MSG_DONTWAIT) == b""
    assert watchdog.cut == 1
