"""Tells the others: one message for each turn of the reactor, one at a time, and none to what does not answer.

A message is given up after 200 ms. After three that failed it is left alone for five seconds, and what would have
been announced meanwhile is forgotten: everybody looks for himself soon enough.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from radiusd.cluster.announcements import Whose
from radiusd.cluster.messages import LONGEST, MOST_BALANCES, Message, encode
from radiusd.cluster.reasons import reason_of

_log = Logger()

LIMIT = 0.2
FAILURES = 3
RESTS = 5.0
MOST_WAITING = 2_000
"""Balances to be announced: what is more is forgotten."""
_ROOM_FOR_THE_REST = 100
_ROOM_FOR_A_BRANCH = 30
_WORST = 2
"""Octets of JSON for an octet of a name, but for control characters, which no name has."""


class Publisher:
    """Gathers what is to be told and tells it; `publish` sends octets to every server."""

    def __init__(
        self,
        publish: Callable[[bytes], "Deferred[Any]"],
        sender: str,
        clock: IReactorTime,
        *,
        through: str = "Redis",
        longest: int = LONGEST,
    ) -> None:
        """`through` is whose trouble is logged; `longest`: octets of a message."""
        self._through = through
        self._room = longest - _ROOM_FOR_THE_REST
        self._publish = publish
        self._sender = sender
        self._clock = clock
        self._look = False
        self._balances: dict[Whose, None] = {}
        self._turn: Any = None
        self._failures = 0
        self._rests_until = 0.0
        self._sent: Deferred[Any] | None = None
        self._has_stopped = False

    def look(self) -> None:
        """Tell that there is something to look at."""
        self._look = True
        self._soon()

    def balance(self, whose: Whose) -> None:
        """Tell whose balance changed."""
        if len(self._balances) < MOST_WAITING:
            self._balances[whose] = None
        self._soon()

    def stop(self) -> None:
        """Tell nothing any more."""
        self._has_stopped = True
        self._forget()
        if self._sent is not None:
            self._sent.cancel()

    def _soon(self) -> None:
        if self._turn is None and self._sent is None and not self._has_stopped:
            self._turn = self._clock.callLater(0, self._send)

    def _send(self) -> None:
        self._turn = None
        if self._has_stopped or not (self._look or self._balances):
            return
        if self._clock.seconds() < self._rests_until:
            self._forget()
            return
        self._sent = sent = self._publish(encode(self._take()))
        sent.addTimeout(LIMIT, self._clock)
        sent.addCallbacks(self._answered, self._failed).addBoth(self._next)

    def _take(self) -> Message:
        balances: list[Whose] = []
        room = self._room
        for each in self._balances:
            room -= len(each[1].encode()) * _WORST + _ROOM_FOR_A_BRANCH
            if balances and (room < 0 or len(balances) == MOST_BALANCES):
                break
            balances.append(each)
        for each in balances:
            del self._balances[each]
        message = Message(self._sender, self._look, tuple(balances))
        self._look = False
        return message

    def _forget(self) -> None:
        self._look = False
        self._balances.clear()

    def _answered(self, _: object) -> None:
        if self._failures >= FAILURES:
            _log.info("{through} takes announcements again", through=self._through)
        self._failures = 0

    def _failed(self, failure: Failure) -> None:
        if self._has_stopped:
            return
        self._failures += 1
        if self._failures < FAILURES:
            return
        if self._failures == FAILURES:
            _log.warn(
                "{through} takes no announcements: {reason}; other servers see changes a tenth of a second later",
                through=self._through,
                reason=reason_of(failure.value),
            )
        self._rests_until = self._clock.seconds() + RESTS

    def _next(self, _: object) -> None:
        self._sent = None
        if self._look or self._balances:
            self._soon()
