"""What is sent to us as JSON."""

from typing import TypeVar

import msgspec

from radiusd.web.errors import WebError
from radiusd.web.routes import Call

T = TypeVar("T")


def read_json(call: Call, kind: type[T]) -> T:
    """What the JSON of a call says. Raises WebError."""
    content = (call.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if content != "application/json":
        raise WebError("UNSUPPORTED_TYPE", "Send JSON: Content-Type: application/json.")
    try:
        return msgspec.json.decode(call.body, type=kind, strict=True)
    except ValueError as error:  # msgspec's own errors, and a body that is not UTF-8
        raise WebError("BAD_REQUEST", str(error)) from error
    except RecursionError as error:
        raise WebError("BAD_REQUEST", "The JSON is nested too deep.") from error
