"""Carries out what was spooled, in its order, as soon as the store is here."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from attrs import evolve
from sqlalchemy.exc import OperationalError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.away.gate import Gate
from radiusd.away.jobs import ReplayJob
from radiusd.away.outlook import Outlook
from radiusd.away.recording import Recording
from radiusd.away.reviving import CannotRevive, Reviving
from radiusd.server.counters import Counters
from radiusd.spool.layout import Record
from radiusd.store.absence import reason_of
from radiusd.store.errors import StoreError
from radiusd.store.writer import Failed

_log = Logger()
READ_AT_ONCE = 256
BATCH = 64
"""Records in one transaction: with passes that must be read first it lasts, and the store must not look slow for it."""
AGAIN_AFTER = 0.1
"""Seconds until the next try, when the store or the disk could not do it."""


class Source(Protocol):
    """A spool to be replayed."""

    @property
    def spool_id(self) -> str: ...

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None: ...

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None: ...

    def set_aside(self, record: Record, done: Callable[[Any], None]) -> None: ...


class Replaying:
    """Replays one spool until nothing is left in it, each time it is woken.

    `last_of_all` is called before the last of it is carried out, and then `arrived` when it is in the store, or
    `put_off` if that takes longer; `emptied` when nothing is left on the disk.
    """

    def __init__(
        self,
        source: Source,
        reviving: Reviving,
        gate: Gate,
        clock: IReactorTime,
        now: Callable[[], Instant],
        counters: Counters,
    ) -> None:
        self._source = source
        self._reviving = reviving
        self._gate = gate
        self._clock = clock
        self._now = now
        self._counters = counters
        self._batches: list[Sequence[Record]] = []
        """What was read and is not released yet: the first of them is on its way."""
        self._to_set_aside: dict[int, Record] = {}
        """By number: those that are on no other place of the disk yet."""
        self._is_running = False
        self._is_asked = False
        self._is_stopped = False
        self._has_read_all = False
        self.last_of_all: Callable[[], None] = _nothing
        self.arrived: Callable[[], None] = _nothing
        self.put_off: Callable[[], None] = _nothing
        self.emptied: Callable[[], None] = _nothing

    def wake(self) -> None:
        """There is something to replay."""
        self._is_asked = True
        if not self._is_running:
            self._is_running = True
            self._step()

    def stop(self) -> None:
        """Begin no more batches; what is left is replayed by whoever finds it."""
        self._is_stopped = True

    def _step(self) -> None:
        if self._is_stopped:
            self._end()
        elif self._gate.outlook is not Outlook.HERE:
            self._try_again()
        elif self._batches:
            self._carry_out(self._batches[0])
        else:
            self._is_asked = False
            self._source.read(READ_AT_ONCE, self._was_read)

    def _end(self) -> None:
        self._is_running = False
        self.put_off()

    def _try_again(self) -> None:
        self._clock.callLater(AGAIN_AFTER, self._step)
        self.put_off()

    def _was_read(self, found: Sequence[Record] | Exception) -> None:
        if isinstance(found, Exception):
            self._counters.drop("spool_unreadable", "the spool", f"({found})", what="a look")
            self._try_again()
        elif found:
            self._has_read_all = len(found) < READ_AT_ONCE
            if self._has_read_all:
                self.last_of_all()
            self._batches = [found[first : first + BATCH] for first in range(0, len(found), BATCH)]
            self._step()
        elif self._is_asked:
            self._step()
        else:
            self._is_running = False
            self.emptied()

    def _carry_out(self, records: Sequence[Record]) -> None:
        jobs = [(each.sequence, self._revived(each)) for each in records]
        job = ReplayJob(self._source.spool_id, jobs, self._now())
        self._gate.submit(job, lambda result: self._carried_out(records, result))

    def _revived(self, record: Record) -> Sequence[Any]:
        try:
            return self._reviving.jobs_of(record.body)
        except CannotRevive as error:
            self._put_aside(record, str(error))
            return ()

    def _put_aside(self, record: Record, why: str) -> None:
        if record.body and record.sequence not in self._to_set_aside:
            self._counters.count("spool_set_aside")
            _log.error("record {sequence} of the spool is set aside: {why}", sequence=record.sequence, why=why)
            self._set_aside(record)

    def _set_aside(self, record: Record) -> None:
        self._to_set_aside[record.sequence] = record
        self._source.set_aside(record, partial(self._was_set_aside, record))

    def _was_set_aside(self, record: Record, result: Any) -> None:
        if isinstance(result, Exception):
            self._counters.drop("spool_unwritable", "the spool", f"({result})", what="a record")
        else:
            self._to_set_aside.pop(record.sequence, None)

    def _carried_out(self, records: Sequence[Record], result: Any) -> None:
        if not isinstance(result, Failed):
            self._release(records)
        elif isinstance(result.error, StoreError | OperationalError):
            # It is away again, or others were in the way: nothing is said against the records.
            self._try_again()
        else:
            self._take_apart(records, result.error)

    def _release(self, records: Sequence[Record]) -> None:
        if self._is_stopped:
            self._end()
        elif self._to_set_aside:
            # They are nowhere else yet.
            for record in tuple(self._to_set_aside.values()):
                self._set_aside(record)
            self._clock.callLater(AGAIN_AFTER, self._release, records)
            self.put_off()
        else:
            self._batches.pop(0)
            for _ in records:
                self._counters.count("replayed")
            if self._has_read_all and not self._batches and not self._is_asked:
                # Nobody needs to wait for the disk to be told, too.
                self.arrived()
            self._source.release(records, self._released)

    def _take_apart(self, records: Sequence[Record], error: Exception) -> None:
        """One of them cannot be carried out, whatever the others do: each alone, and that one not at all."""
        if len(records) > 1:
            self._batches[:1] = [(each,) for each in records]
        else:
            self._put_aside(records[0], reason_of(error))
            self._batches[0] = (evolve(records[0], body=b""),)
        self._step()

    def _released(self, error: Exception | None) -> None:
        if error is not None:
            # They are known to be replayed: should they be found again, nothing is done twice.
            self._counters.drop("spool_unremovable", "the spool", f"({error})", what="a segment")
        self._step()


class Live:
    """Keeps the spool of this process and the accounting that comes meanwhile in step: the older goes first."""

    def __init__(self, replaying: Replaying, recording: Recording, gate: Gate) -> None:
        self._recording = recording
        self._gate = gate
        self._number = 0
        gate.is_behind = lambda: recording.is_behind
        recording.spooled = replaying.wake
        replaying.last_of_all = self._hold
        replaying.put_off = self._put_off
        replaying.arrived = self._arrived
        replaying.emptied = self._arrived

    def _hold(self) -> None:
        self._gate.settle(self._number)
        self._number = self._gate.watch(self._put_off)
        self._recording.hold()

    def _put_off(self) -> None:
        self._gate.settle(self._number)
        self._recording.let_go(is_behind=True)

    def _arrived(self) -> None:
        self._gate.settle(self._number)
        self._recording.let_go(is_behind=False)
        self._gate.hand_on_put_off()


def _nothing() -> None:
    pass
