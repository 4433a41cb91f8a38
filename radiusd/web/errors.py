"""What goes wrong, in one form."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

STATUS_OF: Mapping[str, int] = MappingProxyType(
    {
        "BAD_REQUEST": 400,
        "UNAUTHORIZED": 401,
        "INVALID_API_KEY": 401,
        "INVALID_CREDENTIALS": 401,
        "INVALID_SESSION": 401,
        "INVALID_SIGNATURE": 401,
        "NOT_PC_CAFE": 403,
        "ACCOUNT_SUSPENDED": 403,
        "ACCOUNT_LOCKED": 403,
        "NOT_FOUND": 404,
        "LOCATION_NOT_FOUND": 404,
        "GAME_NOT_FOUND": 404,
        "SESSION_NOT_FOUND": 404,
        "METHOD_NOT_ALLOWED": 405,
        "TOO_SLOW": 408,
        "TOO_LARGE": 413,
        "UNSUPPORTED_TYPE": 415,
        "ALREADY_ENDED": 409,
        "SESSION_ENDED": 410,
        "SESSION_ENDING": 410,
        "RATE_LIMITED": 429,
        "INTERNAL": 500,
        "INTERNAL_ERROR": 500,
        "PC_API_ERROR": 502,
        "PC_API_ANSWER": 502,
        "TRY_AGAIN": 503,
        "PC_API_UNAVAILABLE": 503,
        "PC_API_TIMEOUT": 504,
    }
)
"""The HTTP status of every code there is."""


@frozen
class ErrorReply:
    """Every error: `error_code` is short and stable, `message` is for whoever reads it."""

    success: bool
    error_code: str
    message: str


class WebError(Exception):
    """The answer is an error: a code of STATUS_OF, a sentence for whoever asked, and headers beside it."""

    def __init__(self, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = STATUS_OF[code]
        self.code = code
        self.message = message
        self.headers = headers
