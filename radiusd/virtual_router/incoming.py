"""`/radius/incoming`: disconnects and changes, and the answers RouterOS gives to them (RFC 5176)."""

from collections.abc import Callable
from hashlib import md5
from hmac import compare_digest
from typing import Any

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol

from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.link import Entry
from radiusd.wire.attributes import Attribute, decode_address, encode_integer
from radiusd.wire.codes import Code, ErrorCause
from radiusd.wire.errors import WireError
from radiusd.wire.packet import Packet, decode, encode

LATE_BY = 1.0


@frozen
class Named:
    """The session a request names; None where it does not say."""

    user_name: str | None
    acct_session_id: str | None
    framed_ip_address: str | None

    @property
    def is_enough(self) -> bool:
        """RouterOS acts on two identifying attributes or more."""
        return sum(each is not None for each in (self.user_name, self.acct_session_id, self.framed_ip_address)) >= 2


Act = Callable[[Packet, Named], bool]
"""Does what a request asks; False if there is no such session."""


class Incoming(DatagramProtocol):
    """Answers Disconnect-Requests and CoA-Requests."""

    noisy = False

    def __init__(self, clock: IReactorTime, secret: bytes, habits: Habits, act: Act, journal: list[Entry]) -> None:
        self._clock = clock
        self._secret = secret
        self._habits = habits
        self._act = act
        self.journal = journal
        self.bad_requests = 0

    def datagramReceived(self, octets: bytes, source: tuple[str, int]) -> None:
        """Take a request; silence for what is not signed, and while accept=no."""
        self.journal.append(Entry(self._clock.seconds(), False, octets))
        if self._habits.accept_off:
            return
        try:
            request = decode(octets)
        except WireError:
            self.bad_requests += 1
            return
        if request.code not in (Code.DISCONNECT_REQUEST, Code.COA_REQUEST) or not self._is_signed(request):
            self.bad_requests += 1
            return
        reply = self._answer(request)
        if self._habits.mute:
            return
        self._clock.callLater(LATE_BY if self._habits.late else 0, self._send, reply, source)

    def _is_signed(self, request: Packet) -> bool:
        octets = request.octets
        expected = md5(octets[:4] + bytes(16) + octets[20:] + self._secret, usedforsecurity=False).digest()
        return compare_digest(request.authenticator, expected)

    def _answer(self, request: Packet) -> bytes:
        named = _named(request)
        if not named.is_enough:
            return self._nak(request, ErrorCause.MISSING_ATTRIBUTE)
        if self._act(request, named):
            return self._reply(request, request.code + 1, b"")
        missing = ErrorCause.UNSUPPORTED_EXTENSION if self._habits.nak_406 else ErrorCause.SESSION_CONTEXT_NOT_FOUND
        return self._nak(request, missing)

    def _nak(self, request: Packet, cause: ErrorCause) -> bytes:
        return self._reply(request, request.code + 2, encode_integer(Attribute.ERROR_CAUSE, cause))

    def _reply(self, request: Packet, code: int, attributes: bytes) -> bytes:
        unsigned = encode(code, request.identifier, request.authenticator, attributes)
        return unsigned[:4] + md5(unsigned + self._secret, usedforsecurity=False).digest() + attributes

    def _send(self, octets: bytes, to: tuple[str, int]) -> None:
        transport: Any = self.transport
        if transport is not None:
            self.journal.append(Entry(self._clock.seconds(), True, octets))
            transport.write(octets, to)


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
