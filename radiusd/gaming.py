"""Time, as it concerns games: ends what fell silent or ran out of grace, and gives up what a crash left over."""

from collections.abc import Callable
from typing import Any

from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd.jobs.playing import GameTickJob
from radiusd.jobs.verifying import CLAIM_LASTS, AbandonedJob
from radiusd.store import game_timers
from radiusd.store.absence import reason_of
from radiusd.store.writer import Job

_log = Logger()

EVERY = 0.5

Submit = Callable[[Job, Callable[[Any], None]], None]


@frozen
class Due:
    """What there is to do."""

    sessions: bool
    claims: bool


def look(connection: Connection, at: Instant) -> Due:
    """What there is to do at `at`."""
    before = at - CLAIM_LASTS * 1000
    return Due(game_timers.is_due(connection, at), game_timers.has_left_over(connection, before))


class GameTimer:
    """Looks twice a second; `read` gives what `look` finds, from a thread."""

    def __init__(self, read: Callable[[Instant], "Deferred[Due]"], submit: Submit, now: Callable[[], Instant]) -> None:
        self._read = read
        self._submit = submit
        self._now = now
        self._is_ticking = False
        self._is_failing = False
        self._loop = LoopingCall(self._once)

    def start(self, clock: IReactorTime) -> None:
        """Begin to look."""
        self._loop.clock = clock
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def _once(self) -> "Deferred[None]":
        at = self._now()
        looked: Deferred[None] = self._read(at).addCallback(self._act, at)
        return looked.addErrback(self._failed)

    def _act(self, due: Due, at: Instant) -> None:
        self._is_failing = False
        if due.claims:
            self._submit(AbandonedJob(at), _nobody_waits)
        if due.sessions and not self._is_ticking:
            self._is_ticking = True
            self._submit(GameTickJob(at), self._ticked)

    def _ticked(self, _: object) -> None:
        self._is_ticking = False

    def _failed(self, failure: Failure) -> None:
        if not self._is_failing:
            _log.error("the store cannot be read for games: {why}", why=reason_of(failure.value))
        self._is_failing = True


def _nobody_waits(_: object) -> None:
    pass
