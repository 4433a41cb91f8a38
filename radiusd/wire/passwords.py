"""How a password travels: hidden in User-Password, or answered to in CHAP-Password."""

from collections.abc import Iterable
from hmac import compare_digest

from radiusd.wire.digests import md5
from radiusd.wire.errors import MalformedPacket, PasswordTooLong

MAX_PASSWORD_LENGTH = 128


def _pad(secret: bytes, previous: bytes) -> int:
    return int.from_bytes(md5(secret + previous))


def hide(password: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """The value of User-Password for `password`: 16 to 128 octets, a multiple of 16 (RFC 2865 §5.2).

    `password` is unpadded, at most 128 octets, or PasswordTooLong is raised; `request_authenticator` has 16.
    """
    if len(password) > MAX_PASSWORD_LENGTH:
        raise PasswordTooLong
    padded = password.ljust(max(16, -(-len(password) // 16) * 16), b"\0")
    hidden, previous = b"", request_authenticator
    for at in range(0, len(padded), 16):
        previous = (int.from_bytes(padded[at : at + 16]) ^ _pad(secret, previous)).to_bytes(16)
        hidden += previous
    return hidden


def reveal(hidden: bytes, secret: bytes, request_authenticator: bytes) -> bytes:
    """The password in a User-Password value, without its padding (RFC 2865 §5.2).

    Raises MalformedPacket unless `hidden` has 16 to 128 octets, a multiple of 16.
    """
    if not hidden or len(hidden) % 16 or len(hidden) > MAX_PASSWORD_LENGTH:
        raise MalformedPacket("user_password_length")
    # Each pad is made of the block before, as it came; so they are all known at once.
    pads = _pad(secret, request_authenticator)
    for at in range(16, len(hidden), 16):
        pads = pads << 128 | _pad(secret, hidden[at - 16 : at])
    return (int.from_bytes(hidden) ^ pads).to_bytes(len(hidden)).rstrip(b"\0")


def is_one_of(password: bytes, passwords: Iterable[bytes]) -> bool:
    """Whether it is any of them; takes as long whichever it is."""
    found = False
    for each in passwords:
        found |= compare_digest(password, each)
    return found


def is_chap_answer(response: bytes, password: bytes, challenge: bytes) -> bool:
    """Whether the CHAP-Password value `response` answers `challenge` with `password` (RFC 2865 §5.3).

    `response` has 17 octets: the CHAP identifier, then MD5(identifier + password + challenge).
    """
    expected = md5(response[:1] + password + challenge)
    return compare_digest(response[1:], expected)
