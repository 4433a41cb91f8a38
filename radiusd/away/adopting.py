"""Spools that processes left behind which died: found, replayed and removed by one that lives."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from radiusd.away.replaying import Replaying, Source
from radiusd.spool.journal import Journal, orphans
from radiusd.spool.keeping import Keeper
from radiusd.spool.layout import Record
from radiusd.spool.reading import Told
from radiusd.spool.segments import set_aside

_log = Logger()
EVERY = 10.0
"""Seconds between looks for orphans."""


class Own:
    """The spool of this process, to be replayed."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    @property
    def spool_id(self) -> str:
        """Its id; empty as long as there is none, and then there is nothing to replay."""
        return "" if self._keeper.journal is None else self._keeper.journal.folder.name

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None:
        """The next records."""
        self._keeper.read(most, done)

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None:
        """These were replayed."""
        self._keeper.release(records, done)

    def set_aside(self, record: Record, done: Callable[[Any], None]) -> None:
        """Keep a record that cannot be carried out."""
        if self._keeper.journal is None:
            done(None)  # somebody cleared the disk, and nothing can be released from there either
        else:
            self._keeper.call(partial(_set_aside, self._keeper.journal.folder, record), done)


class Adopted:
    """The spool of somebody who died; looked after in the thread of `keeper`."""

    def __init__(self, journal: Journal, keeper: Keeper) -> None:
        self.journal = journal
        self._keeper = keeper

    @property
    def spool_id(self) -> str:
        """Its id."""
        return self.journal.folder.name

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None:
        """The next records."""
        self._keeper.call(lambda: self.journal.read(most), done)

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None:
        """These were replayed."""
        self._keeper.call(lambda: self.journal.release(records), done)

    def set_aside(self, record: Record, done: Callable[[Any], None]) -> None:
        """Keep a record that cannot be carried out."""
        self._keeper.call(partial(_set_aside, self.journal.folder, record), done)


def _set_aside(folder: Path, record: Record) -> None:
    set_aside(folder.parent, f"{folder.name}-{record.sequence}", record.body)


class Adopting:
    """Looks for orphans from time to time, and has them replayed."""

    def __init__(self, root: Path, keeper: Keeper, replaying: Callable[[Source], Replaying], told: Told) -> None:
        self._root = root
        self._keeper = keeper
        self._replaying = replaying
        self._told = told
        self._loop = LoopingCall(self._look)
        self._is_looking = False
        self._running: dict[str, tuple[Adopted, Replaying]] = {}

    @property
    def journals(self) -> list[Journal]:
        """Those that are being replayed."""
        return [adopted.journal for adopted, _ in self._running.values()]

    def start(self, clock: IReactorTime) -> None:
        """Begin to look."""
        self._loop.clock = clock
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Look no more; what is not replayed yet is an orphan again when this process is gone."""
        if self._loop.running:
            self._loop.stop()
        for _, replaying in self._running.values():
            replaying.stop()

    def close(self) -> None:
        """Give up what was taken; for after the thread has ended."""
        for journal in self.journals:
            journal.close()

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._keeper.call(lambda: orphans(self._root, self._told), self._found)

    def _found(self, journals: Any) -> None:
        self._is_looking = False
        if isinstance(journals, Exception):
            _log.error("the spool {root} cannot be looked through: {error!r}", root=self._root, error=journals)
            return
        for journal in journals:
            _log.info("replaying {n} records that another process left behind", n=journal.waiting)
            adopted = Adopted(journal, self._keeper)
            replaying = self._replaying(adopted)
            replaying.emptied = partial(self._emptied, adopted)
            self._running[adopted.spool_id] = adopted, replaying
            replaying.wake()

    def _emptied(self, adopted: Adopted) -> None:
        del self._running[adopted.spool_id]
        self._keeper.call(adopted.journal.close, _done)


def _done(result: object) -> None:
    pass
