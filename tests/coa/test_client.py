"""Exchanges over UDP, on a reactor whose clock is turned by hand."""

from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock

from policy.quantities import Instant
from radiusd.coa.client import DynamicAuthorizationClient
from radiusd.coa.orders import Acknowledged, Silent
from tests.coa.given import BEGAN, TARGET, answer, order
from tests.wire.given import DICTIONARY

NAS = (TARGET.address, TARGET.port)


class _Wire:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        self.sent.append((octets, to))


class Network(MemoryReactorClock):
    """Keeps what is sent, port by port."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Any] = []

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        protocol.transport = _Wire()
        self.ports.append(protocol)
        return _Port(protocol)

    @property
    def sent(self) -> list[bytes]:
        return [octets for each in self.ports for octets, to in each.transport.sent if to == NAS]


class _Port:
    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def stopListening(self) -> None:
        self.protocol.transport = None


class Client:
    """A client, its network, and what came of each order."""

    def __init__(self) -> None:
        self.network = Network()
        self.counted: list[str] = []
        self.client = DynamicAuthorizationClient(
            self.network, DICTIONARY, self.now, Random(3), self.counted.append, interface="10.0.0.9"
        )
        self.came: list[Any] = []

    def now(self) -> Instant:
        return Instant(BEGAN + round(self.network.seconds() * 1000))

    def request(self, number: int = 1, **more: Any) -> "Deferred[Any]":
        made = self.client.request(evolve(order(number, f"{number}"), **more))
        made.addCallback(self.came.append)
        return made

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.network.advance(0.01)


def test_the_first_datagram_is_on_the_wire_when_the_call_returns() -> None:
    given = Client()
    given.request()
    assert len(given.network.sent) == 1


def test_it_is_sent_four_times_and_then_given_up() -> None:
    given = Client()
    given.request()
    given.turn(4.4)
    assert len(given.network.sent) == 4
    assert len(set(given.network.sent)) == 1
    assert given.came == []
    given.turn(0.2)
    (silent,) = given.came
    assert isinstance(silent, Silent)
    assert silent.attempts == 4


def test_an_answer_ends_it() -> None:
    given = Client()
    given.request()
    given.turn(0.5)
    (port,) = given.network.ports
    port.datagramReceived(answer(given.network.sent[0], 41), NAS)
    assert given.came == [Acknowledged(2, 500)]
    given.turn(5)
    assert len(given.network.sent) == 2


def test_an_answer_from_another_address_or_port_is_counted_and_ignored() -> None:
    given = Client()
    given.request()
    (port,) = given.network.ports
    good = answer(given.network.sent[0], 41)
    for source in (("10.0.0.2", 3799), ("10.0.0.1", 3800)):
        port.datagramReceived(good, source)
    port.datagramReceived(good[:-1], NAS)
    port.datagramReceived(answer(given.network.sent[0], 41, secret=b"another"), NAS)
    assert given.came == []
    assert given.counted == [
        "coa_answer_wrong_source",
        "coa_answer_wrong_source",
        "coa_answer_short_datagram",
        "coa_answer_bad_authenticator",
    ]


def test_an_order_that_is_forgotten_is_not_sent_again_and_never_fires() -> None:
    given = Client()
    forgotten = order(1, "1")
    given.request()
    given.client.forget(forgotten)
    given.turn(6)
    assert len(given.network.sent) == 1
    assert given.came == []


def test_after_five_idle_minutes_the_socket_is_closed_and_a_new_order_opens_another() -> None:
    given = Client()
    given.request()
    given.network.ports[0].datagramReceived(answer(given.network.sent[0], 41), NAS)
    given.network.advance(301)
    assert given.network.ports[0].transport is None
    given.request(2)
    assert len(given.network.ports) == 2


def test_each_nas_has_its_own_line() -> None:
    given = Client()
    for number in range(30):
        given.request(number)
    given.request(99, target=evolve(TARGET, router_id=2, address="10.0.0.2"))
    assert len(given.network.ports) == 2
    assert len(given.network.ports[1].transport.sent) == 1


def test_closing_leaves_no_timer_behind() -> None:
    given = Client()
    given.request()
    given.client.close()
    assert given.network.getDelayedCalls() == []
