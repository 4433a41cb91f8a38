"""Work of the web in front of the writer: each branch in its turn, and never so much that a router has to wait.

Every other place goes to whoever has waited longest. A small branch is kept from its turn no longer than twice as long
as it would be without that, and a large one, of fifty that close at once, does not wait until all others are done: a
cut has its five seconds there, too.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from attrs import define

from radiusd.store.writer import Job

AT_ONCE = 32
MOST_WAITING = 20_000

Done = Callable[[Any], None]


class Submit(Protocol):
    """Has a job committed, then calls back with its result or Failed."""

    def __call__(self, job: Job, done: Done) -> None: ...


@define(eq=False)
class _Waiting:
    branch_id: int
    job: Job
    done: Done
    is_taken: bool = False


class FairQueue:
    """Hands jobs on, `at_once` at most, taking one of each branch in turn, and in between the oldest of all."""

    def __init__(self, submit: Submit, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._submit = submit
        self._at_once = at_once
        self._most_waiting = most_waiting
        self._running = 0
        self._queues: OrderedDict[int, deque[_Waiting]] = OrderedDict()
        self._by_age: deque[_Waiting] = deque()
        self._is_turn_of_oldest = False
        self.waiting = 0

    def submit(self, branch_id: int, job: Job, done: Done) -> bool:
        """Have `job` committed when it is its turn; False, and nothing done, when too many wait already."""
        if self.waiting >= self._most_waiting:
            return False
        one = _Waiting(branch_id, job, done)
        self._queues.setdefault(branch_id, deque()).append(one)
        self._by_age.append(one)
        self.waiting += 1
        self._hand_on()
        return True

    def _hand_on(self) -> None:
        while self._queues and self._running < self._at_once:
            one = self._oldest() if self._is_turn_of_oldest else self._next_in_turn()
            self._is_turn_of_oldest = not self._is_turn_of_oldest
            one.is_taken = True
            self.waiting -= 1
            self._running += 1
            self._submit(one.job, partial(self._finished, one.done))
        if not self._queues:
            self._by_age.clear()

    def _next_in_turn(self) -> _Waiting:
        branch_id, queue = self._queues.popitem(last=False)
        one = queue.popleft()
        if queue:
            self._queues[branch_id] = queue
        return one

    def _oldest(self) -> _Waiting:
        while self._by_age[0].is_taken:
            self._by_age.popleft()
        one = self._by_age.popleft()
        # The oldest of all is the oldest of its branch, whose turn stays where it was.
        queue = self._queues[one.branch_id]
        queue.popleft()
        if not queue:
            del self._queues[one.branch_id]
        return one

    def _finished(self, done: Done, result: Any) -> None:
        self._running -= 1
        try:
            done(result)
        finally:
            self._hand_on()
