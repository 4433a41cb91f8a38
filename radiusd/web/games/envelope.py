"""The envelope of the games' API.

A failure is an HTTP error with `error`; what came of the business (no money, a token used twice) is an answer like any
other, with its reason in `data`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import frozen

from policy.quantities import Instant
from radiusd.web.errors import STATUS_OF, WebError
from radiusd.web.speaking import Wrapped, as_json
from radiusd.web.times import iso

PREFIXES = ("/v1/", "/session/", "/ott")
# Studios' clients know these codes only.
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "INTERNAL": "INTERNAL_ERROR",
        "TRY_AGAIN": "INTERNAL_ERROR",
        "TOO_LARGE": "BAD_REQUEST",
        "TOO_SLOW": "BAD_REQUEST",
        "UNSUPPORTED_TYPE": "BAD_REQUEST",
    }
)


@frozen
class Failure:
    """What is wrong; `timestamp` is ISO 8601 in UTC with milliseconds."""

    code: str
    message: str
    timestamp: str


@frozen
class GameError:
    """The body of an HTTP error."""

    success: bool
    error: Failure


@frozen
class Envelope:
    """The body of every other answer."""

    success: bool
    request_id: str
    data: Any


class GameDialect:
    """Wraps into the envelope; `new_id` gives what a request is called in logs."""

    def __init__(self, new_id: Callable[[], str], now: Callable[[], Instant]) -> None:
        self._new_id = new_id
        self._now = now

    def success(self, value: Any) -> Wrapped:
        """200, with the value as `data`."""
        request_id = f"req_{self._new_id()}"
        body = as_json(Envelope(success=True, request_id=request_id, data=value))
        return Wrapped(200, body, (("X-Request-Id", request_id),))

    def error(self, error: WebError) -> Wrapped:
        """Its status, with `error`."""
        code = _CODES.get(error.code, error.code)
        failure = Failure(code=code, message=error.message, timestamp=iso(self._now()))
        headers = (*error.headers, ("X-Request-Id", f"req_{self._new_id()}"))
        return Wrapped(STATUS_OF[code], as_json(GameError(success=False, error=failure)), headers)
