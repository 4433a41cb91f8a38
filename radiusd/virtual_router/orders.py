"""What the router does about a Disconnect-Request or CoA-Request that is signed as it must be."""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from radiusd.virtual_router.guests import Online
from radiusd.virtual_router.habits import Habits
from radiusd.wire.attributes import MIKROTIK, Attribute, Mikrotik, decode_address, decode_integer
from radiusd.wire.codes import Code, ErrorCause
from radiusd.wire.packet import Packet


@frozen
class Done:
    """An ACK; `effect` is what is then done."""

    effect: Callable[[], None]


@frozen
class Denied:
    """A NAK; without an Error-Cause where the router gives none."""

    cause: int | None


@frozen
class Named:
    """The session a request names; None where it does not say."""

    user_name: str | None
    acct_session_id: str | None
    framed_ip_address: str | None

    @property
    def is_enough(self) -> bool:
        """RouterOS wants two that identify, the user's name among them."""
        return self.user_name is not None and (self.acct_session_id or self.framed_ip_address) is not None

    def fits(self, online: Online) -> bool:
        """Whether all that is given is this line's."""
        line = online.line
        return (
            self.user_name in (None, line.user_name)
            and self.framed_ip_address in (None, line.address)
            and (self.acct_session_id or line.acct_session_id).lower() == line.acct_session_id
        )


class Lines(Protocol):
    """A router, as far as orders need it."""

    online: list[Online]
    habits: Habits

    def cut(self, online: Online) -> None:
        """End a line by order."""

    def change(self, online: Online, timeout: int | None, rate_limit: str | None) -> None:
        """Change a line."""

    def reboot(self, off_for: float = 0.0) -> None:
        """Lose power."""


class Orders:
    """Decides what a request comes to; None is silence."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._has_rebooted = False

    def take(self, request: Packet) -> Done | Denied | None:
        """What is answered to `request`, and what is then done."""
        habits = self._lines.habits
        if habits.reboots_when_asked is not None and not self._has_rebooted:
            self._has_rebooted = True
            self._lines.reboot(habits.reboots_when_asked)
            return None
        if habits.nak_501:
            return Denied(ErrorCause.ADMINISTRATIVELY_PROHIBITED)
        named = _named(request)
        if habits.nak_401 and named.framed_ip_address is not None:
            return Denied(ErrorCause.UNSUPPORTED_ATTRIBUTE)
        if not named.is_enough:
            return Denied(ErrorCause.MISSING_ATTRIBUTE)
        found = [each for each in self._lines.online if named.fits(each)]
        if not found:
            return Denied(_missing(habits))
        return self._disconnect(found) if request.code == Code.DISCONNECT_REQUEST else self._change(request, found)

    def _disconnect(self, found: list[Online]) -> Done:
        if self._lines.habits.ack_only:
            found = []
        return Done(lambda: _each(found, self._lines.cut))

    def _change(self, request: Packet, found: list[Online]) -> Done | Denied:
        timeout, rate = _changes(request)
        if timeout is None and rate is None:
            return Done(lambda: None)  # identification only: whether the session lives
        refusal = self._lines.habits.nak_changes
        if refusal is not None:
            return Denied(refusal)
        if self._lines.habits.ack_only:
            found = []
        return Done(lambda: _each(found, lambda online: self._lines.change(online, timeout, rate)))


def _each(found: list[Online], act: Callable[[Online], None]) -> None:
    for online in found:
        act(online)


def _missing(habits: Habits) -> int | None:
    if habits.nak_bare:
        return None
    return ErrorCause.UNSUPPORTED_EXTENSION if habits.nak_406 else ErrorCause.SESSION_CONTEXT_NOT_FOUND


def _changes(request: Packet) -> tuple[int | None, str | None]:
    timeout = request.values.get(Attribute.SESSION_TIMEOUT)
    rate = None
    for value in request.all(Attribute.VENDOR_SPECIFIC):
        if len(value) > 6 and int.from_bytes(value[:4]) == MIKROTIK and value[4] == Mikrotik.RATE_LIMIT:
            rate = value[6:].decode()
    return None if timeout is None else decode_integer(timeout), rate


def _named(request: Packet) -> Named:
    values = request.values
    address = values.get(Attribute.FRAMED_IP_ADDRESS)
    return Named(
        user_name=_text(values.get(Attribute.USER_NAME)),
        acct_session_id=_text(values.get(Attribute.ACCT_SESSION_ID)),
        framed_ip_address=None if address is None else decode_address(address),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
