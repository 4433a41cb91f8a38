"""The OpenAPI 3.1 document, made from the route table."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from radiusd import __version__
from radiusd.web.errors import STATUS_OF, ErrorReply
from radiusd.web.rates import READS
from radiusd.web.routes import Raw, Route, Who
from radiusd.web.speaking import JSON, as_json
from radiusd.web.streams import EventStream

PATH = "/openapi.json"
_EVERY_ROUTE = ("RATE_LIMITED", "INTERNAL")
_WITH_BODY = ("BAD_REQUEST", "TOO_SLOW", "TOO_LARGE", "UNSUPPORTED_TYPE")
_SECURITY: dict[Who, list[dict[str, list[str]]]] = {
    Who.ANYONE: [],
    Who.PC_SYSTEM: [{"token": [], "signature": []}],
    Who.GUEST: [{"guest": []}],
    Who.GAME: [{"game": []}],
    Who.LAUNCHER: [{"launcher": [], "launcherSignature": []}, {"launcherSession": []}],
}
_SCHEMES = {
    "token": {"type": "apiKey", "in": "header", "name": "X-PC-Secret", "description": "The branch's token."},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-PC-Signature",
        "description": "sha256= and the HMAC-SHA256 of the body under the branch's signing key, in hexadecimal.",
    },
    "guest": {"type": "http", "scheme": "bearer", "description": "The session_token of /api/auth/pc-login."},
    "game": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The game's key, for its servers."},
    "launcher": {"type": "apiKey", "in": "header", "name": "X-Launcher-Id", "description": "The installation."},
    "launcherSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "HMAC-SHA256 over method, path, X-Timestamp, X-Nonce and the body's SHA-256, line by line.",
    },
    "launcherSession": {"type": "http", "scheme": "bearer", "description": "The session_token of a launcher's start."},
}


def with_document(routes: Sequence[Route]) -> tuple[Route, ...]:
    """The routes, and one more that describes them all."""
    described: list[Raw] = []
    own = Route(
        method="GET",
        path=PATH,
        who=Who.ANYONE,
        rate=READS,
        serve=lambda _: described[0],
        summary="This document",
    )
    described.append(Raw(as_json(document((*routes, own))), JSON))
    return (*routes, own)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document as JSON values."""
    routes = tuple(routes)
    types = {kind for each in routes for kind in (each.takes, each.gives) if kind is not None}
    types = types - {EventStream} | {each.fails_as for each in routes}
    ordered = sorted(types, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for each in routes:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "icafe-radiusd", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def _operation(route: Route) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": route.summary,
        "security": _SECURITY[route.who],
        "responses": {
            "200": _answer(route, "Done"),
            **_errors(route),
            **{str(status): _answer(route, HTTPStatus(status).phrase) for status in route.also},
        },
    }
    if route.takes is not None:
        described["requestBody"] = {"required": True, "content": _content(route.takes)}
    return described


def _answer(route: Route, description: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description}
    if route.gives is EventStream:
        answer["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif route.gives is not None:
        answer["content"] = _content(route.gives)
    return answer


def _content(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}


def _errors(route: Route) -> dict[str, Any]:
    codes = list(route.errors)
    if route.fails_as is ErrorReply:
        codes += [*_EVERY_ROUTE, *(_WITH_BODY if route.takes is not None else ())]
        codes += ["UNAUTHORIZED"] if route.who is not Who.ANYONE else []
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(STATUS_OF[code], []).append(code)
    return {
        str(status): {"description": " or ".join(sorted(names)), "content": _content(route.fails_as)}
        for status, names in sorted(by_status.items())
    }
