"""The route table as it is served: who is let in where, and the document that describes it."""

import json
from ipaddress import ip_network
from typing import Any

import pytest
from openapi_spec_validator import validate
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogEvent

from policy.quantities import Instant
from radiusd.config import Games as GameSettings
from radiusd.config import Web as Settings
from radiusd.store import portal
from radiusd.store.database import Database
from radiusd.web import building
from radiusd.web.building import Games, WebParts
from radiusd.web.errors import STATUS_OF
from radiusd.web.games.envelope import GameError
from radiusd.web.pc_sync.guards import sign
from radiusd.web.routes import Route, Who
from tests.games.given import Upstream, failure
from tests.pc_sync.given import KEY, SOURCE, TOKEN, an_event
from tests.pc_sync.town import PcCafe
from tests.web.given import Answer, Client

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
GARBAGE = (b"", b"{", b"\xff\xfe", b"[]", b"null", b'"x"', b'{"x": ' + b"[" * 5_000, b"{}", b'{"event": 1}')


class NoStops:
    """Stops no charge: nothing is played here."""

    def stop_now(self, key: str, seconds: float) -> "Deferred[bool]":
        return succeed(True)


class Served:
    """The whole web root over a café, without sockets."""

    def __init__(self, cafe: PcCafe) -> None:
        self.cafe = cafe
        parts = WebParts(
            directory=lambda: cafe.known.directory,
            submit=cafe.submit,
            cuts=cafe.cutter,
            counters=cafe.counters,
            vault=cafe.vault,
            find_guest=self._find_guest,
            oldest_uncut=lambda: succeed(None),
            waiting=lambda: 0,
            games=Games(cafe=Upstream(lambda: cafe.at), stopping=NoStops(), settings=GameSettings()),
            reactor=cafe.clock,
            now=lambda: cafe.at,
        )
        self._web = building.Web(parts)
        self.routes = self._web.routes
        self._factory = self._web.factory(Settings(proxies=(ip_network("10.9.9.9"),)))

    def _find_guest(self, token: str) -> "Deferred[portal.PortalLogin | None]":
        with self.cafe.database.reading() as connection:
            return succeed(portal.find(connection, self.cafe.vault, token, self.cafe.at))

    def ask(self, method: str, path: str, body: bytes = b"", source: str = SOURCE, **headers: str) -> Answer:
        """The answer, over a connection of its own."""
        client = Client(self._factory, source)
        answer = client.ask(method, path, body, **headers)
        client.hang_up()
        return answer

    def document(self) -> Any:
        """What /openapi.json gives."""
        return self.ask("GET", "/openapi.json").body

    def those_for(self, who: Who) -> list[Route]:
        """The routes that are for these; fails if there are none, for then a test would show nothing."""
        found = [each for each in self.routes if each.who is who]
        assert found
        return found


def error_of(answer: Answer, route: Route) -> tuple[int, str]:
    """Status and code, in the form of errors that the route has."""
    return failure(answer) if route.fails_as is GameError else answer.error


@pytest.fixture
def served(database: Database) -> Served:
    return Served(PcCafe(database))


# Who is let in


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer of-nobody", "Basic bm9yYTpzZWNyZXQ=", "Bearer \xff"])
def test_no_guests_route_lets_in_who_has_no_token(served: Served, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    for route in served.those_for(Who.GUEST):
        answer = served.ask(route.method, route.path, **headers)
        assert answer.error == (401, "UNAUTHORIZED"), route.path
        assert answer.headers["www-authenticate"] == "Bearer"


def test_no_pc_systems_route_lets_in_who_does_not_sign(served: Served, logged: list[LogEvent]) -> None:
    for route in served.those_for(Who.PC_SYSTEM):
        told = {
            served.ask(route.method, route.path, an_event(at=served.cafe.at), **headers).octets
            for headers in ({}, {"X_PC_Secret": TOKEN}, {"X_PC_Signature": "sha256=" + "0" * 64}, {"X_PC_Secret": "x"})
        }
        assert len(told) == 1, "a stranger is told how far he got"
        assert json.loads(told.pop())["error_code"] == "UNAUTHORIZED"


def test_a_signed_event_is_let_in(served: Served) -> None:
    event = an_event("USER_LOGOUT", at=served.cafe.at)
    headers = {"X_PC_Secret": TOKEN, "X_PC_Signature": f"sha256={sign(KEY, event)}"}
    assert served.ask("POST", "/api/pc-sync/event", event, source="198.51.100.9", **headers).status == 401
    answer = served.ask("POST", "/api/pc-sync/event", event, **headers)
    assert (answer.status, answer.body["sessions_terminated"]) == (200, 0)
    behind = served.ask("POST", "/api/pc-sync/event", event, source="10.9.9.9", X_Forwarded_For=SOURCE, **headers)
    assert behind.octets == answer.octets


def test_no_games_route_lets_in_who_has_no_key_signature_or_token(served: Served) -> None:
    wrong = {"X_Api_Key": "pw_wrong", "Authorization": "Bearer wrong", "X_Signature": "0" * 64}
    for route in [*served.those_for(Who.GAME), *served.those_for(Who.LAUNCHER)]:
        for headers in ({}, wrong):
            assert error_of(served.ask(route.method, route.path, b"{}", **headers), route)[0] == 401, route.path


def test_every_route_refuses_every_method_that_is_not_its_own(served: Served) -> None:
    for route in served.routes:
        allowed = {each.method for each in served.routes if each.path == route.path}
        for method in {*METHODS} - allowed:
            answer = served.ask(method, route.path)
            assert error_of(answer, route) == (405, "METHOD_NOT_ALLOWED"), (method, route.path)
            assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == allowed


def test_no_route_falls_over_garbage(served: Served, logged: list[LogEvent]) -> None:
    taking = [each for each in served.routes if each.takes is not None]
    assert taking
    for route in taking:
        for body in GARBAGE:
            answer = served.ask(route.method, route.path, body, Content_Type="application/json")
            status, _ = error_of(answer, route)
            assert status in (400, 401, 429), (route.path, body[:20])
            assert (status == 400) == (route.who is Who.ANYONE)
    assert not [each for each in logged if "log_failure" in each]


def test_every_route_refuses_a_body_that_is_too_long_for_it(served: Served) -> None:
    for route in served.routes:
        answer = served.ask(route.method, route.path, b" " * (route.largest_body + 1))
        expected = (400, "BAD_REQUEST") if route.fails_as is GameError else (413, "TOO_LARGE")
        assert error_of(answer, route) == expected, route.path
    events = [each for each in served.routes if each.who is Who.PC_SYSTEM]
    assert {each.largest_body for each in events} == {8_192}


def test_health_is_shown_to_anybody_and_metrics_are_not(served: Served) -> None:
    assert served.ask("GET", "/health").body["status"] == "ok"
    assert served.ask("GET", "/metrics").error == (404, "NOT_FOUND")


# The document


def test_the_document_is_openapi(served: Served) -> None:
    document = served.document()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_the_document_has_every_route_and_no_other(served: Served) -> None:
    paths = served.document()["paths"]
    described = {(method.upper(), path) for path, each in paths.items() for method in each}
    assert described == {(each.method, each.path) for each in served.routes}


def test_the_document_says_what_each_takes_gives_and_needs(served: Served) -> None:
    paths = served.document()["paths"]
    for route in served.routes:
        told = paths[route.path][route.method.lower()]
        assert told["summary"] == route.summary
        assert ("requestBody" in told) == (route.takes is not None)
        assert bool(told["security"]) == (route.who is not Who.ANYONE)
        own = ("RATE_LIMITED", "INTERNAL_ERROR" if route.fails_as is GameError else "INTERNAL")
        assert {str(STATUS_OF[code]) for code in (*route.errors, *own)} <= set(told["responses"])
    changes = paths["/api/wallet/pc-balance/changes"]["get"]["responses"]["200"]
    assert list(changes["content"]) == ["text/event-stream"]
    assert (
        paths["/health"]["get"]["responses"]["503"]["content"] == paths["/health"]["get"]["responses"]["200"]["content"]
    )


def test_the_types_of_the_document_are_described(served: Served) -> None:
    schemas = served.document()["components"]["schemas"]
    assert "ErrorReply" in schemas
    assert not [name for name, schema in schemas.items() if not schema.get("description")]


def test_every_code_a_route_may_answer_has_its_status(served: Served) -> None:
    assert {code for each in served.routes for code in each.errors} <= set(STATUS_OF)


def test_the_moment_is_the_servers(served: Served) -> None:
    served.cafe.at = Instant(served.cafe.at + 3_600_000)
    assert served.ask("GET", "/health").headers["date"] == "Sat, 21 Nov 2026 13:00:00 GMT"
