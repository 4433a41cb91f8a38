"""Whether a PC system answers at all: one question, in five seconds."""

import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

_PATIENCE = 5


@frozen
class Answered:
    """It answers; `milliseconds` is how long that took."""

    status: int
    milliseconds: int


@frozen
class Silent:
    """It does not; `why` as the machine says it."""

    why: str


def _connect(parts: SplitResult) -> HTTPConnection:
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=_PATIENCE)


def ask(
    url: str,
    connect: Callable[[SplitResult], HTTPConnection] = _connect,
    clock: Callable[[], float] = time.monotonic,
) -> Answered | Silent:
    """What HEAD gets there; any answer at all will do."""
    parts = urlsplit(url)
    connection = connect(parts)
    began = clock()
    try:
        connection.request("HEAD", parts.path or "/")
        status = connection.getresponse().status
    except (OSError, HTTPException, UnicodeError) as error:
        return Silent(str(error) or type(error).__name__)
    finally:
        connection.close()
    return Answered(status, int((clock() - began) * 1000))
