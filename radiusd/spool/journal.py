"""A spool: records go in at one end, durable before anybody hears of it, and leave at the other once replayed.

Each process has one of its own, in a folder named after its random id and locked for as long as the process lives.
What a process that died left behind is an orphan: whoever finds its lock free replays it, and removes it. An id is
never used again, for the store remembers by it how far a spool was replayed.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from radiusd.spool.errors import SpoolError, SpoolFull
from radiusd.spool.layout import HEADER_LENGTH, ID_LENGTH, LONGEST_BODY, Record, encode
from radiusd.spool.reading import Reader, Told, recover
from radiusd.spool.segments import OpenSegment, remove, segments_of, sync_folder

ROLL = 16 << 20
"""Octets after which a new segment is begun."""
_LOCK = "lock"


class Journal:
    """One spool; not thread-safe. `waiting` records, in `octets`, were not released yet, the oldest of `oldest_at`."""

    def __init__(self, folder: Path, lock: int, told: Told, *, roll: int = ROLL, limit: int = 1 << 30) -> None:
        """`lock` is a descriptor that holds its lock. Raises OSError."""
        self.folder = folder
        self.id = bytes.fromhex(folder.name)
        self._lock = lock
        self._roll = roll
        self._limit = limit
        self._open: OpenSegment | None = None
        found = recover(folder, self.id, told)
        self._last = self._acknowledged = max((last for _, _, last in found), default=0)
        self.waiting = sum(count for _, count, _ in found)
        self.octets = sum(path.stat().st_size for path, _, _ in found)
        self.oldest_at: int | None = None
        self._reader = Reader(folder, self.id, told)

    def append(self, bodies: Sequence[bytes], at: int) -> None:
        """Keep them, kept at `at`, by one write and one fsync. Raises SpoolError, and then none of them is kept."""
        if any(len(each) > LONGEST_BODY for each in bodies):
            raise SpoolError(f"a record has at most {LONGEST_BODY} octets")
        octets = b"".join(encode(self.id, self._last + n, at, each) for n, each in enumerate(bodies, 1))
        if self.octets + len(octets) > self._limit:
            raise SpoolFull(f"{self.folder} has grown to its limit of {self._limit} octets: see spool_limit")
        segment = self._segment()
        # A number that may have reached the disk is not given twice, whatever becomes of this write.
        self._last += len(bodies)
        try:
            segment.append(octets)
        except BaseException:
            # After a failed fsync nobody knows what of this file is on the disk: what comes goes to another.
            self._close_segment()
            raise
        self._acknowledged = self._last
        self.octets += len(octets)
        self.waiting += len(bodies)
        if self.oldest_at is None:
            self.oldest_at = at

    def _segment(self) -> OpenSegment:
        if self._open is not None and self._open.length >= self._roll:
            self._close_segment()
        if self._open is None:
            self._open = OpenSegment(self.folder, self.id, self._last + 1)
            self.octets += HEADER_LENGTH
        return self._open

    def _close_segment(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def read(self, most: int) -> list[Record]:
        """The next records that were not read yet, in their order; each batch is released before the next is read.

        Raises OSError when the disk gives none now.
        """
        found = self._reader.read(most)
        if not found and self.waiting:
            # All was gone through: what was counted and not found was damaged meanwhile, and is set aside by now.
            self._clear()
        return found

    def release(self, records: Sequence[Record]) -> None:
        """These were replayed, for good: segments with nothing else in them are deleted. Raises OSError."""
        last = records[-1]
        if last.sequence >= self._acknowledged:
            self._clear()
            return
        # There may be records that were never acknowledged, and so never counted: what waits is not reckoned down to 0.
        self.waiting = max(1, self.waiting - len(records))
        self.oldest_at = last.at
        paths = segments_of(self.folder)
        following = f"{last.sequence + 1:020}"
        self._remove([one for one, after in pairwise(paths) if after.stem <= following])

    def _clear(self) -> None:
        """All of it was replayed."""
        self._close_segment()
        self.waiting, self.oldest_at = 0, None
        self._remove(segments_of(self.folder))

    def _remove(self, done: Sequence[Path]) -> None:
        if done:
            self.octets -= sum(each.stat().st_size for each in done)
            remove(done, self.folder)

    def close(self) -> None:
        """Give it up: what is in it waits for whoever finds it; an empty one is removed."""
        self._close_segment()
        with suppress(OSError):
            if not self.waiting and not any(each.name != _LOCK for each in self.folder.iterdir()):
                (self.folder / _LOCK).unlink()
                self.folder.rmdir()
        os.close(self._lock)


def create(root: Path, told: Told, limit: int) -> Journal:
    """A new, empty spool in `root`. Raises SpoolError."""
    name = secrets.token_hex(ID_LENGTH)
    # Nobody may find it before it is locked, and take it for an orphan.
    unseen = root / f".{name}"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        unseen.mkdir(mode=0o700)
        with _locking(unseen / _LOCK, os.O_CREAT) as lock:
            unseen.rename(root / name)
            sync_folder(root)
            return Journal(root / name, lock, told, limit=limit)
    except OSError as error:
        raise SpoolError(f"the spool {root} cannot be written: {error.strerror}") from error


def orphans(root: Path, told: Told) -> list[Journal]:
    """The spools of processes that died, now locked by us; those with nothing to replay are removed.

    One that cannot be opened hides no other, and is left to the next look; if there is none but such, this raises what
    was wrong with it.
    """
    found: list[Journal] = []
    failed: Exception | None = None
    for folder in _folders_of(root):
        try:
            journal = _adopted(folder, told)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are found
            failed = error
            continue
        if journal is not None:
            found.append(journal)
    if failed is not None and not found:
        raise failed
    return found


def _folders_of(root: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        return sorted(each for each in root.iterdir() if re.fullmatch(r"[0-9a-f]{32}", each.name))
    return []


def _adopted(folder: Path, told: Told) -> Journal | None:
    """The spool in `folder`; None if it has no lock, or somebody else holds it, or there is nothing to replay."""
    try:
        with _locking(folder / _LOCK) as lock:
            journal = Journal(folder, lock, told)
    except (FileNotFoundError, BlockingIOError):
        return None
    if journal.waiting:
        return journal
    journal.close()
    return None


@contextmanager
def _locking(path: Path, flags: int = 0) -> Iterator[int]:
    """A descriptor that holds this lock, let go of if what is done with it fails. Raises OSError.

    Of these, BlockingIOError tells that somebody else holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BaseException:
        os.close(lock)
        raise
