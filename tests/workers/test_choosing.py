"""The program that chooses a worker: what it reads of a packet, and how evenly it spreads."""

import struct
from collections import Counter
from collections.abc import Collection
from ipaddress import ip_address

import pytest

from radiusd.workers.choosing import program

_NETWORK = 0xFFF00000
_WORD = 0xFFFFFFFF
_SIZES = {0x20: 4, 0x28: 2, 0x30: 1}


def a_packet(source: str, port: int, our_port: int = 1812) -> bytes:
    """IP and UDP headers of a datagram that comes from there."""
    address = ip_address(source)
    udp = struct.pack("!HHHH", port, our_port, 28, 0)
    if address.version == 6:
        return struct.pack("!IHBB", 6 << 28, 28, 17, 64) + address.packed + bytes(15) + b"\1" + udp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 48, 0, 0, 64, 17, 0)
    return head + address.packed + bytes((192, 0, 2, 1)) + udp


def run(packet: bytes, count: int, absent: Collection[int] = ()) -> int:
    """The number that the program ends with, as the kernel would carry it out."""
    steps = program(count, absent)
    accumulator = index = at = 0
    while True:
        code, if_true, if_false, constant = steps[at]
        at += 1
        offset = constant - _NETWORK
        match code:
            case 0x20 | 0x28 | 0x30:
                accumulator = int.from_bytes(packet[offset : offset + _SIZES[code]])
            case 0x00:
                accumulator = constant
            case 0x07:
                index = accumulator
            case 0x0C:
                accumulator = accumulator + index & _WORD
            case 0x24:
                accumulator = accumulator * constant & _WORD
            case 0x74:
                accumulator >>= constant
            case 0x94:
                accumulator %= constant
            case 0x15:
                at += if_true if accumulator == constant else if_false
            case 0x05:
                at += constant
            case 0x16:
                return accumulator
            case _:
                pytest.fail(f"no such step: {code:#x}")


@pytest.mark.parametrize("source", ["192.0.2.7", "2001:db8::7"])
def test_our_own_port_makes_no_difference(source: str) -> None:
    for port in range(1024, 1124):
        assert run(a_packet(source, port, 1812), 4) == run(a_packet(source, port, 1813), 4)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 16, 64])
def test_neighbouring_ports_of_one_router_are_spread_evenly(count: int) -> None:
    chosen = Counter(run(a_packet("10.1.2.3", port), count) for port in range(30_000, 30_000 + 100 * count))
    assert set(chosen) == set(range(count))
    assert max(chosen.values()) < 150


@pytest.mark.parametrize("form", ["10.20.{}.{}", "2001:db8::{}:{}"])
def test_routers_that_all_send_from_one_port_are_spread_evenly(form: str) -> None:
    sources = [form.format(high, low) for high in range(10) for low in range(1, 101)]
    chosen = Counter(run(a_packet(each, 1645), 4) for each in sources)
    assert min(chosen.values()) > 180
    assert max(chosen.values()) < 320


def test_what_was_for_one_that_is_absent_goes_to_others_and_nothing_else_changes() -> None:
    packets = [a_packet("10.1.2.3", port) for port in range(30_000, 30_400)]
    before = [run(each, 4) for each in packets]
    after = [run(each, 4, {0, 3}) for each in packets]
    assert set(after) == {1, 2}
    assert all(now == was for was, now in zip(before, after, strict=True) if was in (1, 2))


def test_where_all_are_absent_nothing_changes() -> None:
    assert program(2, {0, 1}) == program(2)
