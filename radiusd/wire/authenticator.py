"""Authenticators: who made a packet, and who may believe it (RFC 2865 §3, RFC 2866 §3, RFC 3579 §3.2)."""

from hmac import compare_digest

from radiusd.wire.digests import hmac_md5, md5
from radiusd.wire.packet import Packet, encode

_ZEROES = bytes(16)
_MESSAGE_AUTHENTICATOR = b"\x50\x12"
_EMPTY_MESSAGE_AUTHENTICATOR = _MESSAGE_AUTHENTICATOR + _ZEROES


def has_valid_message_authenticator(packet: Packet, secret: bytes) -> bool:
    """Whether the packet carries a Message-Authenticator made with `secret`; False when it carries none.

    For Access-Request and Status-Server: HMAC-MD5 over the packet, its own 16 octets zeroed (RFC 3579 §3.2).
    """
    at = packet.message_authenticator_at
    if at is None:
        return False
    octets = packet.octets
    expected = hmac_md5(secret, octets[:at] + _ZEROES + octets[at + 16 :])
    return compare_digest(octets[at : at + 16], expected)


def has_valid_accounting_authenticator(packet: Packet, secret: bytes) -> bool:
    """Whether the Request Authenticator is MD5(packet with 16 zero octets in its place + secret) (RFC 2866 §3)."""
    octets = packet.octets
    return compare_digest(packet.authenticator, md5(octets[:4] + _ZEROES + octets[20:] + secret))


def sign_access_reply(
    code: int, identifier: int, request_authenticator: bytes, attributes: bytes, secret: bytes
) -> bytes:
    """An answer to an Access-Request or Status-Server, Message-Authenticator first (RFC 3579 §3.2, RFC 5997 §3)."""
    unsigned = encode(code, identifier, request_authenticator, _EMPTY_MESSAGE_AUTHENTICATOR + attributes)
    signed = _MESSAGE_AUTHENTICATOR + hmac_md5(secret, unsigned) + attributes
    authenticator = md5(unsigned[:20] + signed + secret)
    return unsigned[:4] + authenticator + signed


def sign_accounting_reply(
    code: int, identifier: int, request_authenticator: bytes, attributes: bytes, secret: bytes
) -> bytes:
    """An Accounting-Response: its authenticator covers the request's (RFC 2866 §4.2)."""
    unsigned = encode(code, identifier, request_authenticator, attributes)
    return unsigned[:4] + md5(unsigned + secret) + attributes
