"""A virtual router without sockets: a reactor that only keeps what listens, and lists for transports."""

from random import Random
from typing import Any

from attrs import define, field
from pyrad.packet import CoAPacket, Packet
from twisted.internet.task import Clock

from radiusd.virtual_router.api import ApiAccount
from radiusd.virtual_router.guests import Guest, Online, Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.router import VirtualRouter
from radiusd.wire.attributes import Attribute, decode_integer
from radiusd.wire.codes import AcctStatusType, Code, TerminateCause
from radiusd.wire.packet import Packet as Decoded
from radiusd.wire.packet import decode
from tests.server.given import Wire
from tests.wire.given import DICTIONARY

SECRET = b"a secret of sixteen"
PASSWORD = "the router's own"
NORA = Guest(name="nora", password="secret", mac="AA:BB:CC:00:00:01", address="10.5.50.2")
US = ("10.0.0.9", 50000)
NONE = Habits()


class Reactor(Clock):
    """A clock at which one can listen."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.udp: dict[int, Any] = {}
        self.tcp: dict[int, Any] = {}

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> "Reactor":
        self.udp[port] = protocol
        protocol.transport = Wire()
        return self

    def listenTCP(self, port: int, factory: Any, interface: str = "") -> "Reactor":
        self.tcp[port] = factory
        return self

    def stopListening(self) -> None:
        pass


@define
class Report:
    """An Accounting-Request of the router."""

    status: AcctStatusType
    session: str
    cause: TerminateCause | None


class Site:
    """One router, and what it sends; nobody answers it."""

    def __init__(self, habits: Habits = NONE, seed: int = 7) -> None:
        self.reactor = Reactor()
        self.router = VirtualRouter(
            self.reactor,
            Server(secret=SECRET),
            Random(seed),
            lambda: 1_795_262_400.0 + self.reactor.seconds(),
            habits,
            api=ApiAccount(password=PASSWORD),
        )
        self.router.start()
        self.ended: list[tuple[Online, TerminateCause]] = []
        self.router.on_end = lambda online, cause: self.ended.append((online, cause))

    @property
    def sent(self) -> list[Decoded]:
        """What went to the server, resends once."""
        wire: Any = self.router.link.transport
        return [decode(octets) for octets in dict.fromkeys(octets for octets, _ in wire.sent)]

    @property
    def logins(self) -> list[Decoded]:
        """The Access-Requests."""
        return [each for each in self.sent if each.code == Code.ACCESS_REQUEST]

    @property
    def reports(self) -> list[Report]:
        """The Accounting-Requests."""
        return [_report(each) for each in self.sent if each.code == Code.ACCOUNTING_REQUEST]

    @property
    def stops(self) -> list[Report]:
        """The Stops among them."""
        return [each for each in self.reports if each.status is AcctStatusType.STOP]

    def ask(self, octets: bytes, at: float = 0.0) -> list[bytes]:
        """What comes back for these octets within `at` seconds."""
        wire: Any = self.router.incoming.transport
        before = len(wire.sent)
        self.router.incoming.datagramReceived(octets, US)
        self.reactor.advance(at)
        return [octets for octets, _ in wire.sent[before:]]

    def order(self, online: Online | None = None, code: int = 40, at: float = 0.0, **more: Any) -> "Answer | None":
        """The verified answer to a request about this line; None for silence."""
        request = an_order(online, code, **more)
        answers = self.ask(request.RequestPacket(), at)
        return verified(request, answers[0]) if answers else None


@define
class Answer:
    """An ACK or a NAK."""

    code: int
    cause: int | None


def an_order(online: Online | None = None, code: int = 40, secret: bytes = SECRET, **more: Any) -> Any:
    """A Disconnect-Request (40) or CoA-Request (43) by pyrad, naming a line by all there is unless told otherwise."""
    request = CoAPacket(code=code, id=more.pop("id", 5), secret=secret, dict=DICTIONARY)
    named = {}
    if online is not None:
        named = {
            "User_Name": online.line.user_name,
            "Acct_Session_Id": online.line.acct_session_id,
            "Framed_IP_Address": online.line.address,
        }
    for attribute, value in {**named, **more}.items():
        if value is not None:
            request[attribute.replace("_", "-")] = value
    request["Event-Timestamp"] = 1_795_262_400
    request.add_message_authenticator()
    return request


def verified(request: Any, octets: bytes) -> Answer:
    """The reply as pyrad reads it, its authenticator checked."""
    reply: Packet = request.CreateReply(packet=octets)
    assert request.VerifyReply(reply, octets)
    causes = decode(octets).values.get(Attribute.ERROR_CAUSE)
    return Answer(octets[0], None if causes is None else decode_integer(causes))


def _report(packet: Decoded) -> Report:
    cause = packet.values.get(Attribute.ACCT_TERMINATE_CAUSE)
    return Report(
        AcctStatusType(decode_integer(packet.values[Attribute.ACCT_STATUS_TYPE])),
        packet.values[Attribute.ACCT_SESSION_ID].decode(),
        None if cause is None else TerminateCause(decode_integer(cause)),
    )


@define
class PipeSocket:
    """A client's socket whose other end is the router's API; when nothing comes, time passes.

    `deaf` swallows all that is sent; `dribble` gives one octet a time, so many seconds apart.
    """

    reactor: Reactor
    factory: Any
    dribble: float = 0.0
    timeout: float = field(default=0.0, init=False)
    is_ended: bool = field(default=False, init=False)
    is_closed: bool = field(default=False, init=False)
    _coming: bytearray = field(factory=bytearray, init=False)
    _protocol: Any = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        if self.factory.is_off:
            raise ConnectionRefusedError
        self._protocol = self.factory.buildProtocol(None)
        self._protocol.makeConnection(self)

    # The client's end

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def sendall(self, octets: bytes) -> None:
        if self.is_ended:
            raise BrokenPipeError
        self._protocol.dataReceived(bytes(octets))

    def recv(self, size: int) -> bytes:
        until = self.reactor.seconds() + self.timeout
        if self.dribble:
            size = 1
            self._pass(until, self.reactor.seconds() + self.dribble)
        while not self._coming and not self.is_ended:
            calls = [call.getTime() for call in self.reactor.getDelayedCalls()]
            self._pass(until, min(calls, default=until))
        octets = bytes(self._coming[:size])
        del self._coming[:size]
        return octets

    def _pass(self, until: float, at: float) -> None:
        """Let time pass to `at`; it is up when that is not before `until`."""
        self.reactor.advance(max(0.0, min(at, until) - self.reactor.seconds()))
        if at >= until:
            raise TimeoutError

    def shutdown(self, _: int) -> None:
        self._lose()

    def close(self) -> None:
        self.is_closed = True
        self._lose()

    def _lose(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            self._protocol.connectionLost()

    # The router's end

    def write(self, octets: bytes) -> None:
        self._coming += octets

    def loseConnection(self) -> None:
        self._lose()

    def abortConnection(self) -> None:
        self._coming.clear()
        self._lose()
