"""JSON over HTTP, as the partner and its switches speak it."""

from typing import Any

import msgspec
from twisted.web.server import Request

from radiusd.virtual_partner.till import Refusal

LONGEST = 64 * 1024


def written(request: Request, status: int, fields: dict[str, Any]) -> bytes:
    """The octets of an answer, its headers set."""
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    octets = msgspec.json.encode(fields)
    request.setHeader(b"content-length", b"%d" % len(octets))
    return octets


def path(request: Request) -> str:
    """The whole path, without what follows a question mark."""
    return bytes(request.path).decode("latin-1")


def fields_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a POST. Raises Refusal."""
    if request.method != b"POST":
        raise Refusal(405, "POST, and nothing else")
    if (request.getHeader("content-type") or "").partition(";")[0].strip() != "application/json":
        raise Refusal(415, "Content-Type must be application/json")
    octets = b"" if request.content is None else request.content.read(LONGEST + 1)
    if len(octets) > LONGEST:
        raise Refusal(413, "the body is too long")
    try:
        return msgspec.json.decode(octets, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise Refusal(400, "the body must be a JSON object") from None
