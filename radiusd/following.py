"""What others on the same store change, so that nobody is let in from memory who would not be from the store.

Each look at the store brings the passes that others changed since the last one. A server that is alone on its store
follows nobody; what an administrator changes it hears of by the revision.
"""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from policy.quantities import Instant
from radiusd.handlers.access import Submit
from radiusd.handlers.returning import Returning
from radiusd.jobs.decisions import KeepDecisionsJob
from radiusd.jobs.feeding import KeepFeedJob
from radiusd.store import feed, outbox
from radiusd.store.outbox import Seen

MOST_TOLD_AT_ONCE = 200
"""Devices that came back, and of whom it is written down, in a second."""
_TELL_EVERY = 1.0
_KEEP_EVERY = 60.0


class Following:
    """Keeps `returning` to the store. `node` is this process's number in the change feed, None without one."""

    def __init__(
        self,
        returning: Returning,
        node: int | None,
        submit: Submit,
        waiting: Callable[[], int],
        now: Callable[[], Instant],
    ) -> None:
        self._returning = returning
        self._node = node
        self._submit = submit
        self._waiting = waiting
        self._now = now
        self._position: feed.Position | None = None
        self._told = 0
        self._loops = [LoopingCall(self._tell_returns)]
        if node is not None:
            self._loops.append(LoopingCall(self._keep_feed, node))

    def tell(self, connection: Connection, pass_ids: Collection[int]) -> None:
        """Within the transaction that changed these passes: have the others know of it."""
        if self._node is None:
            return
        at = self._now()
        feed.tell(connection, self._node, pass_ids, at)
        self._told += 1
        if self._told % feed.PRUNE_OWN_EVERY == 0:
            feed.prune_own(connection, self._node, at)

    @property
    def asks(self) -> outbox.Following | None:
        """From where on to read what others changed."""
        return None if self._node is None else outbox.Following(own=self._node, position=self._position)

    def saw(self, seen: Seen, at: Instant) -> None:
        """Forget what others changed until `at`, when that look began."""
        changes = seen.changes
        if changes is not None:
            self._position = changes.position
        if seen.directory is not None or (changes is not None and changes.pass_ids is None):
            self._returning.clear(self._now())
        elif changes is not None and changes.pass_ids:
            self._returning.forget_passes(changes.pass_ids, self._now())
        self._returning.saw_store(at)

    def start(self, clock: IReactorTime) -> None:
        """Begin to tell what was answered from memory, and that this process lives."""
        for loop, every in zip(self._loops, (_TELL_EVERY, _KEEP_EVERY), strict=False):
            loop.clock = clock
            loop.start(every, now=False)

    def stop(self) -> None:
        """Tell what is left to tell; nothing after that."""
        for loop in self._loops:
            if loop.running:
                loop.stop()
        while self._tell_some_returns():
            pass

    def _tell_returns(self) -> None:
        # Only what fits in beside what somebody waits for.
        if self._waiting() < MOST_TOLD_AT_ONCE:
            self._tell_some_returns()

    def _tell_some_returns(self) -> bool:
        """Whether there were any."""
        decisions = self._returning.untold(MOST_TOLD_AT_ONCE)
        if decisions:
            self._submit(KeepDecisionsJob(tuple(decisions)), _nobody_waits)
        return bool(decisions)

    def _keep_feed(self, node: int) -> None:
        self._submit(KeepFeedJob(self._now(), node), _nobody_waits)


def _nobody_waits(_: Any) -> None:
    pass
