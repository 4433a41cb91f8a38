"""Reading the replies to requests of our own."""

from hmac import compare_digest

from radiusd.wire.attributes import Attribute
from radiusd.wire.digests import hmac_md5, md5
from radiusd.wire.packet import Packet


def is_reply_to(reply: Packet, request: bytes, secret: bytes) -> bool:
    """Whether `reply` was made for `request` by somebody who knows `secret` (RFC 2865 §3, RFC 5176 §2.3).

    A Message-Authenticator is verified where there is one, and not asked for: most NASes send none.
    """
    octets, authenticator = reply.octets, request[4:20]
    expected = md5(octets[:4] + authenticator + octets[20:] + secret)
    if not compare_digest(reply.authenticator, expected):
        return False
    at = reply.message_authenticator_at
    if at is None:
        return True
    unsigned = octets[:4] + authenticator + octets[20:at] + bytes(16) + octets[at + 16 :]
    return compare_digest(octets[at : at + 16], hmac_md5(secret, unsigned))


def error_cause(reply: Packet) -> int | None:
    """Error-Cause (RFC 5176 §3.5); None if the NAS gave none that can be read."""
    value = reply.values.get(Attribute.ERROR_CAUSE)
    return int.from_bytes(value) if value is not None and len(value) == 4 else None
