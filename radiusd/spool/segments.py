"""The files of one spool: written by whoever holds its lock, and by nobody else."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from radiusd.spool.errors import SpoolError
from radiusd.spool.layout import HEADER_LENGTH, header

SUFFIX = ".spool"
DAMAGED = ".damaged"


def segments_of(folder: Path) -> list[Path]:
    """Its segments, oldest first: they are named after their first sequence. Raises OSError."""
    # Not by glob(): to that, a folder that cannot be listed now is an empty one.
    with suppress(FileNotFoundError):
        return sorted(each for each in folder.iterdir() if each.suffix == SUFFIX)
    return []


def sync_folder(folder: Path) -> None:
    """A file's name is durable only when its folder is. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(paths: Iterable[Path], folder: Path) -> None:
    """Delete segments for good."""
    for each in paths:
        each.unlink(missing_ok=True)
    sync_folder(folder)


def set_aside(folder: Path, name: str, octets: bytes) -> Path:
    """Keep what could not be read, or not be carried out, for a person to look at; durable on return.

    Raises OSError; tried again by the same name, it is there once.
    """
    path = folder / f"{name}{DAMAGED}"
    path.touch()
    with path.open("r+b") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    return path


class OpenSegment:
    """The segment that is being written; `length` octets of it are durable."""

    def __init__(self, folder: Path, spool_id: bytes, first_sequence: int) -> None:
        """Raises SpoolError, and leaves no file if the disk lets it, when it cannot be made."""
        self.path = folder / f"{first_sequence:020}{SUFFIX}"
        self.length = HEADER_LENGTH
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(f"{self.path} cannot be made: {error.strerror}") from error
        try:
            self._put(header(spool_id, first_sequence), 0)
            sync_folder(folder)
        except OSError as error:
            self.close()
            # What cannot be removed, either, is written over by the next of this name.
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
            raise SpoolError(f"{self.path} cannot be written: {error.strerror}") from error

    def append(self, octets: bytes) -> None:
        """Add them; durable on return. Raises SpoolError: then this segment must not be written to any more."""
        try:
            self._put(octets, self.length)
        except OSError as error:
            self._cut_back()
            raise SpoolError(f"{self.path} cannot be written: {error.strerror}") from error
        self.length += len(octets)

    def _put(self, octets: bytes, at: int) -> None:
        view = memoryview(octets)
        while view:
            written = os.pwrite(self._descriptor, view, at)
            view, at = view[written:], at + written
        os.fdatasync(self._descriptor)
        if os.fstat(self._descriptor).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # somebody cleared the disk

    def _cut_back(self) -> None:
        """What was not acknowledged need not be replayed; where even this fails, replaying it does no harm."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self.length)

    def close(self) -> None:
        """Write no more."""
        # What counts in it is durable already, and the descriptor is gone even if close(2) fails.
        with suppress(OSError):
            os.close(self._descriptor)
