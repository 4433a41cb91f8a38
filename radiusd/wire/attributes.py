"""Attribute numbers, and one pair of functions for each data type (RFC 2865 §5)."""

from enum import IntEnum
from struct import Struct

from radiusd.wire.errors import MalformedPacket

MAX_VALUE_LENGTH = 253
MIKROTIK = 14988

_INTEGER = Struct("!BBI")
_UINT32 = Struct("!I")
_VENDOR = Struct("!BBIBB")


class Attribute(IntEnum):
    """The attributes this server reads or writes; `dictionaries/` has all that are known by name."""

    USER_NAME = 1
    USER_PASSWORD = 2
    CHAP_PASSWORD = 3
    NAS_IP_ADDRESS = 4
    NAS_PORT = 5
    SERVICE_TYPE = 6
    FRAMED_IP_ADDRESS = 8
    REPLY_MESSAGE = 18
    STATE = 24
    CLASS = 25
    VENDOR_SPECIFIC = 26
    SESSION_TIMEOUT = 27
    IDLE_TIMEOUT = 28
    CALLED_STATION_ID = 30
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_SESSION_TIME = 46
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    CHAP_CHALLENGE = 60
    NAS_PORT_TYPE = 61
    PORT_LIMIT = 62
    EAP_MESSAGE = 79
    MESSAGE_AUTHENTICATOR = 80
    ACCT_INTERIM_INTERVAL = 85
    ERROR_CAUSE = 101


class Mikrotik(IntEnum):
    """Vendor 14988."""

    RATE_LIMIT = 8
    HOST_IP = 10
    TOTAL_LIMIT = 17
    TOTAL_LIMIT_GIGAWORDS = 18


def encode_octets(kind: int, value: bytes) -> bytes:
    """The attribute `kind` with 1 to 253 octets of `value`; raises MalformedPacket for any other length."""
    if not 1 <= len(value) <= MAX_VALUE_LENGTH:
        raise MalformedPacket("attribute_length")
    return bytes((kind, len(value) + 2)) + value


def encode_integer(kind: int, value: int) -> bytes:
    """The attribute `kind` with a 32-bit unsigned `value`."""
    return _INTEGER.pack(kind, 6, value)


def encode_text(kind: int, text: str) -> bytes:
    """The attribute `kind` with `text` in UTF-8, cut at a whole character when it passes 253 octets."""
    octets = text.encode()
    if len(octets) > MAX_VALUE_LENGTH:
        octets = octets[:MAX_VALUE_LENGTH].decode(errors="ignore").encode()
    return encode_octets(kind, octets)


def encode_vendor_octets(vendor: int, kind: int, value: bytes) -> bytes:
    """A Vendor-Specific with one sub-attribute of 1 to 247 octets (RFC 2865 §5.26)."""
    if not 1 <= len(value) <= MAX_VALUE_LENGTH - 6:
        raise MalformedPacket("attribute_length")
    return _VENDOR.pack(Attribute.VENDOR_SPECIFIC, len(value) + 8, vendor, kind, len(value) + 2) + value


def encode_vendor_integer(vendor: int, kind: int, value: int) -> bytes:
    """A Vendor-Specific with one 32-bit unsigned sub-attribute."""
    return encode_vendor_octets(vendor, kind, _UINT32.pack(value))


def decode_integer(value: bytes) -> int:
    """A 32-bit unsigned value; raises MalformedPacket unless it has 4 octets."""
    if len(value) != 4:
        raise MalformedPacket("integer_length")
    return int.from_bytes(value)


def decode_text(value: bytes) -> str:
    """Text in UTF-8; raises MalformedPacket for other octets, and for a NUL, which no store keeps in text."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("text_encoding") from error
    if "\0" in text:
        raise MalformedPacket("text_encoding")
    return text


def decode_address(value: bytes) -> str:
    """An IPv4 address in dotted form; raises MalformedPacket unless it has 4 octets."""
    if len(value) != 4:
        raise MalformedPacket("address_length")
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}"
