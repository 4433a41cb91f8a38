"""Announcements through PostgreSQL itself (NOTIFY and LISTEN), for servers on one store that have no Redis.

They are sent over a connection of their own, once for all that was stored since the last, after it was committed.
Within the transaction they would be as right and slower: PostgreSQL takes one lock for the whole server while a
transaction commits that notifies, and the writers of all nodes would wait for each other's disk.
"""

from collections.abc import Callable
from typing import Any

import psycopg2
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from radiusd.cluster.announcements import Announcements, Listeners, Whose
from radiusd.cluster.hearing import Ear
from radiusd.cluster.publishing import Publisher
from radiusd.cluster.session import LONGEST, Connection, Session

_log = Logger()

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
PATIENCE = 2.0
"""Seconds in which a connection must be made, and a sign of life given."""
PULSE = 5.0


class ThroughPostgresql(Announcements):
    """Tells what is announced to this process at once and to all others through their store.

    `open_in_thread` gives a connection that listens; `sender` is a name that no other server has; `drop` is told, in a
    few words, of what is no announcement.
    """

    def __init__(
        self,
        open_in_thread: Callable[[], "Deferred[Connection]"],
        sender: str,
        listeners: Listeners,
        drop: Callable[[str], None],
        reactor: Any,
    ) -> None:
        self._open = open_in_thread
        self._listeners = listeners
        self._ear = Ear(sender, listeners, drop)
        self._reactor = reactor
        self._publisher = Publisher(self._tell, sender, reactor, through="PostgreSQL", longest=LONGEST)
        self._session: Session | None = None
        self._pause = FIRST_PAUSE
        self._is_told = False
        self._listening: Deferred[None] = succeed(None)

    def look(self) -> None:
        """Tell all others."""
        self._publisher.look()

    def balance(self, whose: Whose) -> None:
        """Tell whoever shows it here, and all others."""
        self._listeners.balance(whose)
        self._publisher.balance(whose)

    def start(self) -> None:
        """Begin to listen."""
        self._listening = Deferred.fromCoroutine(self._listen())

    def stop(self) -> "Deferred[None]":
        """Close the connection."""
        self._publisher.stop()
        listening = self._listening
        listening.addErrback(lambda failure: failure.trap(CancelledError) and None)
        listening.cancel()
        return listening

    def _tell(self, octets: bytes) -> "Deferred[None]":
        # While there is no connection there is nobody to tell: all look for themselves.
        return succeed(None) if self._session is None else self._session.tell(octets)

    async def _listen(self) -> None:
        pause = 0.0
        while True:
            await deferLater(self._reactor, pause)
            try:
                await self._listen_once()
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever became of it, it is tried again
                pause = self._lost(error)

    async def _listen_once(self) -> None:
        over: Deferred[None] = Deferred()
        opening = self._open()
        # Whoever stops listening meanwhile wants it closed all the same.
        connection = await _or_closed(opening)
        session = Session(connection, self._ear.hear, over.errback, self._reactor)
        pulse = LoopingCall(self._ask_for_a_sign, session, over)
        pulse.clock = self._reactor
        try:
            self._confirmed(session)
            pulse.start(PULSE)
            await over
        finally:
            self._session = None
            if pulse.running:
                pulse.stop()
            session.close()

    def _ask_for_a_sign(self, session: Session, over: "Deferred[None]") -> None:
        asked = session.ask_for_a_sign().addTimeout(PATIENCE, self._reactor)
        asked.addErrback(lambda failure: None if over.called else over.errback(failure))

    def _confirmed(self, session: Session) -> None:
        if self._is_told:
            _log.info("other servers are heard again")
        self._is_told = False
        self._pause = FIRST_PAUSE
        self._session = session
        # Something may have been told before there was anybody to hear it.
        self._listeners.look()

    def _lost(self, error: Exception) -> float:
        """Seconds until the next try."""
        if not self._is_told:
            _log.warn(
                "other servers are not heard through PostgreSQL: {reason}; what they change is seen a tenth of a "
                "second later",
                reason=_reason_of(error),
            )
        self._is_told = True
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause


def _or_closed(opening: "Deferred[Connection]") -> "Deferred[Connection]":
    """`opening`; a connection that nobody waits for any more is closed when it comes."""
    waited: Deferred[Connection] = Deferred()

    def opened(connection: Connection) -> None:
        if waited.called:
            connection.close()
        else:
            waited.callback(connection)

    opening.addCallbacks(opened, lambda failure: None if waited.called else waited.errback(failure))
    return waited


def _reason_of(error: Exception) -> str:
    """A few words: what libpq says may be long, and may name the user, but never holds a password."""
    if isinstance(error, TookTooLong):
        return "it does not answer in time"
    if isinstance(error, psycopg2.Error):
        return str(error).strip().partition("\n")[0] or type(error).__name__
    return type(error).__name__
