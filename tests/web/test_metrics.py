"""`/metrics` as Prometheus asks for it, every few seconds for years."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent

from radiusd.web.metrics import MetricsSite


class Threads(Clock):
    """A reactor whose threads do everything at once."""

    def getThreadPool(self) -> "Threads":
        return self

    def callInThread(self, call: Callable[[], object]) -> None:
        call()

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


@pytest.fixture
def site() -> Iterator[MetricsSite]:
    """It listens, and has one figure."""
    registry = CollectorRegistry()
    Gauge("guests", "How many there are", registry=registry).set(7)
    made = MetricsSite(registry, Threads())
    made.doStart()
    yield made
    made.doStop()


def scraped(site: MetricsSite) -> bytes:
    """All that comes back."""
    wire: Any = StringTransport(peerAddress=IPv4Address("TCP", "127.0.0.1", 40_000))
    channel = site.buildProtocol(wire.getPeer())
    assert channel is not None
    channel.makeConnection(wire)
    channel.dataReceived(b"GET /metrics HTTP/1.1\r\nHost: radius\r\nConnection: close\r\n\r\n")
    return bytes(wire.value())


def test_figures_are_shown_to_whoever_asks(site: MetricsSite) -> None:
    answer = scraped(site)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"guests 7.0" in answer


def test_a_scrape_leaves_no_line_in_the_log(site: MetricsSite, logged: list[LogEvent]) -> None:
    assert b" 200 " in scraped(site)
    assert logged == []
