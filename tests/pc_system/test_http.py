"""HTTP as it goes over a wire, which here is a list."""

from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, globalLogPublisher

from policy.quantities import Money
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import real_http
from radiusd.pc_system.values import Balance
from tests.pc_system.given import ACCESS

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"balance_vnd": 150}'


class Wire:
    """One balance that is asked for, as far as the connection."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.came: list[Any] = []
        client = PcSystemClient(real_http(self.reactor), self.reactor, Random(3))
        asked: Deferred[Any] = Deferred.fromCoroutine(client.balance(ACCESS, "a-session"))
        asked.addErrback(lambda failure: failure.value).addCallback(self.came.append)
        ((_, port, self.factory, *_),) = self.reactor.tcpClients
        assert port == 8080
        self.transport = StringTransport()
        self.factory.doStart()
        self.protocol: Any = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)


def test_a_request_is_one_connection_that_is_not_kept() -> None:
    wire = Wire()
    sent = wire.transport.value().decode()
    assert sent.startswith("GET /api/v1/user/balance HTTP/1.1\r\n")
    assert "Authorization: Bearer a-session\r\n" in sent
    assert "Connection: close\r\n" in sent
    assert "Accept-Encoding" not in sent
    wire.protocol.dataReceived(ANSWER)
    assert wire.came == [Balance(amount=Money(150), currency="VND")]
    assert wire.transport.disconnecting


def test_a_body_that_drips_is_hung_up_on_after_five_seconds() -> None:
    wire = Wire()
    wire.protocol.dataReceived(ANSWER[:-20])
    for octet in ANSWER[-20:-4]:
        wire.reactor.advance(0.3)
        wire.protocol.dataReceived(bytes([octet]))
    assert not wire.transport.disconnecting
    wire.reactor.advance(0.3)
    assert wire.transport.disconnecting


def test_a_request_leaves_no_line_in_the_log() -> None:
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    try:
        wire = Wire()
        wire.protocol.dataReceived(ANSWER)
        wire.factory.doStop()
    finally:
        globalLogPublisher.removeObserver(events.append)
    assert wire.came != []
    assert events == []
