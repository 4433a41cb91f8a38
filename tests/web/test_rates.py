"""How often one address may call."""

from policy.quantities import Instant
from radiusd.web import rates
from radiusd.web.rates import PC_EVENTS, RateClass, Rates
from tests.server.given import NOON
from tests.web.given import CLIENT

SELDOM = RateClass("seldom", 3, 60)


def at(seconds: float) -> Instant:
    return Instant(NOON + int(seconds * 1000))


def test_so_many_may_come_at_once_and_then_none_until_it_says() -> None:
    counted = Rates()
    assert [counted.wait(SELDOM, CLIENT, at(1)) for _ in range(3)] == [0, 0, 0]
    wait = counted.wait(SELDOM, CLIENT, at(1))
    assert 1 <= wait <= 60
    assert counted.wait(SELDOM, CLIENT, at(wait + 1)) == 0


def test_one_that_is_turned_away_does_not_count() -> None:
    counted = Rates()
    told = [counted.wait(SELDOM, CLIENT, at(0)) for _ in range(100)]
    assert told.count(0) == 3
    assert counted.wait(SELDOM, CLIENT, at(60)) == 0


def test_addresses_and_classes_are_counted_apart() -> None:
    counted = Rates()
    for _ in range(3):
        counted.wait(SELDOM, "203.0.113.5", at(0))
    assert counted.wait(SELDOM, "203.0.113.6", at(0)) == 0
    assert counted.wait(RateClass("other", 3, 60), "203.0.113.5", at(0)) == 0
    assert counted.wait(SELDOM, "203.0.113.5", at(0)) > 0


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    counted = Rates()
    told = [counted.wait(SELDOM, f"2001:db8::{number:x}", at(0)) for number in range(4)]
    assert told[:3] == [0, 0, 0]
    assert told[3] > 0
    assert counted.wait(SELDOM, "2001:db8:0:1::1", at(0)) == 0


def test_a_chain_that_closes_may_report_five_thousand_logouts_at_once() -> None:
    counted = Rates()
    assert {counted.wait(PC_EVENTS, "203.0.113.5", at(0)) for _ in range(5_000)} == {0}


def test_memory_is_bounded_however_many_call() -> None:
    counted = Rates()
    for number in range(60_000):
        counted.wait(SELDOM, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", at(0))
    assert len(counted._counts) == rates._MOST_REMEMBERED
