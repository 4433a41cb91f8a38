"""HTTP that nobody can hold open, over twisted.web.

What twisted.web leaves to others is done here. Each byte that drips in renews its time limit; ours are absolute: for
the header, for the body, for a client that does not read its answer, and for one that says nothing more. A body is cut
off as soon as it is too long for its route, and never put into a file. Only so many connections are taken, from one
address and in all.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.iweb import INonQueuedRequestFactory
from zope.interface import provider

from radiusd.web.errors import WebError
from radiusd.web.proxies import holder
from radiusd.web.routes import LARGEST_BODY

_MOST_DIGITS = 20


@frozen(kw_only=True)
class Limits:
    """Seconds, and how many connections."""

    header: float = 10.0
    body: float = 10.0
    unread: float = 30.0
    idle: float = 30.0
    farewell: float = 0.8
    connections: int = 1024
    connections_per_address: int = 64


class Serving(Protocol):
    """What answers whole requests."""

    def largest_body(self, method: bytes, path: bytes) -> int: ...

    def error_response(self, path: bytes, error: WebError) -> bytes: ...

    def serve(self, request: "WebRequest") -> None: ...


@provider(INonQueuedRequestFactory)
class WebRequest(Request):
    """A request whose body stays in memory, and is bounded by the channel."""

    channel: "Channel"

    def __init__(self, channel: "Channel") -> None:
        super().__init__(channel, parsePOSTFormSubmission=False)
        self.serving = channel.serving

    def gotLength(self, length: int | None) -> None:  # noqa: ARG002 - the channel knows it, and may refuse it
        """The body is about to come: `length` octets, or None for chunks."""
        self.content: BytesIO = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        """More of the body."""
        if self.channel.may_take(len(data)):
            self.content.write(data)

    def process(self) -> None:
        """All of it is here."""
        self.serving.serve(self)


class Channel(HTTPChannel):
    """One connection."""

    transport: Any
    timeOut = None
    totalHeadersSize = 16_384
    maxHeaders = 64
    requestFactory = WebRequest  # type: ignore[assignment]

    def __init__(self, serving: Serving, limits: Limits, clock: Any, gone: Callable[["Channel"], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.serving = serving
        self._limits = limits
        self._clock = clock
        self._gone = gone
        self._deadline: Any = None
        self._unread: Any = None
        self._is_idle = False
        self._is_refused = False
        self._body_left = 0

    # Deadlines

    def _expect(self, within: float | None, late: Callable[[], None] | None = None) -> None:
        """From now on this long for what must come next; None for nothing."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if within is None else self._clock.callLater(within, late or self._hang_up)

    def _hang_up(self) -> None:
        self.transport.abortConnection()

    def _too_slow(self) -> None:
        self.refuse(WebError("TOO_SLOW", "The request did not come in time."))

    def connectionMade(self) -> None:
        """The header is expected."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._expect(self._limits.header, self._too_slow)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Nothing is expected any more."""
        self._expect(None)
        self._expect_reading(None)
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self._gone(self)

    def dataReceived(self, data: bytes) -> None:
        """Octets from the client; what follows a refusal is only taken so that the client gets to read it."""
        if self._is_refused:
            return
        if self._is_idle:
            self._is_idle = False
            self._expect(self._limits.header, self._too_slow)
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if self._is_idle and not self.paused and (self._buffer or self.requests):
            # The next header began behind a request that is answered already.
            self._is_idle = False
            self._expect(self._limits.header, self._too_slow)

    def lineReceived(self, line: bytes) -> None:
        """A line of a header, unless nothing is taken any more."""
        if not self._is_refused:
            super().lineReceived(line)  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002 - too long to be looked at
        """No line of a header is that long."""
        self.refuse(_NOT_HTTP)

    def headerReceived(self, line: bytes) -> bool:
        """A header, whole; whether the request may go on."""
        name, _, value = line.partition(b":")
        # Python refuses to read a number of thousands of digits, by an exception.
        if name.lower() == b"content-length" and len(value.strip()) > _MOST_DIGITS:
            self.refuse(_too_large(LARGEST_BODY))
            return False
        return bool(super().headerReceived(line))  # type: ignore[no-untyped-call]

    def allHeadersReceived(self) -> None:
        """The header is complete: say now what can be said before the body comes."""
        self._is_idle = False
        request = self.requests[-1]
        try:
            self._check_body(request)
        except WebError as error:
            self.refuse(error)
            return
        self._expect(self._limits.body, self._too_slow)
        super().allHeadersReceived()  # type: ignore[no-untyped-call]

    def _check_body(self, request: Request) -> None:
        self._body_left = self.serving.largest_body(self._command, self._path.partition(b"?")[0])
        if self.length is not None and self.length > self._body_left:
            raise _too_large(self._body_left)
        encodings = request.requestHeaders.getRawHeaders(b"content-encoding", [])
        if any(each.strip().lower() != b"identity" for each in encodings):
            raise WebError("UNSUPPORTED_TYPE", "Send the body as it is, not compressed.")

    def may_take(self, octets: int) -> bool:
        """Whether so much more of a body is allowed; if not, the client is told."""
        if self._is_refused:
            return False
        if octets > self._body_left:
            self.refuse(_too_large(self.serving.largest_body(self._command, self._path.partition(b"?")[0])))
            return False
        self._body_left -= octets
        return True

    def allContentReceived(self) -> None:
        """The request is whole; its answer takes as long as it takes."""
        if self._is_refused:
            return
        self._expect(None)
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def requestDone(self, request: Request) -> None:
        """It is answered; the next may come, or lies here already."""
        self._is_idle = True
        self._expect(self._limits.idle)
        super().requestDone(request)  # type: ignore[no-untyped-call]

    # A client that does not read

    def pauseProducing(self) -> None:
        """What was written is not read: answer nothing more, neither what comes nor what lies here already."""
        # Each answer that is written tells us so again: what counts is the first time.
        if self._unread is None:
            self._expect_reading(self._limits.unread)
        self.paused = True
        super().pauseProducing()  # type: ignore[no-untyped-call]
        self._networkProducer.pauseProducing()

    def resumeProducing(self) -> None:
        """It is."""
        self._expect_reading(None)
        self.paused = False
        super().resumeProducing()  # type: ignore[no-untyped-call]
        if self._buffer:
            self.dataReceived(b"")

    def _expect_reading(self, within: float | None) -> None:
        if self._unread is not None and self._unread.active():
            self._unread.cancel()
        self._unread = None if within is None else self._clock.callLater(within, self._hang_up)

    # Refusals

    def refuse(self, error: WebError) -> None:
        """Answer before the request is whole, and take no more."""
        if self._is_refused:
            return
        self._is_refused = True
        # Twisted knows the path of a request from its header on until it is whole.
        path = getattr(self, "_path", b"").partition(b"?")[0]
        self.transport.write(self.serving.error_response(path, error))
        # Closed at once, the connection would be reset, and the answer with it, while the client still sends.
        self.transport.loseWriteConnection()
        self._expect(self._limits.farewell)

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(_NOT_HTTP)


_NOT_HTTP = WebError("BAD_REQUEST", "This is not HTTP/1.1, or its header is too long.")


def _too_large(most: int) -> WebError:
    return WebError("TOO_LARGE", f"The body is too long: at most {most} octets are taken here.")


class WebFactory(ServerFactory):
    """Takes connections, not too many from anybody; `exempt` tells whose address stands for many (a proxy's)."""

    noisy = False

    def __init__(self, serving: Serving, limits: Limits, clock: Any, exempt: Callable[[str], bool]) -> None:
        self._serving = serving
        self._limits = limits
        self._clock = clock
        self._exempt = exempt
        self._hosts: dict[Channel, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """Open connections by address."""
        return self._counts

    def buildProtocol(self, addr: Any) -> Channel | None:
        """A channel; None hangs up."""
        host = holder(addr.host)
        is_crowded = self._counts[host] >= self._limits.connections_per_address and not self._exempt(addr.host)
        if is_crowded or len(self._hosts) >= self._limits.connections:
            return None
        channel = Channel(self._serving, self._limits, self._clock, self._lost)
        self._hosts[channel] = host
        self._counts[host] += 1
        return channel

    def _lost(self, channel: Channel) -> None:
        host = self._hosts.pop(channel)
        self._counts[host] -= 1
        if not self._counts[host]:
            del self._counts[host]
