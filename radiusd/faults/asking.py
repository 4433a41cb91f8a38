"""What guests' routers ask: the line of a guest, its login, its reports; each as what builds it for an Identifier."""

import secrets
import time
from typing import Any

from radiusd.faults.clients import KEY, Make
from radiusd.faults.towns import Town
from radiusd.virtual_router.packets import Counters, Identity, Line, access_request, accounting_request
from radiusd.wire.codes import AcctStatusType

INTERIM = AcctStatusType.INTERIM_UPDATE
_USER_REQUEST = 1


def line_of(town: Town, guest: int, stretch: int = 0) -> Line:
    """The line of a guest's device; another Acct-Session-Id for each stretch online."""
    return Line(
        number=0x80000000 + (stretch << 20) + guest,
        user_name=town.credentials(guest)[0],
        mac=":".join(f"{each:02X}" for each in (0x02, 0x60, *guest.to_bytes(4))),
        address=f"10.{guest >> 16}.{guest >> 8 & 255}.{guest & 255}",
    )


def identity_of(town: Town, guest: int) -> Identity:
    """What the guest's router calls itself."""
    return Identity(name=f"r{town.router_of(guest)}")


def login(town: Town, guest: int, line: Line) -> Make:
    """An Access-Request."""
    authenticator, identity, password = secrets.token_bytes(16), identity_of(town, guest), town.credentials(guest)[1]
    return lambda identifier: access_request(identifier, authenticator, line, identity, password, KEY, chap=False)


def report(
    town: Town, guest: int, line: Line, status: AcctStatusType, counted: Counters, at: float | None = None
) -> Make:
    """An Accounting-Request; `at` in seconds since 1970, now without it."""
    told = b"" if status is AcctStatusType.START else counted.attributes(gigawords=True)
    cause = _USER_REQUEST if status is AcctStatusType.STOP else None
    identity, stamp = identity_of(town, guest), int(time.time() if at is None else at)
    return lambda identifier: accounting_request(identifier, status, line, identity, KEY, stamp, told, cause)


def written(line: Line, status: AcctStatusType, counted: Counters) -> dict[str, Any]:
    """A report as it is put down in a diary."""
    used = Counters() if status is AcctStatusType.START else counted
    return {
        "line": line.acct_session_id,
        "status": "Stop" if status is AcctStatusType.STOP else "other",
        "up": used.octets_in,
        "down": used.octets_out,
        "seconds": used.seconds,
    }
