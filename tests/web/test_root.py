"""What a route is called with, and what its caller gets: one form for everything, errors above all."""

import json
from ipaddress import ip_network
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent

from radiusd.store.absence import StoreIsAway
from radiusd.web.errors import WebError
from radiusd.web.rates import RateClass
from radiusd.web.routes import Call, Raw
from radiusd.web.streams import EventStream
from tests.server.given import NOON
from tests.web.given import CLIENT, TOKEN, Greeted, Greeting, Web, request

HELLO = json.dumps({"name": "nora"}).encode()
PROXY = "10.0.0.9"


@pytest.fixture
def web() -> Web:
    return Web()


# What a route is given


def test_a_route_is_given_what_was_sent_and_by_whom_and_when(web: Web) -> None:
    web.clock.advance(1.5)
    answer = web.ask("POST", "/greet", HELLO, X_PC_Secret="abc")
    (call,) = web.served
    assert (call.value, call.body, call.source, call.at) == (Greeting("nora"), HELLO, CLIENT, NOON + 1500)
    assert call.headers.get("x-pc-secret") == call.headers.get("X-PC-SECRET") == "abc"
    assert call.headers.get("x-other") is None
    assert answer.body == {"words": "hello nora"}


def test_what_is_secret_in_a_call_is_not_in_its_words(web: Web) -> None:
    web.ask("POST", "/greet", b'{"name": "hunter2"}', X_PC_Secret="hunter2")
    assert "hunter2" not in repr(web.served[0])


def test_a_route_that_reads_the_octets_gets_them_as_they_came() -> None:
    web = Web()
    web = Web(web.greet(reads_raw=True, serve=lambda call: Greeted(repr(call.body) + repr(call.value))))
    assert web.ask("POST", "/greet", b"{nonsense \xff").body == {"words": repr(b"{nonsense \xff") + "None"}


def test_every_answer_is_json_that_nobody_keeps_and_names_no_version(web: Web) -> None:
    for answer in (web.ask("POST", "/greet", HELLO), web.ask("GET", "/nowhere"), web.ask("GET", "/own")):
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["date"] == "Sat, 21 Nov 2026 12:00:00 GMT"
        assert "server" not in answer.headers


def test_own_octets_come_with_their_own_type_and_status() -> None:
    web = Web()
    web = Web(web.own(who=web.greet().who, serve=lambda _: Raw(b"<p>", "text/html", 503)))
    answer = web.ask("GET", "/own")
    assert (answer.status, answer.headers["content-type"], answer.octets) == (503, "text/html", b"<p>")


def test_head_is_get_without_the_body() -> None:
    web = Web()
    web = Web(web.own(who=web.greet().who, serve=lambda _: Greeted("hello")))
    client = web.connect()
    client.send(request("HEAD", "/own"))
    assert client.wire.value().startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 17\r\n" in client.wire.value()
    assert client.wire.value().endswith(b"\r\n\r\n")


# What is wrong with a request


def test_what_is_nowhere_and_what_is_asked_the_wrong_way_are_told_apart(web: Web) -> None:
    assert web.ask("GET", "/nowhere").error == (404, "NOT_FOUND")
    assert web.ask("GET", "/greet/").error == (404, "NOT_FOUND")
    wrong = web.ask("DELETE", "/greet", HELLO)
    assert wrong.error == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "POST"
    assert web.ask("PUT", "/own").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"name": 1}', "Expected `str`, got `int` - at `$.name`"),
        (b'{"name": "x", "times": "2"}', "Expected `int`, got `str` - at `$.times`"),
        (b'{"name": "x", "times": 1.5}', "Expected `int`, got `float` - at `$.times`"),
        (b'{"name": "\xff"}', "utf-8"),
        (b"{} {}", "missing required field `name`"),
        (b'{"x": ' + b"[" * 60_000, "too deep"),
    ],
)
def test_json_that_is_wrong_is_told_where(web: Web, body: bytes, told: str) -> None:
    answer = web.ask("POST", "/greet", body, Content_Type="application/json", Content_Length=str(len(body)))
    assert answer.error == (400, "BAD_REQUEST")
    assert told in answer.body["message"]
    assert web.served == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_only_json_is_read_as_json(web: Web, kind: str) -> None:
    assert web.ask("POST", "/greet", HELLO, Content_Type=kind).error == (415, "UNSUPPORTED_TYPE")
    assert web.ask("POST", "/greet", HELLO, Content_Type="Application/JSON; charset=utf-8").status == 200


def test_an_error_of_a_route_is_passed_on_with_its_headers() -> None:
    def refuse(_: Call) -> Any:
        raise WebError("TRY_AGAIN", "Later.", headers=(("Retry-After", "7"),))

    web = Web()
    web = Web(web.greet(serve=refuse))
    answer = web.ask("POST", "/greet", HELLO)
    assert answer.error == (503, "TRY_AGAIN")
    assert (answer.headers["retry-after"], answer.body["message"]) == ("7", "Later.")


def test_what_nobody_foresaw_is_logged_and_not_shown(logged: list[LogEvent]) -> None:
    async def fail(_: Call) -> Any:
        raise ValueError("the password is hunter2")

    web = Web()
    web = Web(web.greet(serve=fail))
    client = web.connect()
    answer = client.ask("POST", "/greet", HELLO)
    assert answer.error == (500, "INTERNAL")
    assert b"hunter2" not in answer.octets
    assert "/greet" in " ".join(formatEvent(each) for each in logged if "log_failure" in each)
    assert client.ask("POST", "/greet", HELLO).status == 500


def test_while_the_store_is_away_whoever_asks_is_told_to_try_again(logged: list[LogEvent]) -> None:
    async def fail(_: Call) -> Any:
        raise StoreIsAway("connection refused by 10.0.0.7")

    web = Web()
    web = Web(web.greet(serve=fail))
    answer = web.ask("POST", "/greet", HELLO)
    assert (answer.error, answer.headers["retry-after"]) == ((503, "TRY_AGAIN"), "5")
    assert b"10.0.0.7" not in answer.octets
    assert logged == []  # it was told once, when it went


def test_a_result_that_is_no_json_is_our_error_too() -> None:
    web = Web()
    web = Web(web.greet(serve=lambda _: object()))
    assert web.ask("POST", "/greet", HELLO).error == (500, "INTERNAL")


# Guests


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer of nobody", f"Basic {TOKEN}", TOKEN, "Bearer \xff"]
)
def test_a_guest_needs_a_token(web: Web, given: str | None) -> None:
    answer = web.ask("GET", "/own", **({} if given is None else {"Authorization": given}))
    assert answer.error == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert web.served == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_a_token_says_who_the_guest_is(web: Web, scheme: str) -> None:
    assert web.ask("GET", "/own", Authorization=f"{scheme} {TOKEN}").status == 200
    assert web.served[0].guest == "nora"


def test_a_token_is_looked_up_before_the_body_is_read() -> None:
    web = Web()
    web = Web(web.greet(who=web.own().who))
    assert web.ask("POST", "/greet", b"garbage").error == (401, "UNAUTHORIZED")
    assert web.ask("POST", "/greet", b"garbage", Authorization=f"Bearer {TOKEN}").status == 400


# Who calls, and how often


def test_a_proxy_is_believed_about_who_calls_and_nobody_else_is() -> None:
    web = Web(proxies=[ip_network(PROXY)])
    for source in (PROXY, CLIENT):
        web.ask("POST", "/greet", HELLO, source=source, X_Forwarded_For="198.51.100.7")
    assert [each.source for each in web.served] == ["198.51.100.7", CLIENT]


@pytest.mark.parametrize("forwarded", ["\xff\xfe", "unknown", "198.51.100.7:80", ", ,", "\xd9\xa1.2.3.4"])
def test_a_proxy_that_talks_nonsense_is_the_caller_itself(forwarded: str) -> None:
    web = Web(proxies=[ip_network(PROXY)])
    assert web.ask("POST", "/greet", HELLO, source=PROXY, X_Forwarded_For=forwarded).status == 200
    assert web.served[0].source == PROXY


def test_a_proxy_may_have_any_number_of_connections() -> None:
    web = Web(proxies=[ip_network(PROXY)])
    assert all(web.connect(PROXY).is_let_in for _ in range(200))


def test_whoever_calls_too_often_is_told_when_to_come_back() -> None:
    web = Web()
    web = Web(web.greet(rate=RateClass("seldom", 2, 10)))
    told = [web.ask("POST", "/greet", HELLO) for _ in range(3)]
    assert [each.status for each in told] == [200, 200, 429]
    assert told[-1].error == (429, "RATE_LIMITED")
    assert 1 <= int(told[-1].headers["retry-after"]) <= 10
    assert web.ask("POST", "/greet", HELLO, source="203.0.113.6").status == 200
    web.clock.advance(int(told[-1].headers["retry-after"]))
    assert web.ask("POST", "/greet", HELLO).status == 200


# Clients that go


def test_what_was_begun_is_finished_though_the_client_is_gone(logged: list[LogEvent]) -> None:
    waiting: Deferred[None] = Deferred()
    done = []

    async def record(_: Call) -> Greeted:
        await waiting
        done.append("recorded")
        return Greeted("")

    web = Web()
    web = Web(web.greet(serve=record))
    client = web.connect()
    client.send(request("POST", "/greet", HELLO))
    client.hang_up()
    assert done == []
    waiting.callback(None)
    assert done == ["recorded"]
    assert not [each for each in logged if "log_failure" in each]


def test_a_stream_for_a_client_that_is_gone_is_over_at_once() -> None:
    waiting: Deferred[EventStream] = Deferred()
    web = Web()
    web = Web(web.greet(serve=lambda _: waiting))
    client = web.connect()
    client.send(request("POST", "/greet", HELLO))
    client.hang_up()
    stream, ended = EventStream(), []
    stream.when_over(lambda: ended.append("over"))
    waiting.callback(stream)
    assert ended == ["over"]
    assert web.clock.getDelayedCalls() == []
