"""Looks at the store ten times a second: for what others changed, for cuts that are due, for time that is up.

Whoever knows sooner that there is something to see asks for a look at once; it makes nothing right, only faster.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from policy.quantities import Instant, Seconds, later
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import TakeUpJob
from radiusd.jobs.pruning import PruneJob
from radiusd.jobs.ticks import TickJob
from radiusd.ordering import Orders
from radiusd.store.absence import StoreIsAway, reason_of
from radiusd.store.outbox import Seen
from radiusd.store.writer import Failed

_log = Logger()

EVERY = 0.1
_PRUNE_EVERY = Seconds(600)
_TRIED_AGAIN_AFTER = Seconds(5)

Look = Callable[[int, Instant], "Deferred[Seen]"]
"""Reads the store in a thread, for somebody who knows it as of this revision."""


class Watch:
    """Keeps the server's memory to the store, and time to the sessions."""

    def __init__(
        self,
        look: Look,
        revision: int,
        known: Known,
        orders: Orders,
        submit: Submit,
        now: Callable[[], Instant],
        saw: Callable[[Seen, Instant], None] | None = None,
    ) -> None:
        """`saw` hears what was seen, and when the look began."""
        self._saw = saw
        self._look = look
        self._revision = revision
        self._known = known
        self._orders = orders
        self._submit = submit
        self._now = now
        self._ticking = 0
        self._not_before: dict[int, Instant] = {}
        """Of passes that could not be looked after alone, either."""
        self._is_taking = False
        self._prune_at = now()
        self._is_failing = False
        self._is_looking = False
        self._is_asked = False
        self._loop = LoopingCall(self._once)

    def start(self, clock: IReactorTime) -> None:
        """Begin to look."""
        self._loop.clock = clock
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def look_now(self) -> None:
        """Look without waiting for the next time; if a look is on its way, once more after it, however often asked."""
        if self._is_looking:
            self._is_asked = True
        elif self._loop.running:
            self._once()

    def _once(self) -> "Deferred[None]":
        if self._is_looking:
            return succeed(None)
        self._is_looking = True
        at = self._now()
        looked = self._look(self._revision, at)
        seen: Deferred[None] = looked.addCallback(lambda found: self._act(found, at))
        return seen.addErrback(self._failed).addCallback(self._looked)

    def _looked(self, _: object) -> None:
        self._is_looking = False
        if self._is_asked:
            self._is_asked = False
            self.look_now()

    def _act(self, seen: Seen, at: Instant) -> None:
        self._is_failing = False
        self._revision = seen.revision
        if seen.directory is not None:
            self._known.replace(seen.directory)
        if self._saw is not None:
            self._saw(seen, at)
        due = tuple(each for each in seen.due if not self._orders.is_busy_with(each))
        if due and not self._is_taking:
            self._is_taking = True
            self._submit(TakeUpJob(due, at), self._taken)
        if seen.waking and not self._ticking:
            waking = tuple(each for each in seen.waking if self._not_before.get(each, at) <= at)
            if waking:
                self._tick(waking, at)
        if at >= self._prune_at:
            self._prune_at = later(at, _PRUNE_EVERY)
            self._submit(PruneJob(at), self._pruned)

    def _taken(self, commands: Any) -> None:
        self._is_taking = False
        if not isinstance(commands, Failed):
            self._orders.carry_out(commands)

    def _pruned(self, has_more: object) -> None:
        if has_more is True:
            self._prune_at = self._now()

    def _tick(self, pass_ids: tuple[int, ...], at: Instant) -> None:
        self._ticking += 1
        self._submit(TickJob(at, pass_ids, self._known.directory.cafes), partial(self._ticked, pass_ids, at))

    def _ticked(self, pass_ids: tuple[int, ...], at: Instant, result: Any) -> None:
        """One that cannot be decided must not keep the others from their end."""
        self._ticking -= 1
        if not isinstance(result, Failed):
            for each in pass_ids:
                self._not_before.pop(each, None)
        elif isinstance(result.error, StoreIsAway):
            return
        elif len(pass_ids) > 1:
            for each in pass_ids:
                self._tick((each,), at)
        else:
            (pass_id,) = pass_ids
            if pass_id not in self._not_before:
                _log.error(
                    "the time of pass {pass_id} cannot be looked after: {why}",
                    pass_id=pass_id,
                    why=reason_of(result.error),
                )
            self._not_before[pass_id] = later(at, _TRIED_AGAIN_AFTER)

    def _failed(self, failure: Failure) -> None:
        if not self._is_failing:
            _log.error("the store cannot be read: {why}", why=reason_of(failure.value))
        self._is_failing = True
