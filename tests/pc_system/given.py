"""A PC system that is a list: what it is to answer goes in, what it was asked comes out."""

import json
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IResponse
from zope.interface import implementer

from policy.quantities import Instant, Money
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import over
from radiusd.pc_system.values import Access

ACCESS = Access(branch_id=1, url="http://192.168.10.5:8080", api_key="the key of q1")
REFUSED = ConnectionRefusedError()
SILENT = None


@frozen
class Call:
    """One request, as the PC system sees it."""

    method: str
    url: str
    headers: Headers
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def bearer(self) -> str | None:
        (found,) = self.headers.getRawHeaders("authorization", [None])
        return None if found is None else found.removeprefix("Bearer ")


@frozen
class Reply:
    """An answer; with `ends` False it stops in the middle, and nothing more comes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, list[str]] = field(factory=dict)
    ends: bool = True


def says(status: int = 200, headers: dict[str, list[str]] | None = None, **fields: Any) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(fields).encode(), headers or {})


class Connection:
    """The transport under an answer."""

    def __init__(self) -> None:
        self.is_closed = False

    def loseConnection(self) -> None:
        self.is_closed = True


@implementer(IResponse)
class Response:
    """What an agent gives for a reply."""

    version = (b"HTTP", 1, 1)
    phrase = b""
    request = None
    previousResponse = None

    def __init__(self, reply: Reply, connection: Connection) -> None:
        self.code = reply.status
        self.headers = Headers(reply.headers)
        declared = self.headers.getRawHeaders("content-length")
        self.length: Any = UNKNOWN_LENGTH if declared is None else int(declared[0])
        self._reply = reply
        self._connection = connection

    def setPreviousResponse(self, previous: IResponse) -> None:
        """Nobody asks."""

    def deliverBody(self, protocol: Protocol) -> None:
        protocol.makeConnection(self._connection)  # type: ignore[arg-type]
        for start in range(0, len(self._reply.body), 10_000):
            if not self._connection.is_closed:
                protocol.dataReceived(self._reply.body[start : start + 10_000])
        if self._connection.is_closed:
            protocol.connectionLost(Failure(ConnectionDone()))
        elif self._reply.ends:
            protocol.connectionLost(Failure(ResponseDone()))


@implementer(IAgent)
class PcSystem:
    """Answers what it was told, in order, and the last of it for ever: a Reply, an error, or SILENT."""

    def __init__(self, *answers: Reply | Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.connections: list[Connection] = []
        self.cancelled = 0

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Any:
        self.calls.append(Call(method.decode(), uri.decode(), headers, read(bodyProducer)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            return fail(answer)
        if answer is None:
            return Deferred(self._cancel)
        self.connections.append(Connection())
        return succeed(Response(answer, self.connections[-1]))

    def _cancel(self, waiting: "Deferred[Any]") -> None:
        # As twisted.web does it: whoever cancels is told of a connection that broke.
        self.cancelled += 1
        waiting.errback(ConnectionDone())


def read(producer: Any) -> bytes:
    """The octets of a request's body."""
    octets = bytearray()

    class Consumer:
        def write(self, data: bytes) -> None:
            octets.extend(data)

    if producer is not None:
        producer.startProducing(Consumer())
    return bytes(octets)


class Asker:
    """A client and its PC system, on a clock that is turned by hand; `came` has results and errors alike."""

    def __init__(self, *answers: Reply | Exception | None) -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.system = PcSystem(*answers)
        self.client = PcSystemClient(over(self.system), self.clock, Random(3))
        self.came: list[Any] = []

    def ask(self, wish: Coroutine[Any, Any, Any]) -> "Deferred[Any]":
        """Begin; what comes of it is put into `came`."""
        asked: Deferred[Any] = Deferred.fromCoroutine(wish)
        asked.addErrback(lambda failure: failure.value).addCallback(self.came.append)
        return asked

    def result(self, wish: Coroutine[Any, Any, Any], seconds: float = 60) -> Any:
        """What comes of it, at the latest after `seconds`."""
        self.ask(wish)
        self.turn(seconds if not self.came else 0)
        return self.came.pop()

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)  # type: ignore[no-untyped-call]

    def balance(self) -> Coroutine[Any, Any, Any]:
        return self.client.balance(ACCESS, "a-session")


# What it may be asked, and what it answers to that

BALANCE = says(balance_vnd=150_000)
TIME = "2026-02-16T10:30:00.123Z"
AT = Instant(1_771_237_800_123)
LOGIN = says(
    success=True, user_id="u1", username="nora_01", balance=150_000, session_token="a-session", expires_at=TIME
)
DEBIT = says(success=True, transaction_id="t1", new_balance=130_000, timestamp=TIME)
REFUND = says(success=True, refund_id="r1", message="done")
VALID = says(valid=True, user_id="u1", username="nora_01")

Wish = Callable[[PcSystemClient], Coroutine[Any, Any, Any]]


def log_in(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.log_in(ACCESS, "nora_01", "secret", "loc_abc")


def balance(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.balance(ACCESS, "a-session")


def debit(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.debit(ACCESS, "u1", Money(20_000), "WiFi Package: Hour", "wifi_u1_1", {"package_id": 3})


def refund(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.refund(ACCESS, "t1", Money(20_000), "no WiFi", "refund_t1")


def validate(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.validate(ACCESS, "a-session")
