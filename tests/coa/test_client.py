"""Exchanges over UDP, on a reactor whose clock is turned by hand."""

import errno
from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from policy.quantities import Instant
from radiusd.coa.client import DynamicAuthorizationClient
from radiusd.coa.orders import Acknowledged, Silent
from tests.coa.given import BEGAN, NAS, TARGET, Network, answer, order
from tests.wire.given import DICTIONARY


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


def ask_every_minute(given: Client, minutes: int, orders: int = 60) -> int:
    """A router that is off is asked for so many cuts, each again about once a minute; the most sockets at a time."""
    most = 0
    for minute in range(minutes):
        for number in range(orders):
            given.request(minute * orders + number)
        for _ in range(64):
            given.network.advance(1)
            most = max(most, len(given.network.open))
    return most


def test_a_router_that_stays_off_keeps_few_sockets_open() -> None:
    given = Client()
    assert ask_every_minute(given, 60) == 3
    assert len(given.network.ports) > 10
    assert len(given.came) == 60 * 60


def test_a_socket_is_closed_only_when_no_late_answer_can_be_for_another() -> None:
    given = Client()
    ask_every_minute(given, 5)
    first = given.network.ports[0]
    assert len(given.network.ports) == 2
    given.turn(235)
    given.request(1_000)
    assert first.transport is not None
    given.turn(10)
    given.request(1_001)
    assert first.transport is None
    assert given.network.open == given.network.ports[1:]


def test_what_no_socket_can_be_opened_for_is_as_good_as_lost_on_the_way() -> None:
    given = Client()
    given.network.trouble = errno.EADDRNOTAVAIL
    given.request()
    given.turn(0.5)
    assert given.counted == ["coa_send_failed"] * 2
    given.network.trouble = None
    given.turn(0.5)
    (sent,) = given.network.sent
    given.network.ports[0].datagramReceived(answer(sent, 41), NAS)
    assert given.came == [Acknowledged(3, 1_000)]


def test_silence_is_what_comes_of_it_in_the_end_and_the_next_order_is_asked_as_ever() -> None:
    given = Client()
    given.network.trouble = errno.EMFILE
    given.request()
    given.turn(4.6)
    (silent,) = given.came
    assert isinstance(silent, Silent)
    given.network.trouble = None
    given.request(2)
    assert len(given.network.sent) == 1


def test_it_is_told_once_why_no_socket_can_be_opened_and_once_that_one_can() -> None:
    given, lines = Client(), list[Any]()
    globalLogPublisher.addObserver(lines.append)
    try:
        for given.network.trouble in (errno.EADDRNOTAVAIL, errno.EMFILE):
            given.request()
            given.turn(5)
        given.network.trouble = None
        given.request()
        given.request(2)
    finally:
        globalLogPublisher.removeObserver(lines.append)
    told = [each.get("why") for each in lines if each["log_namespace"] == "radiusd.coa.client"]
    assert told == ["Cannot assign requested address", "Too many open files", None]


def test_closing_leaves_no_timer_behind() -> None:
    given = Client()
    given.request()
    given.client.close()
    assert given.network.getDelayedCalls() == []
