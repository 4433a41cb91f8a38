"""The router's RADIUS client: sends, resends the same octets, believes only signed replies."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import DatagramProtocol

from radiusd.virtual_router.air import Air
from radiusd.wire.codes import Code
from radiusd.wire.errors import WireError
from radiusd.wire.packet import MESSAGE_AUTHENTICATOR, Packet, decode
from radiusd.wire.replies import is_reply_to

RESENDS = 3


@frozen
class Entry:
    """One datagram: when, in seconds; `is_sent` or received; and the octets."""

    at: float
    is_sent: bool
    octets: bytes = field(repr=False)


@define
class _Asked:
    octets: bytes
    server: tuple[str, int]
    answered: "Deferred[Packet | None]"
    sends: int = 0
    timer: IDelayedCall | None = None


class Link(DatagramProtocol):
    """`ask` gives the reply, or None after three resends; `journal` keeps all that went over it."""

    noisy = False

    def __init__(
        self, clock: IReactorTime, secret: bytes, timeout: float, random: Random, air: Air, journal: list[Entry]
    ) -> None:
        self._clock = clock
        self._secret = secret
        self._timeout = timeout
        self._air = air
        self.journal = journal
        self._identifier = random.randrange(256)
        self._asked: dict[int, _Asked] = {}
        self.bad_replies = 0
        self.resends = 0

    def ask(self, make: Callable[[int], bytes], server: tuple[str, int]) -> "Deferred[Packet | None]":
        """The reply to what `make` builds for an Identifier. Raises OverflowError when 256 are in flight."""
        identifier = self._free_identifier()
        asked = _Asked(make(identifier), server, Deferred())
        self._asked[identifier] = asked
        self._send(identifier, asked)
        return asked.answered

    def _free_identifier(self) -> int:
        for _ in range(256):
            self._identifier = (self._identifier + 1) % 256
            if self._identifier not in self._asked:
                return self._identifier
        raise OverflowError("256 requests are in flight")

    def _send(self, identifier: int, asked: _Asked) -> None:
        if asked.sends > RESENDS:
            del self._asked[identifier]
            asked.answered.callback(None)
            return
        self.resends += asked.sends > 0
        asked.sends += 1
        asked.timer = self._clock.callLater(self._timeout, self._send, identifier, asked)
        self.write(asked.octets, asked.server)

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        """Send a datagram."""
        if self._air.is_off:
            return
        self.journal.append(Entry(self._clock.seconds(), True, octets))
        transport: Any = self.transport
        if not self._air.loses():
            transport.write(octets, to)

    def datagramReceived(self, octets: bytes, _: tuple[str, int]) -> None:
        """Take a reply; one that is not signed as it must be is counted and dropped."""
        if self._air.is_off or self._air.loses():
            return
        self.journal.append(Entry(self._clock.seconds(), False, octets))
        try:
            reply = decode(octets)
        except WireError:
            self.bad_replies += 1
            return
        asked = self._asked.get(reply.identifier)
        if asked is None or not self._is_believable(reply, asked.octets):
            self.bad_replies += 1
            return
        del self._asked[reply.identifier]
        if asked.timer is not None:
            asked.timer.cancel()
        asked.answered.callback(reply)

    def _is_believable(self, reply: Packet, request: bytes) -> bool:
        needs_signature = request[0] == Code.ACCESS_REQUEST
        if needs_signature and MESSAGE_AUTHENTICATOR not in reply.values:
            return False
        return is_reply_to(reply, request, self._secret)

    def forget(self) -> None:
        """Power is lost: what was asked has no answer."""
        asked = tuple(self._asked.values())
        self.close()
        for each in asked:
            each.answered.callback(None)

    def close(self) -> None:
        """Ask no more."""
        for asked in self._asked.values():
            if asked.timer is not None and asked.timer.active():
                asked.timer.cancel()
        self._asked.clear()
