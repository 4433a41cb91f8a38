"""Routers that ask: requests sent again as RouterOS does, replies verified, 256 under way at each socket."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from radiusd.bench.guests import SECRET
from radiusd.wire.errors import WireError
from radiusd.wire.packet import Packet, decode
from radiusd.wire.replies import is_reply_to

KEY = SECRET.encode()
Address = tuple[str, int]
Make = Callable[[int], bytes]
"""Builds a request for an Identifier."""
PAUSE = 0.3


def for_ever(pause: float = PAUSE) -> Iterable[float]:
    """A client that does not give up."""
    return itertools.repeat(pause)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, hears: "Router") -> None:
        self._hears = hears
        self.transport: Any = None
        self.asked: dict[int, tuple[bytes, asyncio.Future[Packet]]] = {}
        self.latest: dict[int, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        asked = self.asked.get(data[1]) if len(data) > 1 else None
        if len(data) > 1:
            self._hears.heard(data, addr, self.latest.get(data[1]))
        if asked is None:
            return
        request, answer = asked
        try:
            reply = decode(data)
        except WireError:
            return
        if not answer.done() and is_reply_to(reply, request, KEY):
            answer.set_result(reply)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there just now."""


class Router:
    """A router at an address of loopback. `heard` may be replaced to see every datagram that comes."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self._sockets: list[_Socket] = []
        self._turn = 0
        self.sent = 0

    def heard(self, data: bytes, sender: Address, request: bytes | None) -> None:
        """A datagram came; `request` is the latest of its Identifier, None if there is none."""

    async def open(self, sockets: int = 2) -> "Router":
        """Open its sockets."""
        loop = asyncio.get_running_loop()
        for _ in range(sockets):
            _, made = await loop.create_datagram_endpoint(lambda: _Socket(self), local_addr=(self.address, 0))
            self._sockets.append(made)
        return self

    def close(self) -> None:
        """Close them."""
        for each in self._sockets:
            if each.transport is not None:
                each.transport.close()

    async def ask(self, make: Make, servers: Sequence[Address], pauses: Iterable[float]) -> Packet | None:
        """The verified reply. It is sent to the servers in turn, and waited for as long as each of `pauses` says."""
        place, identifier = await self._free_place()
        request = make(identifier)
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        place.asked[identifier], place.latest[identifier] = (request, answer), request
        try:
            for number, pause in enumerate(pauses):
                self.sent += 1
                place.transport.sendto(request, servers[number % len(servers)])
                done, _ = await asyncio.wait([answer], timeout=pause)
                if done:
                    return answer.result()
        finally:
            del place.asked[identifier]
        return None

    async def _free_place(self) -> tuple[_Socket, int]:
        while True:
            for _ in range(len(self._sockets) * 256):
                self._turn += 1
                place, identifier = (
                    self._sockets[self._turn % len(self._sockets)],
                    self._turn // len(self._sockets) % 256,
                )
                if identifier not in place.asked:
                    return place, identifier
            await asyncio.sleep(0.01)
