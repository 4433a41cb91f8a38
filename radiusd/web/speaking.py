"""Answers as they go over the wire."""

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import frozen

from radiusd.web.errors import ErrorReply, WebError

JSON = "application/json; charset=utf-8"
COMMON = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_PHRASES = {400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 415: "Unsupported Media Type"}


@frozen
class Wrapped:
    """An answer as it goes out, in JSON."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


def as_json(value: Any) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)


def error_body(error: WebError) -> bytes:
    """The one form of errors."""
    return as_json(ErrorReply(success=False, error_code=error.code, message=error.message))


def error_response(answer: Wrapped) -> bytes:
    """A whole answer, for a request that is not whole."""
    headers = (("Content-Type", JSON), ("Content-Length", str(len(answer.body))), ("Connection", "close"), *COMMON)
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Error')}"]
    lines += [f"{name}: {value}" for name, value in (*headers, *answer.headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + answer.body
