"""Events that were turned away: each is counted, one a second of each cause is logged, one in ten seconds is kept."""

from collections import OrderedDict
from typing import Protocol

from attrs import frozen

from policy.quantities import Instant
from radiusd.jobs.pc_refusals import KeepPcRefusalJob
from radiusd.web.fair import Submit
from radiusd.web.pc_sync.guards import TurnedAway

_KEEP_EVERY = 10_000
_MOST_REMEMBERED = 1_000


class Counting(Protocol):
    """Counts by reason, and logs what is dropped."""

    def drop(self, reason: str, source: str, detail: str = "", what: str = "a packet") -> None: ...


@frozen
class _Kept:
    at: Instant
    unkept: int


class Refusals:
    """`note` each; memory is bounded, however many sources there are."""

    def __init__(self, submit: Submit, counters: Counting) -> None:
        self._submit = submit
        self._counters = counters
        self._last: OrderedDict[tuple[int | None, str], _Kept] = OrderedDict()

    def note(self, refusal: TurnedAway, source: str, at: Instant) -> None:
        """One more."""
        self._counters.drop(f"pc_event_{refusal.cause}", source, what="an event of a PC system")
        key = (refusal.branch_id, refusal.cause)
        last = self._last.get(key)
        if last is not None and at - last.at < _KEEP_EVERY:
            self._last[key] = _Kept(last.at, last.unkept + 1)
            return
        times = 1 if last is None else 1 + last.unkept
        self._last[key] = _Kept(at, 0)
        self._last.move_to_end(key)
        while len(self._last) > _MOST_REMEMBERED:
            self._last.popitem(last=False)
        job = KeepPcRefusalJob(at=at, branch_id=refusal.branch_id, source=source, cause=refusal.cause, times=times)
        self._submit(job, _nobody_waits)


def _nobody_waits(_: object) -> None:
    pass
