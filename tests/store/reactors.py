"""A reactor without real time: what other threads and sockets have for it comes when a test says so."""

import select
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from twisted.internet.task import Clock


class Reactor(Clock):
    """A clock that can be called from threads, and that knows what it shall watch."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.from_threads: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def callFromThread(self, call: Callable[..., Any], *values: Any) -> None:
        """As of a reactor."""
        self.from_threads.put((call, values))

    def addReader(self, reader: Any) -> None:
        """As of a reactor."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """As of a reactor."""
        self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        """As of a reactor."""
        self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        """As of a reactor."""
        self.writers.remove(writer)

    def turn(self) -> None:
        """Do what is due now, but for what threads and sockets have for it."""
        self.advance(0)

    def hear_thread(self) -> None:
        """Wait until a thread has something for it, and do that."""
        call, values = self.from_threads.get(timeout=30)
        call(*values)

    def watch(self) -> None:
        """Wait until a socket is ready, and tell whoever waits for it."""
        (reader,) = self.readers
        assert select.select([reader.fileno()], [], [], 30)[0]
        reader.doRead()
