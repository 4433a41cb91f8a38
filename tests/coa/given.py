"""Orders, a network to send them over, and a Dynamic Authorization Server that answers them by pyrad."""

import os
from typing import Any

from pyrad.packet import CoAPacket
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock

from policy.quantities import Instant
from radiusd.coa.orders import Order, Target
from radiusd.wire.codes import Code
from tests.server.given import Wire
from tests.wire.given import DICTIONARY

SECRET = b"a secret of sixteen"
TARGET = Target(router_id=1, address="10.0.0.1", port=3799, secret=SECRET)
NAS = (TARGET.address, TARGET.port)
BEGAN = Instant(1_795_262_400_000)


def order(key: int = 1, session: str | None = "80100001", code: Code = Code.DISCONNECT_REQUEST) -> Order:
    return Order(
        key=key,
        target=TARGET,
        code=code,
        user_name="nora",
        acct_session_id=session,
        framed_ip_address="10.5.0.2",
    )


def answer(octets: bytes, code: int, cause: int | None = None, secret: bytes = SECRET) -> bytes:
    """What a NAS that knows `secret` answers to the request in `octets`."""
    request = CoAPacket(secret=secret, dict=DICTIONARY, packet=octets)
    reply = request.CreateReply()
    reply.code = code
    if cause is not None:
        reply["Error-Cause"] = cause
    packet: bytes = reply.ReplyPacket()
    return packet


def read(octets: bytes) -> CoAPacket:
    """The request as pyrad reads it, its authenticators checked."""
    request = CoAPacket(secret=SECRET, dict=DICTIONARY, packet=octets)
    assert request.VerifyCoARequest()
    assert request.verify_message_authenticator()
    return request


class Network(MemoryReactorClock):
    """Keeps what is sent, port by port. With a `trouble` (its errno) no more ports can be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: list[Any] = []
        self.trouble: int | None = None

    def listenUDP(self, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192) -> Any:
        if self.trouble is not None:
            raise CannotListenError(interface, port, OSError(self.trouble, os.strerror(self.trouble)))
        protocol.transport = Wire()
        self.ports.append(protocol)
        return _Port(protocol)

    @property
    def open(self) -> list[Any]:
        return [each for each in self.ports if each.transport is not None]

    @property
    def sent(self) -> list[bytes]:
        return [octets for each in self.open for octets, to in each.transport.sent if to == NAS]


class _Port:
    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol

    def stopListening(self) -> None:
        self.protocol.transport = None
