"""Orders, and a Dynamic Authorization Server that answers them by pyrad."""

from pyrad.packet import CoAPacket

from policy.quantities import Instant
from radiusd.coa.orders import Order, Target
from radiusd.wire.codes import Code
from tests.wire.given import DICTIONARY

SECRET = b"a secret of sixteen"
TARGET = Target(router_id=1, address="10.0.0.1", port=3799, secret=SECRET)
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
