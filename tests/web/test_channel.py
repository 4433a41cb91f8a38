"""Connections nobody can hold open, and bodies nobody can make us keep."""

import json
import tracemalloc
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from radiusd.web.channel import Limits
from tests.web.given import Client, Greeted, Web, request

HELLO = json.dumps({"name": "nora"}).encode()
SLOW = (408, "TOO_SLOW")


@pytest.fixture
def web() -> Web:
    return Web()


def drip(web: Web, client: Client, octets: bytes, seconds: float) -> None:
    """One octet a second, for so long."""
    for number in range(int(seconds)):
        client.send(octets[number : number + 1] or b"x")
        web.clock.advance(1)


# Deadlines


@pytest.mark.parametrize("octets", [b"POST /greet", request("POST", "/greet")[:-2] + b"X-Long: "])
def test_a_header_that_drips_is_refused_ten_seconds_after_it_began(web: Web, octets: bytes) -> None:
    client = web.connect()
    drip(web, client, octets, 9)
    assert client.answers == []
    drip(web, client, octets[9:], 1)
    assert client.answers[-1].error == SLOW
    web.clock.advance(2)
    assert client.wire.is_closed


def test_a_connection_that_says_nothing_is_closed(web: Web) -> None:
    client = web.connect()
    web.pass_time(12)
    assert client.wire.is_closed


def test_a_body_that_drips_is_refused_ten_seconds_after_the_header(web: Web) -> None:
    client = web.connect()
    web.clock.advance(5)
    client.send(request("POST", "/greet", Content_Length="5000", Content_Type="application/json"))
    drip(web, client, b"{" * 5000, 9)
    assert client.answers == []
    drip(web, client, b"{" * 5000, 1)
    assert client.answers[-1].error == SLOW
    assert web.served == []


def test_chunks_that_drip_are_no_way_around_it(web: Web) -> None:
    client = web.connect()
    client.send(request("POST", "/greet", Transfer_Encoding="chunked", Content_Type="application/json"))
    for _ in range(10):
        client.send(b"1\r\n{\r\n")
        web.clock.advance(1)
    assert client.answers[-1].error == SLOW


def test_a_connection_that_idles_is_closed_after_thirty_seconds(web: Web) -> None:
    client = web.connect()
    client.ask("POST", "/greet", HELLO)
    web.clock.advance(29)
    assert not client.wire.is_closed
    web.clock.advance(1)
    assert client.wire.is_closed


@pytest.mark.parametrize("before", [request("POST", "/greet", HELLO), request("GET", "/nowhere")])
def test_the_next_header_has_its_own_ten_seconds_wherever_its_first_octet_came(web: Web, before: bytes) -> None:
    client = web.connect()
    client.send(before + b"POST")
    web.clock.advance(10)
    assert client.answers[-1].error == SLOW


def test_an_answer_may_take_longer_than_a_request(web: Web) -> None:
    waiting: Deferred[Greeted] = Deferred()
    web = Web(web.greet(serve=lambda _: waiting))
    client = web.connect()
    client.send(request("POST", "/greet", HELLO))
    web.clock.advance(600)
    waiting.callback(Greeted("at last"))
    assert client.answers[-1].body == {"words": "at last"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_comes_while_an_answer_is_made_starts_no_deadline(web: Web, method: str) -> None:
    answers: list[Any] = [Greeted("at once"), Deferred(), Deferred()]
    given = iter(answers)
    web = Web(web.greet(method=method, takes=None, serve=lambda _: next(given)))
    client = web.connect()
    asked = request(method, "/greet", HELLO if method == "POST" else b"")
    client.send(asked + asked)
    client.send(asked)
    web.clock.advance(60)
    assert len(client.answers) == 1
    answers[1].callback(Greeted("late"))
    assert [each.status for each in client.answers] == [200, 200]


def test_a_client_that_does_not_read_is_cut_off(web: Web) -> None:
    web = Web(limits=Limits(unread=5))
    client = web.connect()
    client.send(request("POST", "/greet", HELLO))
    assert client.channel is not None
    client.channel.pauseProducing()
    assert client.wire.producerState == "paused"
    web.clock.advance(4)
    assert not client.wire.is_closed
    web.clock.advance(1)
    assert client.wire.is_closed


def test_one_that_asks_on_without_reading_is_cut_off_no_later(web: Web) -> None:
    web = Web(limits=Limits(unread=5))
    client = web.connect()
    assert client.channel is not None
    for _ in range(5):
        client.channel.pauseProducing()
        assert not client.wire.is_closed
        web.clock.advance(1)
    assert client.wire.is_closed


def test_whoever_does_not_read_gets_no_more_answers(web: Web) -> None:
    def fill(_: object) -> Greeted:
        assert client.channel is not None
        client.channel.pauseProducing()
        return Greeted("more than is read")

    web = Web(web.greet(serve=fill))
    client = web.connect()
    assert client.channel is not None
    client.send(request("POST", "/greet", HELLO) * 3)
    client.send(request("POST", "/greet", HELLO))
    for read in range(1, 5):
        assert len(client.answers) == read
        assert client.wire.producerState == "paused"
        client.channel.resumeProducing()
    assert client.wire.producerState == "producing"


def test_one_that_reads_after_all_is_not(web: Web) -> None:
    web = Web(limits=Limits(unread=5))
    client = web.connect()
    client.send(request("POST", "/greet", HELLO))
    assert client.channel is not None
    client.channel.pauseProducing()
    web.clock.advance(4)
    client.channel.resumeProducing()
    web.clock.advance(4)
    assert client.ask("POST", "/greet", HELLO).status == 200


def test_nothing_is_left_of_a_connection_that_is_gone(web: Web) -> None:
    for begun in (b"", b"POST /gr", request("POST", "/greet", HELLO)[:-3], request("POST", "/greet", HELLO)):
        client = web.connect()
        client.send(begun)
        assert client.channel is not None
        client.channel.pauseProducing()
        client.hang_up()
    assert web.clock.getDelayedCalls() == []
    assert web.factory.counts == {}


# Bodies


@pytest.mark.parametrize("length", ["65537", "209715200", "9" * 5000])
def test_a_body_that_will_be_too_long_is_refused_before_it_comes(web: Web, length: str, logged: list[LogEvent]) -> None:
    client = web.connect()
    client.send(request("POST", "/greet", Content_Length=length, Content_Type="application/json"))
    assert client.answers[-1].error == (413, "TOO_LARGE")
    assert not [each for each in logged if "log_failure" in each]


def test_the_longest_body_is_taken(web: Web) -> None:
    longest = json.dumps({"name": "n" * (65_536 - 12)}).encode()
    assert len(longest) == 65_536
    assert web.ask("POST", "/greet", longest).status == 200


def test_a_route_may_take_less(web: Web) -> None:
    web = Web(web.greet(largest_body=20))
    assert web.ask("POST", "/greet", HELLO).status == 200
    assert web.ask("POST", "/greet", HELLO + b" " * 20).error == (413, "TOO_LARGE")
    assert web.ask("POST", "/greet?name=x", HELLO + b" " * 20).error == (413, "TOO_LARGE")


def test_chunks_are_cut_off_as_soon_as_they_are_too_much(web: Web) -> None:
    client = web.connect()
    client.send(request("POST", "/greet", Transfer_Encoding="chunked", Content_Type="application/json"))
    for _ in range(16):
        client.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
    assert client.answers == []
    client.send(b"1\r\n \r\n")
    assert client.answers[-1].error == (413, "TOO_LARGE")
    client.send(b"0\r\n\r\n")
    assert len(client.answers) == 1
    assert web.served == []


def test_chunks_that_are_too_much_are_refused_once_though_they_end_at_once(web: Web) -> None:
    client = web.connect()
    chunks = b"10001\r\n" + b" " * 65_537 + b"\r\n0\r\n\r\n"
    client.send(request("POST", "/greet", Transfer_Encoding="chunked", Content_Type="application/json") + chunks)
    assert [each.error for each in client.answers] == [(413, "TOO_LARGE")]


def test_a_large_body_leaves_no_trace_in_memory(web: Web) -> None:
    client = web.connect()
    client.send(request("POST", "/greet", Transfer_Encoding="chunked", Content_Type="application/json"))
    tracemalloc.start()
    for _ in range(200):
        client.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 1_000_000
    assert client.answers[-1].error == (413, "TOO_LARGE")


def test_a_compressed_body_is_not_taken(web: Web) -> None:
    assert web.ask("POST", "/greet", HELLO, Content_Encoding="gzip").error == (415, "UNSUPPORTED_TYPE")
    assert web.ask("POST", "/greet", HELLO, Content_Encoding="identity").status == 200


def test_after_a_refusal_the_connection_is_closed_and_nothing_more_is_served(web: Web) -> None:
    client = web.connect()
    refused = request("POST", "/greet", Content_Length="70000", Content_Type="application/json")
    client.send(refused + request("POST", "/greet", HELLO))
    client.send(request("POST", "/greet", HELLO))
    assert [each.error for each in client.answers] == [(413, "TOO_LARGE")]
    assert client.answers[0].headers["connection"] == "close"
    assert client.wire.is_half_closed
    client.send(b"x" * 10_000)
    assert client.channel is not None
    assert client.channel.clearLineBuffer() == b""
    web.clock.advance(2)
    assert client.wire.is_closed
    assert web.served == []


def test_a_client_that_asks_first_is_told_to_go_on_or_not_to(web: Web) -> None:
    client = web.connect()
    head = {"Content_Type": "application/json", "Expect": "100-continue"}
    client.send(request("POST", "/greet", Content_Length=str(len(HELLO)), **head))
    assert client.wire.value() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(HELLO)
    assert client.answers[-1].status == 200
    refused = web.connect()
    refused.send(request("POST", "/greet", Content_Length="70000", **head))
    assert b"100 Continue" not in refused.wire.value()


# What is not HTTP


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET /own HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /own HTTP/1.1\r\nname : value\r\n\r\n",
        b"GET /own HTTP/1.1\r\nX: " + b"x" * 20_000,
        b"GET /own HTTP/1.1\r\n" + b"X: x\r\n" * 5_000,
        b"GET /" + b"x" * 20_000,
        b"POST /greet HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /greet HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /greet HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /greet HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST /greet HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n",
    ],
)
def test_what_is_not_http_gets_one_error_and_the_connection_is_closed(
    web: Web, octets: bytes, logged: list[LogEvent]
) -> None:
    client = web.connect()
    client.send(octets)
    client.send(request("POST", "/greet", HELLO))
    web.clock.advance(2)
    assert [each.error for each in client.answers] == [(400, "BAD_REQUEST")]
    assert client.wire.is_closed
    assert web.served == []
    assert not [each for each in logged if "log_failure" in each]


# Many requests, many connections


def test_thousands_of_requests_go_over_one_connection(web: Web) -> None:
    client = web.connect()
    for _ in range(3_000):
        web.clock.advance(0.01)
        client.send(request("POST", "/greet", HELLO))
    assert len(client.answers) == 3_000
    assert {each.status for each in client.answers} == {200}


def test_requests_sent_ahead_are_answered_in_their_order(web: Web) -> None:
    client = web.connect()
    octets = b"".join(request("POST", "/greet", json.dumps({"name": str(n)}).encode()) for n in range(50))
    for start in range(0, len(octets), 1_000):
        client.send(octets[start : start + 1_000])
    assert [each.body["words"] for each in client.answers] == [f"hello {n}" for n in range(50)]


def test_whoever_says_so_is_not_kept_alive(web: Web) -> None:
    client = web.connect()
    client.send(request("POST", "/greet", HELLO, Connection="close"))
    assert client.answers[-1].status == 200
    assert client.wire.is_closed


def test_one_address_has_only_so_many_connections(web: Web) -> None:
    clients = [web.connect() for _ in range(65)]
    assert [each.is_let_in for each in clients] == [True] * 64 + [False]
    assert web.connect("203.0.113.6").is_let_in
    clients[0].hang_up()
    assert web.connect().is_let_in


def test_all_together_have_only_so_many_connections() -> None:
    web = Web(limits=Limits(connections=3))
    clients = [web.connect(f"203.0.113.{number}") for number in range(4)]
    assert [each.is_let_in for each in clients] == [True, True, True, False]
    clients[0].hang_up()
    assert web.connect("203.0.113.9").is_let_in
