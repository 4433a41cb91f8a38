"""HTTP as it is spoken to PC systems: no cookies, no redirects, nothing compressed, bounded answers."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

from attrs import field, frozen
from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer, IProtocol, IProtocolFactory, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer

LONGEST_ANSWER = 64 * 1024
_T = TypeVar("_T")


class AnswerTooLong(Exception):
    """More octets than any answer of a PC system needs."""


class Compressed(Exception):
    """An answer was compressed, which nobody asked for: a few octets of it may be gigabytes."""


@frozen
class Answer:
    """An HTTP answer, whole."""

    status: int
    body: bytes = field(repr=False)


@implementer(IBodyProducer)
class _Body:
    """The octets of a request, all at once."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.length = len(octets)

    def startProducing(self, consumer: IConsumer) -> "Deferred[None]":
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing to pause."""

    def resumeProducing(self) -> None:
        """Nothing to resume."""

    def stopProducing(self) -> None:
        """Nothing to stop."""


@implementer(IAgent)
class _Plain:
    """Asks for no compression, and takes none: treq would unpack it before anybody could bound it."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> "Deferred[IResponse]":
        headers = Headers() if headers is None else headers.copy()
        headers.removeHeader(b"accept-encoding")
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(_refuse_compressed)


def _refuse_compressed(response: IResponse) -> IResponse:
    if response.headers.hasHeader(b"content-encoding"):
        response.deliverBody(_HangUp())
        raise Compressed
    return response


def over(agent: IAgent) -> HTTPClient:
    """HTTP by `agent`. A cookie of one guest would make the next one him, so none is taken and none is sent."""
    return HTTPClient(_Plain(agent), IndexableCookieJar(DefaultCookiePolicy(allowed_domains=[])), _Body)


@implementer(IStreamClientEndpoint)
class _Quiet:
    """Connects without two lines in the log for each request."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":
        if isinstance(protocolFactory, Factory):
            protocolFactory.noisy = False
        return self._endpoint.connect(protocolFactory)


class _Connections(HTTPConnectionPool):
    """A connection for each request: of a kept one nobody knows whether it still lives."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, persistent=False)  # type: ignore[no-untyped-call]

    def getConnection(self, key: Any, endpoint: IStreamClientEndpoint) -> Any:
        return super().getConnection(key, _Quiet(endpoint))


def real_http(reactor: Any) -> HTTPClient:
    """HTTP over sockets."""
    return over(Agent(reactor, pool=_Connections(reactor)))


class _HangUp(Protocol):
    """Takes no body at all."""

    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


class _Gatherer(Protocol):
    """Collects a body, and settles `body` once."""

    def __init__(self, body: "Deferred[bytes]") -> None:
        self._body = body
        self._octets = bytearray()

    def dataReceived(self, data: bytes) -> None:
        self._octets += data
        if len(self._octets) > LONGEST_ANSWER:
            self._octets.clear()
            self._settle(Failure(AnswerTooLong()))
            self.hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Without a length the end of the connection is the end of the answer.
        is_whole = reason.check(ResponseDone, PotentialDataLoss) is not None
        self._settle(bytes(self._octets) if is_whole else reason)

    def _settle(self, result: bytes | Failure) -> None:
        if not self._body.called:
            self._body.callback(result)

    def hang_up(self) -> None:
        """Close the connection, whatever still comes."""
        if self.transport is not None:
            self.transport.loseConnection()


async def whole(response: IResponse) -> Answer:
    """The answer with its body. Raises AnswerTooLong, or why the body ended early; cancelling hangs up."""
    if response.length is not UNKNOWN_LENGTH and response.length > LONGEST_ANSWER:
        response.deliverBody(_HangUp())
        raise AnswerTooLong
    body: Deferred[bytes] = Deferred(lambda _: gatherer.hang_up())
    gatherer = _Gatherer(body)
    response.deliverBody(gatherer)
    return Answer(response.code, await body)


def within(seconds: float, clock: IReactorTime, attempt: "Deferred[_T]") -> "Deferred[_T]":
    """What comes of `attempt`, or TimeoutError after `seconds`.

    An HTTP request that is cancelled fails like one that was cut off. Here it is cancelled, and nothing else.
    """
    result: Deferred[_T] = Deferred(lambda _: stop(CancelledError()))

    def stop(error: Exception) -> None:
        # First of all, so that whatever the attempt then says comes too late.
        result.errback(error)
        attempt.cancel()

    timer = clock.callLater(seconds, lambda: stop(TimeoutError()))

    def settle(outcome: _T | Failure) -> None:
        if timer.active():
            timer.cancel()
        if not result.called:
            result.callback(outcome)

    attempt.addBoth(settle)
    return result
