"""A web root without sockets: octets in by hand, answers out of a transport that keeps them."""

import json
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd.web.channel import Limits, WebFactory
from radiusd.web.proxies import Network, is_proxy
from radiusd.web.rates import RateClass
from radiusd.web.root import WebRoot
from radiusd.web.routes import Call, Route, Who
from tests.server.given import NOON

OFTEN = RateClass("often", 1_000, 1)
CLIENT = "203.0.113.5"
TOKEN = "the token of nora"


@frozen
class Greeting:
    """What is asked."""

    name: str
    times: int = 1


@frozen
class Greeted:
    """What is answered."""

    words: str


class Wire(StringTransport):
    """Stands for a TCP connection; `is_closed` once nothing goes either way, `is_half_closed` when we say no more."""

    is_closed = False
    is_half_closed = False

    def loseConnection(self) -> None:
        self.disconnecting = True
        self._close()

    def abortConnection(self) -> None:
        self._close()

    def loseWriteConnection(self) -> None:
        self.is_half_closed = True

    def _close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.protocol.connectionLost(Failure(ConnectionDone()))

    protocol: Any = None


@frozen
class Answer:
    """One answer; `body` is decoded from JSON where it is JSON."""

    status: int
    headers: dict[str, str]
    octets: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.octets)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code; fails unless it has the one form of errors."""
        assert self.headers["content-type"] == "application/json; charset=utf-8"
        assert set(self.body) == {"success", "error_code", "message"}
        assert self.body["success"] is False
        assert self.body["message"]
        return self.status, self.body["error_code"]


class Client:
    """One connection to the web root."""

    def __init__(self, factory: WebFactory, address: str) -> None:
        self.wire = Wire(peerAddress=IPv4Address("TCP", address, 40_000))
        self.channel = factory.buildProtocol(self.wire.getPeer())
        self.is_let_in = self.channel is not None
        if self.channel is not None:
            self.wire.protocol = self.channel
            self.channel.makeConnection(self.wire)

    def send(self, octets: bytes) -> None:
        """So much more of whatever it is."""
        assert self.channel is not None
        if not self.wire.is_closed:
            self.channel.dataReceived(octets)

    def hang_up(self) -> None:
        """The client is gone."""
        self.wire._close()

    @property
    def answers(self) -> list[Answer]:
        """All that came back; fails when something else did."""
        return list(read_answers(self.wire.value()))

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """The last answer after one more request."""
        assert not self.wire.is_closed
        self.send(request(method, path, body, **headers))
        return self.answers[-1]


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request; `Content_Type="x"` is a header."""
    if body:
        headers = {"Content_Type": "application/json", "Content_Length": str(len(body)), **headers}
    lines = [f"{method} {path} HTTP/1.1", "Host: wifi.example.net"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def read_answers(octets: bytes) -> Sequence[Answer]:
    """Whole answers, one after the other; a chunked one is taken to be the last."""
    found = []
    while octets:
        head, _, octets = octets.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        if first == "HTTP/1.1 100 Continue":
            continue
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", len(octets)))
        found.append(Answer(int(first.split()[1]), headers, octets[:length]))
        octets = octets[length:]
    return found


async def whose(token: str) -> str | None:
    """Whose token it is."""
    return "nora" if token == TOKEN else None


class Web:
    """A web root of `routes`, beside an endless clock."""

    def __init__(
        self, *routes: Route, limits: Limits | None = None, proxies: Sequence[Network] = (), authenticate: Any = whose
    ) -> None:
        self.clock = Clock()
        self.served: list[Call] = []
        self.root = WebRoot(
            routes or (self.greet(), self.own()),
            authenticate,
            proxies,
            self.clock,
            lambda: Instant(NOON + int(self.clock.seconds() * 1000)),
        )
        exempt = lambda address: is_proxy(address, proxies)  # noqa: E731 - as it is handed over
        self.factory = WebFactory(self.root, limits or Limits(), self.clock, exempt)

    def connect(self, address: str = CLIENT) -> Client:
        """One more connection."""
        return Client(self.factory, address)

    def pass_time(self, seconds: float) -> None:
        """In steps of half a second."""
        self.clock.pump([0.5] * int(seconds * 2))

    def ask(self, *arguments: Any, source: str = CLIENT, **headers: str) -> Answer:
        """The answer to one request over a connection of its own."""
        client = self.connect(source)
        answer = client.ask(*arguments, **headers)
        client.hang_up()
        return answer

    def _greet(self, call: Call) -> Greeted:
        self.served.append(call)
        return Greeted(words=f"hello {call.value.name}" if call.value else "hello")

    def greet(self, **changed: Any) -> Route:
        """`POST /greet`."""
        fields: dict[str, Any] = {
            "method": "POST",
            "path": "/greet",
            "who": Who.ANYONE,
            "rate": OFTEN,
            "serve": self._greet,
            "summary": "Greet somebody",
            "takes": Greeting,
            "gives": Greeted,
        }
        return Route(**{**fields, **changed})

    def own(self, **changed: Any) -> Route:
        """`GET /own`, for guests."""
        return self.greet(**{"method": "GET", "path": "/own", "who": Who.GUEST, "takes": None, **changed})
