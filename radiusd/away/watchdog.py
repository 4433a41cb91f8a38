"""Our own deadline on every transaction.

A PostgreSQL that hangs still completes TCP: no time-out of the driver fires, and the thread that asked waits for ever.
Shutting the socket down under it lets it go at once, with the error of a connection that was lost.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Any

from attrs import define
from twisted.logger import Logger

_log = Logger()
_LOOKS_PER_PATIENCE = 20


@define(eq=False)
class _Watched:
    until: float
    descriptor: int
    is_cut: bool = False


class Watchdog:
    """Shuts down the socket of every transaction that takes longer than `patience`, in seconds."""

    def __init__(self, patience: float, monotonic: Callable[[], float]) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._lock = Lock()
        self._watched: dict[int, _Watched] = {}
        self._ended = Event()
        self._thread = Thread(target=self._work, name="watchdog", daemon=True)
        self.cut = 0

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    @contextmanager
    def watching(self, connection: Any) -> Iterator[None]:
        """Watch a connection of the driver, for as long as the transaction in it runs."""
        # A duplicate, so that nothing else can come to have its number by the time it is shut down.
        watched = _Watched(self._monotonic() + self._patience, os.dup(connection.fileno()))
        with self._lock:
            self._watched[id(watched)] = watched
        try:
            yield
        finally:
            with self._lock:
                del self._watched[id(watched)]
                os.close(watched.descriptor)

    def look(self) -> None:
        """Let go whoever has waited too long."""
        at = self._monotonic()
        with self._lock:
            late = [each for each in self._watched.values() if each.until <= at and not each.is_cut]
            for each in late:
                each.is_cut = True
                _shut_down(each.descriptor)
        self.cut += len(late)
        for _ in late:
            _log.warn("the store did not answer within {patience} s: its connection is closed", patience=self._patience)

    def _work(self) -> None:
        while not self._ended.wait(self._patience / _LOOKS_PER_PATIENCE):
            self.look()


def _shut_down(descriptor: int) -> None:
    """Nobody reads or writes through this socket any more, by whatever descriptor."""
    with suppress(OSError):
        shared = socket.socket(fileno=descriptor)
        try:
            shared.shutdown(socket.SHUT_RDWR)
        finally:
            shared.detach()
