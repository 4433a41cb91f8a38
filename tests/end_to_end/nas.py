"""A router of few lines, its packets by pyrad: what it sends and receives, with the kernel's time of each arrival."""

import hashlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from attrs import frozen
from pyrad import packet as pyrad
from pyrad.dictionary import Dictionary

from tests.end_to_end.cafe import SECRET

DICTIONARY = Dictionary(str(Path(__file__).parents[2] / "dictionaries" / "dictionary"))
_SO_TIMESTAMPNS = 35


@frozen
class Arrival:
    """A datagram, and the instant the kernel took it in, in nanoseconds."""

    at: int
    octets: bytes
    source: tuple[str, int]


@frozen
class Frame:
    """A datagram that was sent, from port to port of 127.0.0.1."""

    sender: int
    receiver: int
    octets: bytes


class Nas:
    """Sends to the server's ports; its own port for disconnects answers as it is told."""

    def __init__(self, auth: int, acct: int, coa: int, secret: str = SECRET, identifier: str = "r1") -> None:
        self.secret = secret.encode()
        self.identifier = identifier
        self._servers = {"auth": ("127.0.0.1", auth), "acct": ("127.0.0.1", acct)}
        self._socket = _listening(0)
        self._coa = _listening(coa)
        self.answers_disconnects_with: int | None = 41
        self.disconnects: list[Arrival] = []
        self.recording: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._coa.close()

    # What it asks

    def log_in(self, name: str, password: str, mac: str, **more: Any) -> pyrad.AuthPacket | None:
        """The answer to an Access-Request with CHAP, as a HotSpot sends it; None if there is none."""
        request = pyrad.AuthPacket(secret=self.secret, dict=DICTIONARY)
        request["User-Name"] = name
        request["CHAP-Challenge"] = b"c" * 16
        request["CHAP-Password"] = b"\x07" + _md5(b"\x07" + password.encode() + b"c" * 16)
        request["Calling-Station-Id"] = mac
        request["NAS-Identifier"] = self.identifier
        for attribute, value in more.items():
            request[attribute.replace("_", "-")] = value
        request.add_message_authenticator()
        arrival = self.ask(request.RequestPacket(), "auth")
        return None if arrival is None else _verified(request, arrival)

    def log_in_by_pap(self, name: str, password: str, mac: str) -> pyrad.AuthPacket | None:
        """As `log_in`, with User-Password."""
        request = pyrad.AuthPacket(secret=self.secret, dict=DICTIONARY)
        request["User-Name"] = name
        request["User-Password"] = request.PwCrypt(password)
        request["Calling-Station-Id"] = mac
        request["NAS-Identifier"] = self.identifier
        request.add_message_authenticator()
        arrival = self.ask(request.RequestPacket(), "auth")
        return None if arrival is None else _verified(request, arrival)

    def report(self, status: str, session: str, **more: Any) -> bool:
        """Whether an Accounting-Request of this status was answered."""
        request = pyrad.AcctPacket(secret=self.secret, dict=DICTIONARY)
        request["Acct-Status-Type"] = status
        request["Acct-Session-Id"] = session
        request["NAS-Identifier"] = self.identifier
        for attribute, value in more.items():
            request[attribute.replace("_", "-")] = value
        arrival = self.ask(request.RequestPacket(), "acct")
        return arrival is not None and _verified(request, arrival) is not None

    def ask(self, octets: bytes, port: str, patience: float = 1.1, tries: int = 4) -> Arrival | None:
        """The first answer to these octets, sent again as RouterOS does; disconnects are answered meanwhile."""
        for _ in range(tries):
            self._send(self._socket, octets, self._servers[port])
            until = time.monotonic() + patience
            for arrival in self._arrivals(until):
                if arrival.octets[1] == octets[1]:
                    return arrival
        return None

    # What it is asked

    def wait_for_disconnect(self, within: float = 5.0) -> Arrival | None:
        """The next disconnect that was not waited for yet."""
        seen = len(self.disconnects)
        until = time.monotonic() + within
        for _ in self._arrivals(until, until_disconnects=seen + 1):
            pass
        return self.disconnects[seen] if len(self.disconnects) > seen else None

    def named_in(self, arrival: Arrival) -> dict[str, Any]:
        """The attributes of a Disconnect-Request, by name."""
        request = pyrad.CoAPacket(secret=self.secret, dict=DICTIONARY, packet=arrival.octets)
        assert request.code == 40
        assert request.VerifyCoARequest()
        return {name: request[name][0] for name in request.keys()}  # noqa: SIM118 - pyrad's packet is no dict

    def _arrivals(self, until: float, until_disconnects: int = 1 << 30) -> Iterator[Arrival]:
        while (left := until - time.monotonic()) > 0 and len(self.disconnects) < until_disconnects:
            ready, _, _ = select.select([self._socket, self._coa], [], [], left)
            if self._coa in ready:
                self._take_disconnect(self._receive(self._coa))
            if self._socket in ready:
                yield self._receive(self._socket)

    def _send(self, by: socket.socket, octets: bytes, to: tuple[str, int]) -> None:
        by.sendto(octets, to)
        self.recording.append(Frame(by.getsockname()[1], to[1], octets))

    def _receive(self, by: socket.socket) -> Arrival:
        arrival = _receive(by)
        self.recording.append(Frame(arrival.source[1], by.getsockname()[1], arrival.octets))
        return arrival

    def _take_disconnect(self, arrival: Arrival) -> None:
        self.disconnects.append(arrival)
        if self.answers_disconnects_with is None:
            return
        request = pyrad.CoAPacket(secret=self.secret, dict=DICTIONARY, packet=arrival.octets)
        reply = request.CreateReply()
        reply.code = self.answers_disconnects_with
        if reply.code == 42:
            reply["Error-Cause"] = 503
        self._send(self._coa, reply.ReplyPacket(), arrival.source)


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    made.bind(("127.0.0.1", port))
    return made


def _receive(from_socket: socket.socket) -> Arrival:
    octets, ancillary, _, source = from_socket.recvmsg(4096, 256)
    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
    return Arrival(seconds * 1_000_000_000 + nanoseconds, octets, source)


def _verified(request: Any, arrival: Arrival) -> Any:
    """The reply, or None unless it was made with the secret for this request."""
    reply = request.CreateReply(packet=arrival.octets)
    reply.arrived_at = arrival.at
    return reply if request.VerifyReply(reply, arrival.octets) else None
