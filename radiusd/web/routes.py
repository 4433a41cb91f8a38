"""The form of the route table: from it calls are served, the OpenAPI document is made, and the access tests."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from attrs import field, frozen

from policy.quantities import Instant
from radiusd.web.errors import ErrorReply
from radiusd.web.rates import RateClass

LARGEST_BODY = 65_536


class Who(Enum):
    """Who may call."""

    ANYONE = "anyone"
    PC_SYSTEM = "PC systems, which sign what they send"
    GUEST = "guests with a token"
    GAME = "game servers with a key"
    LAUNCHER = "launchers, which sign their start and have a token afterwards"


class Headers:
    """The headers of a call, whatever the case of their names; of one that came several times the last."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def get(self, name: str) -> str | None:
        """The value, None without one."""
        return self._values.get(name.lower())


@frozen(kw_only=True)
class Call:
    """One request, received at `at` from `source`.

    `value` is what its JSON says (None where the route takes none, or reads the octets itself), `guest` whoever the
    token belongs to.
    """

    at: Instant
    source: str
    headers: Headers = field(factory=lambda: Headers({}), repr=False)
    body: bytes = field(default=b"", repr=False)
    value: Any = field(default=None, repr=False)
    guest: Any = None


@frozen
class Raw:
    """An answer that is not made from a value: its octets, and what they are."""

    body: bytes
    content_type: str
    status: int = 200


@frozen(kw_only=True)
class Route:
    """One address. `serve` gives a value of the type `gives`, or Raw, or an EventStream, or a coroutine of these.

    `takes` is the type of the JSON it is sent; with `reads_raw` the octets are handed over as they came, for a
    signature over them comes first. `largest_body` is in octets. `errors` are codes it may answer besides those that
    every route may, `also` statuses besides 200 that come with a value of `gives`; `fails_as` is the form of errors.
    """

    method: str
    path: str
    who: Who
    rate: RateClass
    serve: Callable[[Call], Any]
    summary: str
    takes: type | None = None
    gives: type | None = None
    reads_raw: bool = False
    largest_body: int = LARGEST_BODY
    errors: Sequence[str] = ()
    also: Sequence[int] = ()
    fails_as: type = ErrorReply
