"""JSON over HTTP, as the REST API and the page speak it."""

from typing import Any

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request

from radiusd.virtual_pc_system.cafe import Refusal

LONGEST = 64 * 1024


class Leaf(Resource):
    """A resource for all paths under it; `answer` gives status and fields, or raises Refusal."""

    isLeaf = True

    def render(self, request: Request) -> bytes | int:
        """One JSON object."""
        try:
            status, fields = self.answer(request, request.method.decode("latin-1"), path(request))
        except Refusal as refusal:
            status, fields = refusal.status, refusal.fields
        return self.speak(request, status, fields)

    def answer(self, request: Request, method: str, where: str) -> tuple[int, dict[str, Any]]:
        """What to answer."""
        raise NotImplementedError

    def speak(self, request: Request, status: int, fields: dict[str, Any]) -> bytes | int:
        """Say it, now or later."""
        return written(request, status, fields)


def written(request: Request, status: int, fields: dict[str, Any]) -> bytes:
    """The octets of an answer, its headers set."""
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    octets = msgspec.json.encode(fields)
    request.setHeader(b"content-length", b"%d" % len(octets))
    return b"" if request.method == b"HEAD" else octets


def path(request: Request) -> str:
    """The whole path, without what follows a question mark."""
    return bytes(request.path).decode("latin-1")


def fields_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises Refusal."""
    octets = b"" if request.content is None else request.content.read(LONGEST + 1)
    if len(octets) > LONGEST:
        raise Refusal(413, "INVALID_REQUEST", "The body is too long")
    try:
        return msgspec.json.decode(octets, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise Refusal(400, "INVALID_REQUEST", "The body must be a JSON object") from None
