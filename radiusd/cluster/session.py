"""A session with PostgreSQL for LISTEN and NOTIFY, its socket watched by the reactor; opened in a thread.

Opening may look up names and try one address after the other, each at a socket of its own, so it is left to a thread,
with a deadline that is ours: a server that hangs is as silent as one that is busy. What follows never blocks.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol

import psycopg2
from psycopg2 import extensions
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorFDSet, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from radiusd.readiness import is_ready

CHANNEL = "icafe_announcements"
"""Of this database; others have their own."""
APPLICATION = "icafe-radiusd announcements"
"""What its connections are called in `pg_stat_activity`."""
LONGEST = 7_900
"""Octets of a message; PostgreSQL takes less than 8000."""

_TELL = "SELECT pg_notify(%s, %s)"
_SIGN = "SELECT 1"


class Connection(Protocol):
    """What is asked of an asynchronous connection of psycopg2."""

    notifies: list[Any]

    def fileno(self) -> int:
        """Its socket."""

    def poll(self) -> int:
        """Go on: POLL_OK when nothing is under way, else what to wait for."""

    def cursor(self) -> Any:
        """Something to execute statements with."""

    def close(self) -> None:
        """End it."""


def open_connection(address: str, patience: float) -> Connection:
    """A connection that listens, within so many seconds. Raises psycopg2.Error, TookTooLong. For a thread."""
    until = time.monotonic() + patience
    connection: Connection = psycopg2.connect(address, async_=1, application_name=APPLICATION)
    try:
        _wait(connection, until)
        # psycopg2 goes on with a statement only while somebody has its cursor.
        cursor = connection.cursor()
        cursor.execute(f"LISTEN {CHANNEL}")
        _wait(connection, until)
    except BaseException:
        connection.close()
        raise
    return connection


def _wait(connection: Connection, until: float) -> None:
    while (state := connection.poll()) != extensions.POLL_OK:
        if not is_ready(connection.fileno(), state, max(0.0, until - time.monotonic())):
            raise TookTooLong


@implementer(IReadWriteDescriptor)
class Session:
    """An open connection in the hands of the reactor. `hear` gets what is told, `lost` why it came to its end."""

    def __init__(
        self,
        connection: Connection,
        hear: Callable[[bytes], None],
        lost: Callable[[BaseException], None],
        reactor: IReactorFDSet,
    ) -> None:
        self._connection = connection
        self._hear = hear
        self._lost = lost
        self._reactor = reactor
        self._cursor = connection.cursor()
        self._fileno = connection.fileno()
        self._under_way: Deferred[None] | None = None
        self._slow: Deferred[None] | None = None
        self._is_open = True
        reactor.addReader(self)

    def tell(self, octets: bytes) -> "Deferred[None]":
        """Fires when PostgreSQL has taken the message; fails if it is still at the last one."""
        return self._run(_TELL, (CHANNEL, octets.decode()))

    def ask_for_a_sign(self) -> "Deferred[None]":
        """Fires when PostgreSQL answers; at once if it was asked something else meanwhile, unless already last time."""
        if self._under_way is None:
            return self._run(_SIGN, ())
        is_stuck = self._under_way is self._slow
        self._slow = self._under_way
        return fail(TookTooLong()) if is_stuck else succeed(None)

    def close(self) -> None:
        """Hear and tell no more."""
        if self._is_open:
            self._is_open = False
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            self._connection.close()
            self._done(Failure(TookTooLong()))

    def _run(self, statement: str, values: tuple[str, ...]) -> "Deferred[None]":
        if self._under_way is not None or not self._is_open:
            return fail(TookTooLong())
        # Whoever gives up on it does not end it: PostgreSQL is still at it.
        done: Deferred[None] = Deferred(lambda _: None)
        self._under_way = done
        try:
            self._cursor.execute(statement, values)
        except psycopg2.Error as error:
            self._end(error)
        else:
            self._go_on()
        return done

    def _go_on(self) -> None:
        try:
            state = self._connection.poll()
        except psycopg2.Error as error:
            self._end(error)
            return
        if state == extensions.POLL_WRITE:
            self._reactor.addWriter(self)
            return
        self._reactor.removeWriter(self)
        if state == extensions.POLL_OK:
            self._done(None)
        told, self._connection.notifies[:] = list(self._connection.notifies), []
        for each in told:
            self._hear(each.payload.encode())

    def _done(self, result: Failure | None) -> None:
        done, self._under_way = self._under_way, None
        if done is not None and not done.called:
            if result is None:
                done.callback(None)
            else:
                done.errback(result)

    def _end(self, error: BaseException) -> None:
        if self._is_open:
            self.close()
            self._lost(error)

    # IReadWriteDescriptor

    def fileno(self) -> int:
        """The socket that is watched."""
        return self._fileno

    def doRead(self) -> None:
        """There is something to read."""
        self._go_on()

    def doWrite(self) -> None:
        """There is room to write."""
        self._go_on()

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002 - Twisted's
        """The reactor is at its end."""
        self.close()

    def logPrefix(self) -> str:
        """A name for the log."""
        return "postgresql"
