"""Decode and encode RADIUS packets (RFC 2865 §3): the hot path, held equal to pyrad by the tests.

0                   1                   2                   3
|     Code      |  Identifier   |            Length             |
|                 Authenticator, 16 octets                      |
|  Attributes: Type (1 octet), Length (1 octet, with these two), Value ...
"""

from collections.abc import Mapping
from struct import Struct

from attrs import field, frozen

from radiusd.wire.errors import MalformedPacket

HEADER_LENGTH = 20
MAX_LENGTH = 4096
MAX_ATTRIBUTES = 200
MESSAGE_AUTHENTICATOR = 80

_HEADER = Struct("!BBH16s")


@frozen
class Packet:
    """A received packet, its layout checked and its authenticator not yet.

    `octets` are those that Length covers; `attributes` keeps every (type, value) in its order, `values` the first
    value of each type. `message_authenticator_at` is the offset of the 16 octets to be zeroed, or None.
    """

    code: int
    identifier: int
    authenticator: bytes
    octets: bytes = field(repr=False)
    attributes: tuple[tuple[int, bytes], ...] = field(repr=False)
    values: Mapping[int, bytes] = field(repr=False)
    message_authenticator_at: int | None = None

    def all(self, kind: int) -> list[bytes]:
        """Every value of the attribute `kind`, in the order of the packet."""
        return [value for each, value in self.attributes if each == kind]


def decode(datagram: bytes) -> Packet:
    """The packet in `datagram`; octets beyond its Length are padding (RFC 2865 §3).

    Raises MalformedPacket, and nothing else, for anything that is not laid out as a packet.
    """
    if len(datagram) < HEADER_LENGTH:
        raise MalformedPacket("short_datagram")
    code, identifier, length, authenticator = _HEADER.unpack_from(datagram)
    if not HEADER_LENGTH <= length <= MAX_LENGTH or length > len(datagram):
        raise MalformedPacket("packet_length")
    octets = datagram if length == len(datagram) else datagram[:length]
    attributes, values, at = _attributes(octets, length)
    return Packet(code, identifier, authenticator, octets, tuple(attributes), values, at)


def _attributes(octets: bytes, end: int) -> tuple[list[tuple[int, bytes]], dict[int, bytes], int | None]:
    attributes: list[tuple[int, bytes]] = []
    values: dict[int, bytes] = {}
    message_authenticator_at = None
    at = HEADER_LENGTH
    while at < end:
        if at + 2 > end:
            raise MalformedPacket("attribute_length")
        kind, length = octets[at], octets[at + 1]
        if length < 2 or at + length > end:
            raise MalformedPacket("attribute_length")
        if kind == MESSAGE_AUTHENTICATOR:
            if length != 18 or message_authenticator_at is not None:
                raise MalformedPacket("message_authenticator_layout")
            message_authenticator_at = at + 2
        value = octets[at + 2 : at + length]
        attributes.append((kind, value))
        if kind not in values:
            values[kind] = value
        at += length
    if len(attributes) > MAX_ATTRIBUTES:
        raise MalformedPacket("too_many_attributes")
    return attributes, values, message_authenticator_at


def encode(code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
    """The packet of these parts; `authenticator` has 16 octets and `attributes` is encoded already.

    Raises MalformedPacket when the whole would pass 4096 octets.
    """
    length = HEADER_LENGTH + len(attributes)
    if length > MAX_LENGTH:
        raise MalformedPacket("packet_length")
    return _HEADER.pack(code, identifier, length, authenticator) + attributes
