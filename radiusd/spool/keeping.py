"""A journal in a thread of its own: whatever waits is kept by one write and one fsync (group commit, no timer)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

from attrs import frozen

from radiusd.spool.errors import SpoolError, SpoolFull
from radiusd.spool.journal import Journal
from radiusd.spool.layout import Record

MOST_WAITING = 20_000
"""Bodies that wait to be written: some 10 MB."""
LARGEST_BATCH = 1_024

Kept = Callable[[SpoolError | None], None]
Deliver = Callable[[list[Callable[[], None]]], None]
"""Has these called where answers are given."""


@frozen
class _Append:
    body: bytes
    done: Kept


@frozen
class _Call:
    call: Callable[[], Any]
    done: Callable[[Any], None]


class Keeping(Protocol):
    """What takes records and gives them back; every `done` is called where answers are given."""

    def append(self, body: bytes, done: Kept) -> None:
        """Keep `body`, then call `done` with None, or with why it was not kept."""

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None:
        """The next records."""

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None:
        """These were replayed."""


class Keeper:
    """The thread. `open` makes the journal, and is tried again when the first records come, should it fail."""

    def __init__(self, make: Callable[[], Journal], now: Callable[[], int], deliver: Deliver) -> None:
        self._make = make
        self._now = now
        self._deliver = deliver
        self._queue: SimpleQueue[_Append | _Call | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="spool", daemon=True)
        self.journal: Journal | None = None

    def start(self) -> None:
        """Begin to keep. Raises SpoolError when the spool cannot be made now; it is tried again when it is needed."""
        self._thread.start()
        self.journal = self._make()

    def append(self, body: bytes, done: Kept) -> None:
        """Keep `body`, then call `done` with None, or with why it was not kept."""
        if self._queue.qsize() >= MOST_WAITING:
            done(SpoolFull("too much waits to be written to the spool"))
        else:
            self._queue.put(_Append(body, done))

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None:
        """The next records; an exception when the disk gives none."""
        self._queue.put(_Call(lambda: self.journal.read(most) if self.journal else [], done))

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None:
        """These were replayed: forget them."""
        self._queue.put(_Call(lambda: self.journal.release(records) if self.journal else None, done))

    def call(self, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """What `call` gives, or the exception it raised: for work on other files of the spool."""
        self._queue.put(_Call(call, done))

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()
        if self.journal is not None:
            self.journal.close()

    def _work(self) -> None:
        while True:
            first = self._queue.get()
            batch = [first, *(self._queue.get() for _ in range(min(self._queue.qsize(), LARGEST_BATCH - 1)))]
            # What is read or released may wait until those are answered who wait to be kept.
            answers = self._append([each for each in batch if isinstance(each, _Append)])
            answers += [self._called(each) for each in batch if isinstance(each, _Call)]
            if answers:
                self._deliver(answers)
            if None in batch:
                return

    def _append(self, batch: Sequence[_Append]) -> list[Callable[[], None]]:
        outcome: SpoolError | None = None
        if batch:
            try:
                if self.journal is None:
                    self.journal = self._make()
                self.journal.append([each.body for each in batch], self._now())
            except SpoolError as error:
                outcome = error
                if self.journal is not None and _is_gone(self.journal.folder):
                    # Somebody cleared the disk; what is to come needs a spool all the same.
                    self.journal = None
            except Exception as error:  # noqa: BLE001 - whoever waits hears of it, and the thread goes on
                outcome = SpoolError(f"the spool cannot be written: {error!r}")
        return [partial(each.done, outcome) for each in batch]

    @staticmethod
    def _called(asked: _Call) -> Callable[[], None]:
        try:
            result = asked.call()
        except Exception as error:  # noqa: BLE001 - whoever asked hears of it, and the thread goes on
            result = error
        return partial(asked.done, result)


def _is_gone(folder: Path) -> bool:
    """Whether somebody deleted it; False as well when the disk does not tell."""
    try:
        folder.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False
