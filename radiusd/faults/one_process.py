"""A whole server in this process: its threads are real, its time and its network are not."""

import queue
import select
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure as TwistedFailure

from policy.quantities import Instant
from radiusd import config, listening
from radiusd.app import App
from radiusd.faults.failing import SEND, Calls

AUTH, ACCT, WEB = 1812, 1813, 8080
_MOMENT = 0.001
_QUIET = 0.05
"""Seconds of real time in which a server that will answer does."""


class _Port:
    """Stands for a port; what is sent by it is kept."""

    def __init__(self, calls: Calls, protocol: Any = None) -> None:
        self._calls = calls
        self.protocol = protocol
        self.socket = self
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def setsockopt(self, *_: object) -> None:
        """As sockets have it."""

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        """Send, unless that is what fails."""
        self._calls.call(SEND, lambda: OSError(101, "Network is unreachable"), lambda: self.sent.append((octets, to)))

    def getHost(self) -> IPv4Address:
        """As ports have it."""
        return IPv4Address("UDP", "127.0.0.1", 1)


class _ServerPort(_Port):
    """Stands for the port of a server: what it cannot send it tells of, and does not raise."""

    def __init__(self, port: int, protocol: Any, _interface: str, _largest: int, reactor: "Reactor") -> None:
        super().__init__(reactor.failing, protocol)
        self._number = port
        self._reactor = reactor
        self.not_sent: Callable[[tuple[str, int], OSError], None] = lambda _source, _error: None

    def startListening(self) -> None:
        """As ports have it."""
        self.protocol.makeConnection(self)
        self._reactor.ports[self._number] = (self.protocol, self)

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        """Send, or tell that it could not be sent."""
        try:
            super().write(octets, to)
        except OSError as error:
            self.not_sent(to, error)


class Reactor(Clock):
    """Turned by hand; what threads hand over is done when `turn` is called."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self.failing = calls
        self._handed: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self.ports: dict[int, tuple[Any, _Port]] = {}
        self.factories: dict[int, Any] = {}
        self._readers: dict[int, Any] = {}
        self._writers: dict[int, Any] = {}
        self.uncaught: list[str] = []
        """What nobody caught, and a real reactor would log as an error of ours."""

    def callFromThread(self, function: Callable[..., Any], *arguments: Any, **more: Any) -> None:
        """See IReactorFromThreads."""
        self._handed.put(lambda: function(*arguments, **more))

    def callWhenRunning(self, function: Callable[..., Any], *arguments: Any) -> None:
        """See IReactorCore."""
        function(*arguments)

    def addSystemEventTrigger(self, *_: object) -> None:
        """See IReactorCore."""

    def addReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        self._readers[reader.fileno()] = reader

    def removeReader(self, reader: Any) -> None:
        """See IReactorFDSet."""
        self._readers = {each: known for each, known in self._readers.items() if known is not reader}

    def addWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        self._writers[writer.fileno()] = writer

    def removeWriter(self, writer: Any) -> None:
        """See IReactorFDSet."""
        self._writers = {each: known for each, known in self._writers.items() if known is not writer}

    def listenUDP(self, port: int, protocol: Any, *_: object, **__: object) -> _Port:
        """See IReactorUDP."""
        made = _Port(self.failing, protocol)
        protocol.makeConnection(made)
        self.ports[port] = (protocol, made)
        return made

    def listenTCP(self, port: int, factory: Any, *_: object, **__: object) -> _Port:
        """See IReactorTCP."""
        self.factories[port] = factory
        return _Port(self.failing)

    def turn(self, is_so: Callable[[], bool], within: float = _QUIET) -> bool:
        """Do what is due, and what threads and sockets have for it, until it is so, or nothing came for so long.

        Whether it is so.
        """
        until = time.monotonic() + within
        while not is_so():
            if self._do_something():
                until = time.monotonic() + within
            elif time.monotonic() > until:
                return is_so()
        return True

    def _do_something(self) -> bool:
        """Whether there was something to do; waits for it a moment."""
        if self.calls and self.calls[0].getTime() <= self.seconds():
            self._do(partial(self.advance, 0))
        elif self._tell_sockets():
            pass
        else:
            try:
                self._do(self._handed.get(timeout=_MOMENT))
            except queue.Empty:
                return False
        return True

    def _tell_sockets(self) -> bool:
        watched = select.poll()
        for descriptor in {*self._readers, *self._writers}:
            wanted = (select.POLLIN if descriptor in self._readers else 0) | (
                select.POLLOUT if descriptor in self._writers else 0
            )
            watched.register(descriptor, wanted)
        ready = watched.poll(0)
        for descriptor, event in ready:
            if event & select.POLLOUT and descriptor in self._writers:
                self._do(self._writers[descriptor].doWrite)
            elif descriptor in self._readers:
                self._do(self._readers[descriptor].doRead)
        return bool(ready)

    def _do(self, what: Callable[[], Any]) -> None:
        try:
            what()
        except Exception as error:  # noqa: BLE001 - a real one logs it and goes on
            self.uncaught.append(f"{error!r}")

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        """So much later, in steps, with time for the threads in each."""
        passed = 0.0
        while passed < seconds:
            now = min(step, seconds - passed)
            passed += now
            self._do(partial(self.advance, now))
            self.turn(lambda: False, 0.002)


class _Wire(StringTransport):
    """A connection of a client; when a send fails it breaks."""

    calls: Calls
    channel: Any = None
    is_broken = False

    def write(self, data: bytes) -> None:
        """Send, unless that is what fails."""
        try:
            self.calls.call(SEND, lambda: OSError(104, "Connection reset"), lambda: StringTransport.write(self, data))
        except OSError:
            self.abortConnection()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Several parts."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """As transports have it."""
        self.abortConnection()

    def abortConnection(self) -> None:
        """It is over."""
        if not self.is_broken:
            self.is_broken = True
            self.channel.connectionLost(TwistedFailure(ConnectionDone()))

    def loseWriteConnection(self) -> None:
        """As transports have it."""


@define(eq=False)
class House:
    """One server. `at` is what its clock shows; everybody asks again every 0.3 s of it."""

    calls: Calls
    reactor: Reactor
    app: App
    began: int

    @classmethod
    def open(cls, path: Path, calls: Calls) -> "House":
        """A server with the configuration at `path`, its ports 1812, 1813 and 8080."""
        reactor = Reactor(calls)
        setattr(listening, "PORT", _ServerPort)  # noqa: B010 - it is another kind of port
        began = int(time.time() * 1000)
        app = App(reactor, config.load(path), lambda: Instant(began + round(reactor.seconds() * 1000)))
        app.start()
        made = cls(calls, reactor, app, began)
        reactor.pass_time(0.5)
        return made

    @property
    def at(self) -> float:
        """Seconds since 1970."""
        return self.began / 1000 + float(self.reactor.seconds())

    def ask(self, port: int, request: bytes, source: tuple[str, int], within: float) -> bytes | None:
        """The reply to a datagram, sent again until there is one; None if there is none in so many seconds."""
        protocol, wire = self.reactor.ports[port]
        seen = len(wire.sent)
        until = self.at + within
        while self.at < until:
            protocol.datagramReceived(request, source)
            if self.reactor.turn(lambda: len(wire.sent) > seen):
                found: bytes = wire.sent[-1][0]
                return found
            self.reactor.pass_time(0.3)
        return None

    def post(self, request: bytes, source: str, within: float) -> tuple[int, bytes]:
        """Status and body; asked again over a new connection until there is an answer, (0, b"") if it never is."""
        until = self.at + within
        while self.at < until:
            status, body = self._post(request, source)
            if status and status < 500:
                return status, body
            # A thread that waits for a busy disk knows nothing of this reactor's time.
            self.reactor.turn(lambda: False)
            self.reactor.pass_time(0.5)
        return 0, b""

    def _post(self, request: bytes, source: str) -> tuple[int, bytes]:
        wire: Any = _Wire(peerAddress=IPv4Address("TCP", source, 40_000))  # type: ignore[no-untyped-call]
        wire.calls = self.calls
        wire.channel = self.reactor.factories[WEB].buildProtocol(wire.getPeer())
        wire.channel.makeConnection(wire)
        wire.channel.dataReceived(request)
        # What is asked of a database in a thread may be on its way for several turns.
        for _ in range(10):
            if self.reactor.turn(lambda: wire.is_broken or _is_whole(wire.value())):
                break
            self.reactor.pass_time(0.1)
        octets = wire.value()
        wire.abortConnection()
        return (int(octets[9:12]), octets.partition(b"\r\n\r\n")[2]) if _is_whole(octets) else (0, b"")


def _is_whole(octets: bytes) -> bool:
    head, end, body = octets.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return bool(end) and len(body) >= int(value)
    return False
