"""Which of the sockets on one port gets a datagram: decided in the kernel, by its source address and source port only.

Left to itself, the kernel counts our own port in as well: logins and accounting that a router sends from one port would
meet in different workers. A classic BPF program on the group of sockets (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5) decides
instead, alike for every group: its result is the number of a socket, in the order in which they were bound.
"""

import ctypes
import socket
import struct
from collections.abc import Collection, Iterator

_SO_ATTACH_REUSEPORT_CBPF = 51
_NETWORK = 0xFFF00000
"""Offsets from here on count from the IP header (SKF_NET_OFF)."""
_LOAD, _LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x00, 0x20, 0x28, 0x30
_TO_X, _ADD_X, _MULTIPLY, _SHIFT_RIGHT, _MODULO = 0x07, 0x0C, 0x24, 0x74, 0x94
_SKIP_UNLESS_EQUAL, _GO, _RETURN = 0x15, 0x05, 0x16
# Both odd, and far from any pattern in addresses: neighbouring ports and addresses land apart.
_SPREAD, _SPREAD_AGAIN = 0x9E3779B1, 0x85EBCA6B

Step = tuple[int, int, int, int]
"""Code, steps to skip if true, steps to skip if false, and a constant."""


def program(count: int, absent: Collection[int] = ()) -> tuple[Step, ...]:
    """Chooses among `count` sockets; what is for one that is `absent` goes to another instead.

    It reads an IPv4 header as one without options, which RADIUS never has.
    """
    present = [each for each in range(count) if each not in absent]
    instead = ((each, present[each % len(present)]) for each in absent) if present else ()
    ipv6 = tuple(_mixed(address=20, port=40))
    return (
        (_LOAD_BYTE, 0, 0, _NETWORK),
        (_SHIFT_RIGHT, 0, 0, 4),
        (_SKIP_UNLESS_EQUAL, 0, len(ipv6) + 1, 6),
        *ipv6,
        (_GO, 0, 0, len(ipv6)),
        *_mixed(address=12, port=20),
        (_MULTIPLY, 0, 0, _SPREAD_AGAIN),
        (_SHIFT_RIGHT, 0, 0, 16),
        (_MODULO, 0, 0, count),
        *(step for one, other in instead for step in ((_SKIP_UNLESS_EQUAL, 0, 1, one), (_LOAD, 0, 0, other))),
        (_RETURN, 0, 0, 0),
    )


def _mixed(address: int, port: int) -> Iterator[Step]:
    """Four octets of the address and the port, by their offsets in the packet, in one number."""
    yield _LOAD_WORD, 0, 0, _NETWORK + address
    yield _MULTIPLY, 0, 0, _SPREAD
    yield _TO_X, 0, 0, 0
    yield _LOAD_HALF, 0, 0, _NETWORK + port
    yield _ADD_X, 0, 0, 0


def choose_by_source(any_of_them: socket.socket, count: int, absent: Collection[int] = ()) -> bool:
    """Have the group of this socket choose so, among its first `count`; False if this kernel cannot."""
    steps = b"".join(struct.pack("HBBI", *each) for each in program(count, absent))
    held = ctypes.create_string_buffer(steps)
    described = struct.pack("HP", len(steps) // 8, ctypes.addressof(held))
    try:
        any_of_them.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, described)
    except OSError:
        return False
    return True
