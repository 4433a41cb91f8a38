"""The writer's turns: it works in the reactor's thread, and where it would wait, the reactor goes on.

Two threads that share one interpreter take it from each other all the time, and each reads from another core's cache
what the other has just made. So the writer is a greenlet. It waits for PostgreSQL as the reactor waits for any socket
(on the spot at first, if it shall), and for a disk or a lock in a thread that does nothing else.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from attrs import define, field
from greenlet import getcurrent, greenlet
from psycopg2 import OperationalError, extensions
from twisted.internet.interfaces import IReadWriteDescriptor
from zope.interface import implementer

from radiusd.readiness import is_ready

T = TypeVar("T")

_CONNECTS_WITHIN = 3.0
"""Seconds: libpq's own time-out does not hold for whoever waits for its sockets."""
_CONNECTED = (extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED)


def here(call: Callable[[], T]) -> T:
    """What `call` gives: for whoever may wait where he is."""
    return call()


@define(eq=False)
class _Call:
    """Something to do in the other thread."""

    call: Callable[[], Any]
    done: Event = field(factory=Event)
    result: Any = None
    error: BaseException | None = None

    def carry_out(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits
            self.error = error
        self.done.set()


class Turns:
    """Gives one piece of work its turns in the thread of `reactor`; all but `wake` and `finish` is for that work.

    For a socket it waits `on_the_spot` for so many seconds before the reactor goes on: that costs less than a turn of
    the reactor, and is well spent where another process has the processor meanwhile.
    """

    def __init__(self, reactor: Any, on_the_spot: float = 0) -> None:
        self._reactor = reactor
        self._on_the_spot = on_the_spot
        self._greenlet: greenlet | None = None
        self._waits_for: object = None
        self._until_then: Callable[[], object] = _nothing
        self._is_at_rest = False
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._worked = 0.0
        self._began = 0.0
        self.waited = 0.0
        """Seconds for which it waited last for a socket, or for what was done in the other thread."""

    def start(self, work: Callable[[], None]) -> None:
        """Give `work` its first turn, which lasts until it waits for something."""
        self._greenlet = greenlet(work)
        _working[self._greenlet] = self
        self._switch()

    def wake(self) -> None:
        """There is something to do, should it be at rest."""
        if self._is_at_rest:
            self._is_at_rest = False
            self._reactor.callLater(0, self._go_on, self._waits_for)

    @property
    def worked(self) -> float:
        """Seconds for which it has kept the reactor from going on, until now; for the work itself."""
        at: float = self._reactor.seconds()
        return self._worked + at - self._began

    def finish(self) -> None:
        """Let it come to its end. What it waits for until then is waited for here and now."""
        while self._greenlet is not None:
            self._until_then()
            self._switch()
        self._calls.put(None)

    def rest(self, within: float | None = None) -> None:
        """Let the reactor go on until somebody calls `wake`, or for so many seconds."""
        token = object()
        late = None if within is None else self._reactor.callLater(within, self._go_on, token)
        self._is_at_rest = True
        self._wait(token, _nothing)
        if late is not None and late.active():
            late.cancel()

    def give_way(self, then: Callable[[], object]) -> None:
        """Let the reactor go on, and do `then` before the work is."""
        token = object()
        has_done = False

        def do() -> None:
            nonlocal has_done
            if not has_done:
                has_done = True
                then()

        def next_turn() -> None:
            try:
                do()
            finally:
                self._go_on(token)

        self._reactor.callLater(0, next_turn)
        self._wait(token, do)

    def in_thread(self, call: Callable[[], T]) -> T:
        """What `call` gives, in another thread, while the reactor goes on."""
        if getcurrent() is not self._greenlet:
            return call()
        if self._thread is None:
            self._thread = Thread(target=self._carry_out, name="waiting", daemon=True)
            self._thread.start()
        made = _Call(call)
        self._calls.put(made)
        since = self._reactor.seconds()
        self._wait(made, made.done.wait)
        self.waited = self._reactor.seconds() - since
        if made.error is not None:
            raise made.error
        result: T = made.result
        return result

    def _carry_out(self) -> None:
        while (call := self._calls.get()) is not None:
            call.carry_out()
            self._reactor.callFromThread(self._go_on, call)

    def until_ready(self, descriptor: int, state: int, within: float | None) -> None:
        """Wait until a socket of PostgreSQL can be read, or written to. Raises OperationalError."""
        since = self._reactor.seconds()
        if not (self._on_the_spot and is_ready(descriptor, state, self._on_the_spot)):
            self._until_told(descriptor, state, within)
        self.waited = self._reactor.seconds() - since

    def _until_told(self, descriptor: int, state: int, within: float | None) -> None:
        ready = _Ready(descriptor, self._go_on)
        watch, forget = (
            (self._reactor.addReader, self._reactor.removeReader)
            if state == extensions.POLL_READ
            else (self._reactor.addWriter, self._reactor.removeWriter)
        )
        late = None if within is None else self._reactor.callLater(within, self._go_on, ready)

        def look_here() -> None:
            ready.is_so = is_ready(descriptor, state, within)

        watch(ready)
        try:
            self._wait(ready, look_here)
        finally:
            forget(ready)
            if late is not None and late.active():
                late.cancel()
        if not ready.is_so:
            raise OperationalError(_TOO_LATE)

    def _wait(self, token: object, until_then: Callable[[], object]) -> None:
        self._waits_for, self._until_then = token, until_then
        reactor = getcurrent().parent
        assert reactor is not None  # noqa: S101 - the work was switched to from there
        reactor.switch()

    def _go_on(self, token: object) -> None:
        if token is self._waits_for:
            self._switch()

    def _switch(self) -> None:
        self._waits_for, self._is_at_rest = None, False
        work = self._greenlet
        if work is None:
            return
        self._began = self._reactor.seconds()
        try:
            work.switch()
        finally:
            self._worked += self._reactor.seconds() - self._began
            if work.dead:
                self._greenlet = None
                del _working[work]


_working: dict[greenlet, Turns] = {}
_TOO_LATE = "connection to server failed: timeout expired"


def _nothing() -> None:
    pass


@implementer(IReadWriteDescriptor)
@define(eq=False)
class _Ready:
    """A socket for which somebody waits once."""

    descriptor: int
    tell: Callable[["_Ready"], None]
    is_so: bool = False

    def fileno(self) -> int:
        """As it is watched by."""
        return self.descriptor

    def doRead(self) -> None:
        """It is ready."""
        self.is_so = True
        self.tell(self)

    doWrite = doRead

    def connectionLost(self, _reason: object) -> None:
        """It is of no use any more, which is for its owner to find out."""
        self.doRead()

    def logPrefix(self) -> str:
        """Who is at work."""
        return "writer"


def wait_for_postgresql() -> None:
    """From now on, whoever asks PostgreSQL in this process waits for his answer by his turns, if he has any."""
    extensions.set_wait_callback(_wait_for)


def _wait_for(connection: Any) -> None:
    turns = _working.get(getcurrent())
    wait = _wait_here if turns is None else turns.until_ready
    while (state := connection.poll()) != extensions.POLL_OK:
        wait(connection.fileno(), state, None if connection.status in _CONNECTED else _CONNECTS_WITHIN)


def _wait_here(descriptor: int, state: int, within: float | None) -> None:
    if not is_ready(descriptor, state, within):
        raise OperationalError(_TOO_LATE)
