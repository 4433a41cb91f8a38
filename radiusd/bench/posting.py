"""Posts over connections that are kept open, and says when: as little of a client as HTTP/1.1 allows."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure


@frozen(kw_only=True)
class Answer:
    """Seconds since 1970: when the last octet was sent and the last of the answer came. Status 0: it never came."""

    status: int
    sent: float
    came: float
    body: bytes = b""

    @property
    def took(self) -> float:
        """Milliseconds."""
        return (self.came - self.sent) * 1000


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """The octets of a request."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{told}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Wire(Protocol):
    """One connection; one request at a time."""

    transport: Any

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._came = b""
        self._sent = 0.0
        self._waits: Deferred[Answer] | None = None
        self.is_open = False

    def connectionMade(self) -> None:
        """It may be used."""
        self.is_open = True
        self.transport.setTcpNoDelay(True)

    def ask(self, request: bytes) -> "Deferred[Answer]":
        """The answer to a request."""
        self._came, self._waits = b"", Deferred()
        self._sent = self._clock.seconds()
        self.transport.write(request)
        return self._waits

    def dataReceived(self, data: bytes) -> None:
        """A part of the answer."""
        self._came += data
        head, end, rest = self._came.partition(b"\r\n\r\n")
        if end and len(rest) >= _length(head):
            self._over(int(head[9:12]), rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 - as Twisted calls it
        """Without an answer, if one was waited for."""
        self.is_open = False
        self._over(0, b"")

    def _over(self, status: int, body: bytes) -> None:
        waits, self._waits = self._waits, None
        if waits is not None:
            waits.callback(Answer(status=status, sent=self._sent, came=self._clock.seconds(), body=body))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@define
class Wires:
    """Connections from one address to one port, opened as they are needed, `most` at once."""

    reactor: Any
    port: int
    source: str = "127.0.0.1"
    most: int = 8
    _idle: deque[Wire] = field(factory=deque)
    _waiting: "deque[Deferred[None]]" = field(factory=deque)
    _busy: int = 0

    async def ask(self, request: bytes) -> Answer:
        """Its answer; without one, of status 0."""
        if self._busy >= self.most:
            turn: Deferred[None] = Deferred()
            self._waiting.append(turn)
            await turn
        self._busy += 1
        try:
            return await self._ask(request)
        finally:
            self._busy -= 1
            if self._waiting:
                self._waiting.popleft().callback(None)

    async def _ask(self, request: bytes) -> Answer:
        at = self.reactor.seconds()
        try:
            wire = await self._connected()
        except ConnectError:
            return Answer(status=0, sent=at, came=self.reactor.seconds())
        answer = await wire.ask(request)
        if wire.is_open:
            self._idle.append(wire)
        return answer

    async def _connected(self) -> Wire:
        while self._idle:
            wire = self._idle.popleft()
            if wire.is_open:
                return wire
        return await self.open()

    async def open(self) -> Wire:
        """One connection more. Raises ConnectError."""
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port, 10, (self.source, 0))
        made: Wire = await connectProtocol(endpoint, Wire(self.reactor))
        return made

    def close(self) -> None:
        """Those that are idle."""
        while self._idle:
            self._idle.popleft().transport.abortConnection()
