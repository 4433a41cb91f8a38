"""Decode and encode RADIUS packets (RFC 2865 §3): the hot path, held equal to pyrad by the tests.

0                   1                   2                   3
|     Code      |  Identifier   |            Length             |
|                 Authenticator, 16 octets                      |
|  Attributes: Type (1 octet), Length (1 octet, with these two), Value ...
"""

from collections.abc import Iterator
from struct import Struct

from attrs import define, field

from radiusd.wire.errors import MalformedPacket

HEADER_LENGTH = 20
MAX_LENGTH = 4096
MAX_ATTRIBUTES = 200
MESSAGE_AUTHENTICATOR = 80

_HEADER = Struct("!BBH16s")


@define(eq=False)
class Packet:
    """A received packet, its layout checked and its authenticator not yet.

    `octets` are those that Length covers; `values` has the first value of each type.
    `message_authenticator_at` is the offset of the 16 octets to be zeroed, or None.
    """

    code: int
    identifier: int
    authenticator: bytes
    octets: bytes = field(repr=False)
    values: dict[int, bytes] = field(repr=False)
    message_authenticator_at: int | None = None

    @property
    def attributes(self) -> tuple[tuple[int, bytes], ...]:
        """Every (type, value) in the order of the packet."""
        return tuple(_walked(self.octets))

    def all(self, kind: int) -> list[bytes]:
        """Every value of the attribute `kind`, in the order of the packet."""
        if kind not in self.values:
            return []
        return [value for each, value in _walked(self.octets) if each == kind]


def decode(datagram: bytes) -> Packet:
    """The packet in `datagram`; octets beyond its Length are padding (RFC 2865 §3).

    Raises MalformedPacket, and nothing else, for anything that is not laid out as a packet.
    """
    if len(datagram) < HEADER_LENGTH:
        raise MalformedPacket("short_datagram")
    code, identifier, length, authenticator = _HEADER.unpack_from(datagram)
    if length != len(datagram):
        if not HEADER_LENGTH <= length < len(datagram):
            raise MalformedPacket("packet_length")
        datagram = datagram[:length]
    if length > MAX_LENGTH:
        raise MalformedPacket("packet_length")
    values: dict[int, bytes] = {}
    at, count, message_authenticator_at = HEADER_LENGTH, 0, None
    # Each attribute of each packet passes here: one look at its type, one at its length, one slice.
    try:
        while at < length:
            kind = datagram[at]
            end = at + datagram[at + 1]
            value = datagram[at + 2 : end]
            if end < at + 2 or end > length:
                raise MalformedPacket("attribute_length")
            if kind not in values:
                values[kind] = value
                if kind == MESSAGE_AUTHENTICATOR:
                    message_authenticator_at = at + 2
            elif kind == MESSAGE_AUTHENTICATOR:
                raise MalformedPacket("message_authenticator_layout")
            at = end
            count += 1
    except IndexError:  # a type without a length
        raise MalformedPacket("attribute_length") from None
    if count > MAX_ATTRIBUTES:
        raise MalformedPacket("too_many_attributes")
    if message_authenticator_at is not None and len(values[MESSAGE_AUTHENTICATOR]) != 16:
        raise MalformedPacket("message_authenticator_layout")
    return Packet(code, identifier, authenticator, datagram, values, message_authenticator_at)


def _walked(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = HEADER_LENGTH
    while at < len(octets):
        end = at + octets[at + 1]
        yield octets[at], octets[at + 2 : end]
        at = end


def encode(code: int, identifier: int, authenticator: bytes, attributes: bytes) -> bytes:
    """The packet of these parts; `authenticator` has 16 octets and `attributes` is encoded already.

    Raises MalformedPacket when the whole would pass 4096 octets.
    """
    length = HEADER_LENGTH + len(attributes)
    if length > MAX_LENGTH:
        raise MalformedPacket("packet_length")
    return _HEADER.pack(code, identifier, length, authenticator) + attributes
