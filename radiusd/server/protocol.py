"""The one place that receives and sends request datagrams.

datagram -> whose? -> decode, verify -> seen before? -> handler … commit … -> sign, send
"""

from collections.abc import Callable, Mapping

from attrs import define, frozen
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.server.counters import Counters
from radiusd.server.datagrams import ManyPort
from radiusd.server.duplicates import Duplicates, InWork
from radiusd.server.forgeries import Forgeries
from radiusd.server.nases import Nases
from radiusd.store.directory import Router
from radiusd.wire.attributes import Attribute
from radiusd.wire.authenticator import (
    has_valid_accounting_authenticator,
    has_valid_message_authenticator,
    sign_access_reply,
    sign_accounting_reply,
)
from radiusd.wire.codes import Code
from radiusd.wire.errors import BadAuthenticator, MalformedPacket, WireError
from radiusd.wire.packet import Packet, decode

_log = Logger()
_RECEIVED: dict[int, str] = {int(code): f"received_{int(code)}" for code in Code}
_SENT: dict[int, str] = {int(code): f"sent_{int(code)}" for code in Code}


@frozen
class Reply:
    """What to answer: code and encoded attributes, without Message-Authenticator and Proxy-State."""

    code: Code
    attributes: bytes = b""


Answer = Callable[[Reply | None], None]
"""Called once with the reply, or None when there is to be none."""


def _untold() -> None:
    return None


@define(eq=False)
class Request:
    """A packet that somebody who knows the secret of `router` sent, taken up at `at`."""

    packet: Packet
    router: Router
    source: tuple[str, int]
    at: Instant
    _stamp: Callable[[], int | None] = _untold

    @property
    def came_at(self) -> Instant:
        """When it came to this machine: earlier, where it had to wait. For whoever is just being handed it."""
        stamp = self._stamp()
        return self.at if stamp is None else Instant(min(self.at, stamp))


Handler = Callable[[Request, Answer], None]


class RadiusProtocol(DatagramProtocol):
    """Answers requests on one port; `handlers` has one for each code that is served there."""

    noisy = False

    def __init__(
        self, nases: Nases, handlers: Mapping[Code, Handler], counters: Counters, now: Callable[[], Instant]
    ) -> None:
        self._nases = nases
        self._handlers = handlers
        self._counters = counters
        self._counts = counters.counts
        self._now = now
        self._duplicates = Duplicates()
        self._forgeries = Forgeries()
        self.came_at: Callable[[], int | None] = _untold
        """When the datagram that is being handled came to this machine, if that is known."""

    @property
    def in_work(self) -> int:
        """How many requests were taken and are not answered yet."""
        return self._duplicates.in_work

    def startProtocol(self) -> None:
        """The port is open: what it cannot send later on is counted here."""
        transport: object = self.transport
        if isinstance(transport, ManyPort):
            transport.not_sent = self._not_sent
            self.came_at = transport.came_at

    def _not_sent(self, source: tuple[str, int], error: OSError) -> None:
        # The network is full or gone; the NAS will ask again, and gets the same octets.
        self._counters.drop("send_failed", source[0], f"({error.strerror})")

    def datagramReceived(self, datagram: bytes, source: tuple[str, int]) -> None:
        """Take one datagram; whatever is wrong with it costs one count, and no answer."""
        routers = self._nases.at(source[0])
        if not routers:
            self._counters.drop("unknown_source", source[0])
            return
        source, at = source[:2], self._now()
        if self._forgeries.refuses(source, at):
            self._counters.drop("forged_flood", source[0])
            return
        try:
            self._receive(datagram, source, routers, at)
        except WireError as error:
            if isinstance(error, BadAuthenticator):
                self._forgeries.failed(source, at)
            self._counters.drop(error.reason, source[0], f"(router {' or '.join(each.name for each in routers)})")
        except Exception:  # noqa: BLE001 - no datagram may stop the server
            self._counters.count("failed")
            _log.failure("a packet could not be handled")

    def _receive(self, datagram: bytes, source: tuple[str, int], routers: tuple[Router, ...], at: Instant) -> None:
        key = self._duplicates.key(datagram, source)
        known = self._duplicates.find(key, datagram)
        if known is not None:
            self._repeat(known, source)
            return
        packet = decode(datagram)
        handler = self._handlers.get(packet.code)  # type: ignore[call-overload]
        if handler is None:
            raise MalformedPacket("unexpected_code")
        router = _sender(packet, routers)
        if _is_signed(packet):
            self._forgeries.proved(source)
        self._nases.heard(router.id, at)
        self._duplicates.begin(key, datagram, at)
        self._counts[_RECEIVED[packet.code]] += 1

        def answer(reply: Reply | None) -> None:
            if reply is None:
                self._duplicates.forget(key)
                return
            octets = _signed(packet, reply, router.secret)
            self._duplicates.finish(key, octets)
            self._counts[_SENT[reply.code]] += 1
            self._send(octets, source)

        try:
            handler(Request(packet, router, source, at, self.came_at), answer)
        except BaseException:
            self._duplicates.forget(key)
            raise

    def _repeat(self, known: bytes | InWork, source: tuple[str, int]) -> None:
        self._counters.count("duplicate")
        if not isinstance(known, InWork):
            self._send(known, source)

    def _send(self, octets: bytes, source: tuple[str, int]) -> None:
        if self.transport is None:
            return
        try:
            self.transport.write(octets, source)
        except OSError as error:
            self._not_sent(source, error)


def _is_signed(packet: Packet) -> bool:
    return packet.message_authenticator_at is not None or packet.code == Code.ACCOUNTING_REQUEST


def _sender(packet: Packet, routers: tuple[Router, ...]) -> Router:
    """The router whose secret the packet was made with; raises BadAuthenticator."""
    if packet.code == Code.ACCOUNTING_REQUEST:
        for router in routers:
            if has_valid_accounting_authenticator(packet, router.secret):
                return router
        raise BadAuthenticator("bad_authenticator")
    if packet.message_authenticator_at is None:
        return _unsigned_sender(packet, routers)
    for router in routers:
        if has_valid_message_authenticator(packet, router.secret):
            return router
    raise BadAuthenticator("bad_message_authenticator")


def _unsigned_sender(packet: Packet, routers: tuple[Router, ...]) -> Router:
    """Without a Message-Authenticator nothing proves who sent an Access-Request, so much is asked of it."""
    if packet.code == Code.STATUS_SERVER:
        raise BadAuthenticator("status_server_unsigned")  # RFC 5997 §3
    if Attribute.EAP_MESSAGE in packet.values:
        raise BadAuthenticator("eap_unsigned")  # RFC 3579 §3.2
    if Attribute.PROXY_STATE in packet.values:
        raise BadAuthenticator("proxy_state_unsigned")  # CVE-2024-3596
    nearest = [each for each in routers if each.network.prefixlen == routers[0].network.prefixlen]
    if len(nearest) > 1:
        raise BadAuthenticator("ambiguous_unsigned")
    if nearest[0].demands_message_authenticator:
        raise BadAuthenticator("message_authenticator_missing")
    return nearest[0]


def _signed(packet: Packet, reply: Reply, secret: bytes) -> bytes:
    attributes = reply.attributes
    if Attribute.PROXY_STATE in packet.values:
        states = (bytes((Attribute.PROXY_STATE, len(each) + 2)) + each for each in packet.all(Attribute.PROXY_STATE))
        attributes += b"".join(states)
    sign = sign_accounting_reply if reply.code == Code.ACCOUNTING_RESPONSE else sign_access_reply
    if packet.code == Code.STATUS_SERVER:
        sign = sign_access_reply
    return sign(reply.code, packet.identifier, packet.authenticator, attributes, secret)
