"""The decoder of the hot path against one that takes its time, and against pyrad, packet by packet."""

from hypothesis import example, given
from hypothesis import strategies as st
from pyrad.packet import Packet as PyradPacket
from pyrad.packet import PacketError

from radiusd.wire.errors import MalformedPacket
from radiusd.wire.packet import MAX_ATTRIBUTES, Packet, decode

SIGNATURE, VENDOR = 80, 26
HEADER = 20


def read_slowly(datagram: bytes) -> Packet | None:
    """What RFC 2865 §3 and §5 say of these octets, attribute by attribute; None if they are no packet."""
    if len(datagram) < HEADER:
        return None
    length = int.from_bytes(datagram[2:4], "big")
    if not HEADER <= length <= min(len(datagram), 4096):
        return None
    rest, offset, found = datagram[HEADER:length], HEADER, []
    while rest:
        if len(rest) == 1 or rest[1] < 2 or rest[1] > len(rest):
            return None
        found.append((offset, rest[0], rest[2 : rest[1]]))
        offset, rest = offset + rest[1], rest[rest[1] :]
    signatures = [(at, value) for at, kind, value in found if kind == SIGNATURE]
    if len(found) > MAX_ATTRIBUTES or len(signatures) > 1 or any(len(value) != 16 for _, value in signatures):
        return None
    return Packet(
        code=datagram[0],
        identifier=datagram[1],
        authenticator=datagram[4:HEADER],
        octets=datagram[:length],
        values={kind: value for _, kind, value in reversed(found)},
        message_authenticator_at=signatures[0][0] + 2 if signatures else None,
    )


def read(datagram: bytes) -> Packet | None:
    """What our decoder says."""
    try:
        return decode(datagram)
    except MalformedPacket:
        return None


def parts(packet: Packet | None) -> tuple[object, ...] | None:
    """All of a packet that can be compared."""
    if packet is None:
        return None
    return (
        packet.code,
        packet.identifier,
        packet.authenticator,
        packet.octets,
        packet.values,
        packet.message_authenticator_at,
        type(packet.octets),
    )


def a_packet(attributes: list[tuple[int, bytes]]) -> bytes:
    encoded = b"".join(bytes([kind, 2 + len(value)]) + value for kind, value in attributes)
    return b"\x01\x07" + (HEADER + len(encoded)).to_bytes(2, "big") + bytes(range(16)) + encoded


kinds = st.one_of(st.sampled_from([1, 1, 25, 25, 33, 255, 0, VENDOR]), st.integers(0, 255))
values = st.one_of(st.binary(max_size=20), st.sampled_from([b"", bytes(251), bytes(253), b"\x50\x12" * 8]))
signatures = st.sampled_from([bytes(16)] * 8 + [bytes(15), bytes(17), b""]).map(lambda value: [(SIGNATURE, value)])
attributes = st.builds(
    lambda *lists: [each for some in lists for each in some],
    st.lists(st.tuples(kinds, values), max_size=7),
    st.one_of(st.just([]), signatures),
    st.lists(st.tuples(kinds, values), max_size=7),
    st.one_of(st.just([]), st.just([]), st.just([]), signatures),
)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A packet with octets changed, cut off, or put behind it."""
    octets = bytearray(a_packet(draw(attributes)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(octets) - 1), st.integers(0, 255)), max_size=3)):
        octets[at] = value
    cut = draw(st.one_of(st.just(0), st.integers(0, 5)))
    octets = octets[: len(octets) - cut] + draw(st.one_of(st.just(b""), st.binary(max_size=6)))
    if draw(st.booleans()):
        octets[2:4] = (len(octets) - draw(st.integers(0, 3))).to_bytes(2, "big")
    return bytes(octets)


@given(st.one_of(attributes.map(a_packet), bent(), st.binary(max_size=120)))
@example(a_packet([(SIGNATURE, bytes(16))]) + b"padding")
@example(a_packet([(SIGNATURE, bytes(16)), (1, b"x"), (SIGNATURE, bytes(16))]))
@example(a_packet([(1, b"\x50\x12"), (SIGNATURE, bytes(16))]))
@example(a_packet([(1, b"first"), (1, b"second")]))
@example(a_packet([(1, b"x")] * MAX_ATTRIBUTES))
@example(a_packet([(1, b"x")] * (MAX_ATTRIBUTES + 1)))
@example(a_packet([(1, bytes(253))] * 15 + [(1, bytes(249))]))
@example(a_packet([(1, bytes(253))] * 16))
@example(a_packet([(1, b"")])[:-1])
def test_what_is_read_quickly_is_what_is_read_slowly(datagram: bytes) -> None:
    assert parts(read(datagram)) == parts(read_slowly(datagram))


@given(st.one_of(attributes.map(a_packet), bent()))
def test_of_repeated_attributes_the_first_counts_and_none_is_lost(datagram: bytes) -> None:
    packet = read(datagram)
    if packet is None:
        return
    for kind in range(256):
        values = packet.all(kind)
        assert values == [value for each, value in packet.attributes if each == kind]
        assert packet.values.get(kind) == (values[0] if values else None)


@given(st.one_of(attributes.map(a_packet), bent()))
def test_pyrad_reads_no_other_attributes(datagram: bytes) -> None:
    packet = read(datagram)
    if packet is None or not packet.values:
        return
    try:
        theirs = PyradPacket(secret=b"s", packet=packet.octets)
    except (PacketError, IndexError):
        return  # pyrad looks into some attributes, and takes none that is empty
    ours = {kind: packet.all(kind) for kind in packet.values if kind not in (VENDOR, SIGNATURE)}
    assert {kind: theirs[kind] for kind in ours} == ours
    assert (theirs.code, theirs.id, theirs.authenticator) == (packet.code, packet.identifier, packet.authenticator)
