"""Guests, their lines, and what an attempt to log in comes to."""

from collections.abc import Callable
from typing import Literal

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall

from radiusd.virtual_router.packets import Grant, Line
from radiusd.wire.codes import TerminateCause


@frozen(kw_only=True)
class Guest:
    """Who asks, with what device; `up` and `down` are the octets a second of the guest's traffic."""

    name: str
    password: str = field(repr=False)
    mac: str = "02:00:00:00:00:01"
    address: str = "10.5.50.2"
    up: int = 100_000
    down: int = 900_000
    chap: bool = True
    service: Literal["hotspot", "ppp"] = "hotspot"


@define(eq=False)
class Online:
    """A guest who is logged in; `number` is the row's, in the router's list."""

    guest: Guest
    line: Line
    grant: Grant
    since: float
    number: int = 0
    timers: dict[str, IDelayedCall] = field(factory=dict)


@frozen
class Accepted:
    """Logged in."""

    online: Online


@frozen
class Rejected:
    """Kept out; what the login page shows."""

    message: str


@frozen
class NoAnswer:
    """RADIUS server is not responding."""


Outcome = Accepted | Rejected | NoAnswer
Ended = Callable[[Online, TerminateCause], None]


@frozen(kw_only=True)
class Server:
    """Where the router sends to, and what it shares with it; `local` is the router's own address, if another."""

    address: str = "127.0.0.1"
    auth_port: int = 1812
    acct_port: int = 1813
    coa_port: int = 3799
    secret: bytes = field(repr=False)
    timeout: float = 1.1
    local: str | None = None

    @property
    def own_address(self) -> str:
        """The address the router's packets come from."""
        return self.address if self.local is None else self.local
