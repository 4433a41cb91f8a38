"""Work of the web in front of the writer: each branch in its turn, and never so much that a router has to wait."""

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from radiusd.store.writer import Job

AT_ONCE = 32
MOST_WAITING = 20_000

Done = Callable[[Any], None]


class Submit(Protocol):
    """Has a job committed, then calls back with its result or Failed."""

    def __call__(self, job: Job, done: Done) -> None: ...


class FairQueue:
    """Hands jobs on, `at_once` at most, taking one of each branch in turn."""

    def __init__(self, submit: Submit, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._submit = submit
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._running = 0
        self._queues: OrderedDict[int, deque[tuple[Job, Done]]] = OrderedDict()
        self.waiting = 0

    def submit(self, branch_id: int, job: Job, done: Done) -> bool:
        """Have `job` committed when it is its turn; False, and nothing done, when too many wait already."""
        if self.waiting >= self._most_waiting:
            return False
        self._queues.setdefault(branch_id, deque()).append((job, done))
        self.waiting += 1
        self._hand_on()
        return True

    def _hand_on(self) -> None:
        while self._queues and self._running < self._at_once:
            branch_id, queue = self._queues.popitem(last=False)
            job, done = queue.popleft()
            if queue:
                self._queues[branch_id] = queue
            self.waiting -= 1
            self._running += 1
            self._submit(job, partial(self._finished, done))

    def _finished(self, done: Done, result: Any) -> None:
        self._running -= 1
        try:
            done(result)
        finally:
            self._hand_on()
