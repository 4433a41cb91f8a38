"""`/radius/incoming`: the port for disconnects and changes, and the answers RouterOS gives to them (RFC 5176)."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import md5
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import DatagramProtocol

from radiusd.virtual_router.air import Air
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.link import Entry
from radiusd.virtual_router.orders import Denied, Done
from radiusd.wire.attributes import Attribute, encode_integer
from radiusd.wire.codes import Code
from radiusd.wire.errors import WireError
from radiusd.wire.packet import Packet, decode, encode

REMEMBERED = 60.0

Act = Callable[[Packet], Done | Denied | None]
"""What a request comes to; None is silence. May raise WireError."""


class Incoming(DatagramProtocol):
    """Answers Disconnect-Requests and CoA-Requests; the same octets again get the same answer, and do nothing."""

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        secret: bytes,
        habits: Callable[[], Habits],
        act: Act,
        air: Air,
        journal: list[Entry],
    ) -> None:
        self._clock = clock
        self._secret = secret
        self._habits = habits
        self._act = act
        self._air = air
        self.journal = journal
        self._mute_since: float | None = None
        self._answered: OrderedDict[tuple[tuple[str, int], bytes], tuple[float, bytes]] = OrderedDict()
        self.requests = 0
        self.bad_requests = 0

    def datagramReceived(self, octets: bytes, source: tuple[str, int]) -> None:
        """Take a request; silence for what is not signed, and while nothing is to be heard."""
        if self._air.is_off or self._air.loses():
            return
        self.journal.append(Entry(self._clock.seconds(), False, octets))
        if self._habits().accept_off or self._is_mute():
            return
        self.requests += 1
        request = self._read(octets)
        if request is None:
            self.bad_requests += 1
            return
        answered = self._remembered(octets, source)
        if answered is not None:
            self._send_in_time(answered, source)
        else:
            self._take(request, octets, source)

    def _is_mute(self) -> bool:
        if self._mute_since is None:
            self._mute_since = self._clock.seconds()
        return self._clock.seconds() < self._mute_since + self._habits().mute_for

    def _read(self, octets: bytes) -> Packet | None:
        try:
            request = decode(octets)
        except WireError:
            return None
        is_ours = request.code in (Code.DISCONNECT_REQUEST, Code.COA_REQUEST)
        return request if is_ours and _is_signed(request, self._secret) else None

    def _remembered(self, octets: bytes, source: tuple[str, int]) -> bytes | None:
        now = self._clock.seconds()
        while self._answered and next(iter(self._answered.values()))[0] < now - REMEMBERED:
            self._answered.popitem(last=False)
        found = self._answered.get((source, octets))
        return None if found is None else found[1]

    def _take(self, request: Packet, octets: bytes, source: tuple[str, int]) -> None:
        try:
            result = self._act(request)
        except WireError:
            self.bad_requests += 1
            return
        if result is None:
            return
        reply = _reply(request, result, self._secret)
        self._answered[source, octets] = self._clock.seconds(), reply
        effect = result.effect if isinstance(result, Done) else _nothing
        if self._habits().stop_first:
            effect()
            self._send_in_time(reply, source)
        else:
            self._send_in_time(reply, source)
            effect()

    def _send_in_time(self, reply: bytes, to: tuple[str, int]) -> None:
        habits = self._habits()
        if habits.mute:
            return
        if habits.late_by:
            self._clock.callLater(habits.late_by, self._send, reply, to)
        else:
            self._send(reply, to)

    def _send(self, octets: bytes, to: tuple[str, int]) -> None:
        transport: Any = self.transport
        if transport is None or self._air.is_off:
            return
        self.journal.append(Entry(self._clock.seconds(), True, octets))
        if not self._air.loses():
            transport.write(octets, to)

    def reboot(self) -> None:
        """Forget what was answered."""
        self._answered.clear()


def _nothing() -> None:
    pass


def _is_signed(request: Packet, secret: bytes) -> bool:
    """The authenticator, and a Message-Authenticator where there is one (RFC 5176 §2.3 and §3)."""
    octets = request.octets
    unsigned = octets[:4] + bytes(16) + octets[20:]
    if not compare_digest(request.authenticator, md5(unsigned + secret, usedforsecurity=False).digest()):
        return False
    at = request.message_authenticator_at
    if at is None:
        return True
    expected = hmac_digest(secret, unsigned[:at] + bytes(16) + unsigned[at + 16 :], "md5")
    return compare_digest(octets[at : at + 16], expected)


def _reply(request: Packet, result: Done | Denied, secret: bytes) -> bytes:
    is_done = isinstance(result, Done)
    attributes = b""
    if isinstance(result, Denied) and result.cause is not None:
        attributes = encode_integer(Attribute.ERROR_CAUSE, result.cause)
    code = request.code + (1 if is_done else 2)
    unsigned = encode(code, request.identifier, request.authenticator, attributes)
    return unsigned[:4] + md5(unsigned + secret, usedforsecurity=False).digest() + attributes
