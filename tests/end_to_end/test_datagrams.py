"""Datagrams in batches, over real sockets."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

from radiusd.server.datagrams import AT_ONCE, PORT, ManyPort


class Echo(DatagramProtocol):
    """Gives back what it gets, and where it came from."""

    def __init__(self) -> None:
        self.sources: list[Any] = []
        self.came_at: list[int | None] = []

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.sources.append(addr)
        if isinstance(self.transport, ManyPort):
            self.came_at.append(self.transport.came_at())
        assert self.transport is not None
        self.transport.write(datagram, addr)


@pytest.fixture(params=["127.0.0.1", "::1"])
def opened(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Echo, socket.socket]]:
    protocol = Echo()
    port: Any = PORT(0, protocol, request.param, 8192, reactor)
    port.startListening()
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(2)
    client.connect((request.param, port.getHost().port))
    yield port, protocol, client
    client.close()
    port.connectionLost()


def test_this_system_has_batches() -> None:
    assert PORT is ManyPort


def test_what_comes_in_batches_goes_back_to_where_it_came_from(opened: tuple[Any, Echo, socket.socket]) -> None:
    port, protocol, client = opened
    sent = [bytes([number % 256]) * (1 + number) for number in range(3 * AT_ONCE)]
    for each in sent:
        client.send(each)
    port.doRead()
    assert [client.recv(8192) for _ in sent] == sent
    assert set(protocol.sources) == {client.getsockname()[:2]}


def test_when_a_datagram_came_is_known_however_long_it_waited(opened: tuple[Any, Echo, socket.socket]) -> None:
    port, protocol, client = opened
    sent_at = []
    for _ in range(2):
        for _ in range(3):
            sent_at.append(time.time() * 1000)
            client.send(b"x")
            time.sleep(0.03)
        port.doRead()
    came_at = [each for each in protocol.came_at if each is not None]
    assert len(came_at) == len(sent_at)
    assert all(-1 <= came - sent < 20 for sent, came in zip(sent_at, came_at, strict=True))


def test_the_largest_packet_arrives_whole_and_a_larger_one_is_seen_to_be(
    opened: tuple[Any, Echo, socket.socket],
) -> None:
    port, _, client = opened
    for length in (4096, 5000, 1):
        client.send(bytes(length))
    port.doRead()
    assert [len(client.recv(8192)) for _ in range(3)] == [4096, 4100, 1]


def test_one_that_cannot_be_sent_does_not_hold_up_the_others(opened: tuple[Any, Echo, socket.socket]) -> None:
    port, _, client = opened
    heard: list[Any] = []
    port.not_sent = lambda source, error: heard.append((source, error.errno))
    here = client.getsockname()[:2]
    nowhere = (here[0], 0)  # nobody can have port 0
    port.write(b"one", here)
    port.write(b"two", nowhere)
    port.write(b"three", here)
    port.flush()
    assert [client.recv(100), client.recv(100)] == [b"one", b"three"]
    assert [source for source, _ in heard] == [nowhere]


def test_what_waits_is_sent_before_the_port_is_closed() -> None:
    protocol = Echo()
    port: Any = PORT(0, protocol, "127.0.0.1", 8192, reactor)
    port.startListening()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.bind(("127.0.0.1", 0))
        port.write(b"last words", client.getsockname())
        port.connectionLost()
        assert client.recv(100) == b"last words"
