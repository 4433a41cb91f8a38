"""The lock that every writer of a SQLite database holds while it writes, in whatever process: a file beside it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path


class FileLock:
    """The lock on the file at `path`, which belongs to whom the file at `owner` belongs to.

    `held` may be used by several threads at once.
    """

    def __init__(self, path: str, owner: str) -> None:
        self._path = Path(path)
        self._owner = owner

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        descriptor = self.open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def open(self) -> int:
        """The descriptor of the file, which is made if need be."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._share_with_owner(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def is_at(self, descriptor: int) -> bool:
        """Whether this is still the file that others lock, and was not removed or replaced."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev)

    def _share_with_owner(self, descriptor: int) -> None:
        """An administrator may be root; the server, to whom the database belongs, must get at the lock as well."""
        if os.geteuid() == 0:
            with suppress(FileNotFoundError):
                owner = Path(self._owner).stat()
                if os.fstat(descriptor).st_uid != owner.st_uid:
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)


class OpenLock:
    """A lock whose file stays open between two times that it is held: for somebody who writes all the time."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self._descriptor: int | None = None

    @contextmanager
    def held(self, wait: Callable[[Callable[[], None]], None]) -> Iterator[None]:
        """Nobody else writes meanwhile. If somebody does, `wait` carries out what lasts until he is done."""
        descriptor = self._descriptor
        if descriptor is None or not self._lock.is_at(descriptor):
            self.close()
            descriptor = self._descriptor = self._lock.open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait(partial(fcntl.flock, descriptor, fcntl.LOCK_EX))
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
