"""Replies that stay open: they end, they cost little, and they tell a slow client only the latest."""

import pytest

from radiusd.web.routes import Who
from radiusd.web.streams import ALIVE_EVERY, LASTS, EventStream
from tests.web.given import CLIENT, Client, Web, request

OPEN = ": open\n\n"
BALANCE = "event: balance\ndata:\n\n"


class Watched(Web):
    """`GET /changes` opens a stream; `over` has the numbers of those that ended."""

    def __init__(self) -> None:
        self.streams: list[EventStream] = []
        self.over: list[int] = []
        super().__init__(self.own(path="/changes", who=Who.ANYONE, gives=None, serve=lambda _: self._open()))

    def _open(self) -> EventStream:
        stream = EventStream()
        number = len(self.streams)
        self.streams.append(stream)
        stream.when_over(lambda: self.over.append(number))
        return stream

    def watch(self, address: str = CLIENT) -> Client:
        """A client that keeps listening."""
        client = self.connect(address)
        client.send(request("GET", "/changes"))
        return client


def told(client: Client) -> str:
    """What a client heard, without the chunks it came in."""
    (answer,) = client.answers
    text, rest = "", answer.octets
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        text += rest[: int(length, 16)].decode()
        rest = rest[int(length, 16) + 2 :]
    return text


@pytest.fixture
def web() -> Watched:
    return Watched()


def test_events_come_as_they_happen(web: Watched) -> None:
    client = web.watch()
    assert client.answers[0].headers["content-type"] == "text/event-stream"
    web.streams[0].send("balance")
    web.streams[0].send("balance")
    assert told(client) == OPEN + BALANCE + BALANCE


def test_what_happened_before_it_was_open_is_told(web: Watched) -> None:
    stream = EventStream()
    stream.send("balance")
    web.root._routes["/changes"]["GET"] = web.own(who=Who.ANYONE, serve=lambda _: stream)
    assert told(web.watch()) == OPEN + BALANCE


def test_a_line_every_fifteen_seconds_keeps_it_alive(web: Watched) -> None:
    client = web.watch()
    web.pass_time(3 * ALIVE_EVERY)
    assert told(client) == OPEN + ":\n\n" * 3
    assert not client.wire.is_closed


def test_a_client_that_does_not_read_is_told_only_the_latest_of_each(web: Watched) -> None:
    client = web.watch()
    assert client.channel is not None
    client.channel.pauseProducing()
    for _ in range(10_000):
        web.streams[0].send("balance")
        web.streams[0].send("session")
    web.clock.advance(ALIVE_EVERY)
    assert told(client) == OPEN
    client.channel.resumeProducing()
    assert told(client) == OPEN + BALANCE + "event: session\ndata:\n\n"


def test_it_ends_with_the_client(web: Watched) -> None:
    web.watch().hang_up()
    assert web.over == [0]
    web.streams[0].send("balance")
    assert web.clock.getDelayedCalls() == []


def test_it_ends_after_an_hour_and_the_connection_goes_on(web: Watched) -> None:
    client = web.watch()
    for _ in range(int(LASTS)):
        web.clock.advance(1)
    assert web.over == [0]
    assert client.wire.value().endswith(b"0\r\n\r\n")
    before = len(client.wire.value())
    client.send(request("GET", "/changes"))
    assert b": open" in client.wire.value()[before:]


def test_whoever_asks_only_for_its_head_gets_no_stream(web: Watched) -> None:
    client = web.connect()
    client.send(request("HEAD", "/changes") + request("GET", "/nowhere"))
    assert web.over == [0]
    assert b"404" in client.wire.value()


def test_one_address_has_only_so_many(web: Watched) -> None:
    clients = [web.watch() for _ in range(33)]
    assert [each.answers[0].status for each in clients] == [200] * 32 + [429]
    assert clients[-1].answers[0].error == (429, "RATE_LIMITED")
    assert web.over == [32]
    assert web.watch("203.0.113.6").answers[0].status == 200
    clients[0].hang_up()
    assert web.watch().answers[0].status == 200


def test_all_together_have_only_so_many(web: Watched) -> None:
    clients = [web.watch(f"203.0.113.{number % 250}") for number in range(513)]
    assert [each.answers[0].status for each in clients] == [200] * 512 + [503]
    assert clients[-1].answers[0].error == (503, "TRY_AGAIN")
