"""How answers are wrapped: most of the web root in one form, an API whose clients exist already in theirs."""

from typing import Any, Protocol

from radiusd.web.errors import WebError
from radiusd.web.speaking import Wrapped, as_json, error_body


class Dialect(Protocol):
    """Wraps answers and errors."""

    def success(self, value: Any) -> Wrapped: ...

    def error(self, error: WebError) -> Wrapped: ...


class Plain:
    """Values as they are, errors in the one form."""

    def success(self, value: Any) -> Wrapped:
        """The value's own fields."""
        return Wrapped(200, as_json(value))

    def error(self, error: WebError) -> Wrapped:
        """success, error_code, message."""
        return Wrapped(error.status, error_body(error), error.headers)
