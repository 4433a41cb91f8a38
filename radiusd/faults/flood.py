"""One flood of datagrams, as a process of its own: told what to send by a line of JSON, it sends until it is over.

It prints how many it sent. Nothing leaves loopback, and it never sends for longer than a quarter of an hour.
"""

import json
import secrets
import socket
import sys
import time
from collections.abc import Callable
from hashlib import md5

from attrs import asdict, frozen

from radiusd.bench.guests import PASSWORD, SECRET, USER
from radiusd.virtual_router.packets import Identity, Line, access_request

UNKNOWN, FORGED, GREEDY = (
    "unknown sender",
    "known sender, bad Message-Authenticator",
    "known sender, 50 times its share",
)
_LONGEST = 900.0
_SOCKETS = 8
_KEY = SECRET.encode()


@frozen(kw_only=True)
class Flood:
    """`rate` datagrams a second from `source` to `port` for `seconds`, valid ones about `guests` of a router `name`."""

    kind: str
    source: str
    port: int
    rate: float
    seconds: float
    first_guest: int
    guests: int
    name: str

    def as_line(self) -> bytes:
        """As it is told to the process."""
        return json.dumps(asdict(self)).encode() + b"\n"


def _makers(flood: Flood) -> list[Callable[[int], bytes]]:
    """What builds the next datagram for an Identifier."""
    if flood.kind == GREEDY:
        return [_valid(flood, flood.first_guest + each) for each in range(flood.guests)]
    # Signed with another secret. The octets vary, or they would be repetitions of one request.
    octets = _valid(flood, flood.first_guest, b"another secret")(1)
    return [lambda identifier: octets[:1] + bytes((identifier,)) + octets[2:4] + secrets.token_bytes(16) + octets[20:]]


def _valid(flood: Flood, guest: int, key: bytes = _KEY) -> Callable[[int], bytes]:
    identity = Identity(name=flood.name)
    mac = ":".join(f"{each:02X}" for each in (0x02, 0x21, *guest.to_bytes(4)))
    line = Line(
        number=0x80000000 + guest, user_name=USER % guest, mac=mac, address=f"10.21.{guest >> 8 & 255}.{guest & 255}"
    )
    password = (PASSWORD % guest).encode()
    count = 0

    def make(identifier: int) -> bytes:
        nonlocal count
        count += 1
        # Unguessable is not needed here, and a digest is quicker.
        authenticator = md5(b"%d %d" % (guest, count), usedforsecurity=False).digest()
        return access_request(identifier, authenticator, line, identity, password, key, chap=False)

    return make


def send(flood: Flood) -> int:
    """Send it; how many left."""
    sockets = []
    for _ in range(_SOCKETS):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind((flood.source, 0))
        sockets.append(made)
    makers, sent = _makers(flood), 0
    began = time.monotonic()
    until = began + min(flood.seconds, _LONGEST)
    while (now := time.monotonic()) < until:
        due = int((now - began) * flood.rate)
        for number in range(sent, min(due, sent + 200)):
            try:
                octets = makers[number % len(makers)](number // _SOCKETS % 256)
                sockets[number % _SOCKETS].sendto(octets, ("127.0.0.1", flood.port))
            except OSError:  # its own buffer is full
                pass
        sent = max(sent, min(due, sent + 200))
        if due <= sent:
            time.sleep(0.001)
    for each in sockets:
        each.close()
    return sent


def main() -> None:
    """Be the process."""
    print(send(Flood(**json.loads(sys.stdin.readline()))), flush=True)


if __name__ == "__main__":
    main()
