"""A network that loses, repeats and reorders datagrams: a UDP proxy in front of one port of a server."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

from attrs import frozen

Address = tuple[str, int]


@frozen(kw_only=True)
class Weather:
    """How bad it is, for each datagram and each way: shares of one, and seconds."""

    loss: float = 0.3
    repeated: float = 0.2
    late: float = 0.1
    latest: float = 2.0


def fate(weather: Weather, random: Random) -> Iterator[float]:
    """After how many seconds each copy of a datagram arrives; nothing for one that is lost."""
    if random.random() < weather.loss:
        return
    yield _delay(weather, random)
    if random.random() < weather.repeated:
        yield _delay(weather, random)


def _delay(weather: Weather, random: Random) -> float:
    return random.uniform(0, weather.latest) if random.random() < weather.late else 0.0


class _Way(asyncio.DatagramProtocol):
    """The socket that stands for one client before the server; what comes back goes to that client."""

    def __init__(self, proxy: "Proxy", client: Address) -> None:
        self._proxy = proxy
        self._client = client
        self.transport: Any = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002 - as asyncio calls it
        self._proxy.back(data, self._client)

    def error_received(self, exc: Exception) -> None:
        """The server is away just now."""


class Proxy(asyncio.DatagramProtocol):
    """Listens at `address`; each client has a port of its own towards the server, as it would have without us."""

    def __init__(self, server: Address, weather: Weather, random: Random) -> None:
        self._server = server
        self._weather = weather
        self._random = random
        self._ways: dict[Address, _Way] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._transport: Any = None
        self.address: Address = ("127.0.0.1", 0)
        self.counts = {"came": 0, "lost": 0, "repeated": 0, "late": 0}

    async def open(self) -> "Proxy":
        """Begin."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self.address)
        self.address = self._transport.get_extra_info("sockname")
        return self

    def close(self) -> None:
        """Carry nothing any more."""
        for transport in (self._transport, *(each.transport for each in self._ways.values())):
            if transport is not None:
                transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """From a client."""
        way = self._ways.get(addr)
        if way is None:
            way = self._ways[addr] = _Way(self, addr)
            task = asyncio.create_task(self._open_way(way, addr))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        self._carry(lambda: self._forth(way, data))

    async def _open_way(self, way: _Way, client: Address) -> None:
        # From the client's own address: the server knows routers by it.
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: way, local_addr=(client[0], 0))
        for each in way.early:
            way.transport.sendto(each, self._server)
        way.early.clear()

    def _forth(self, way: _Way, data: bytes) -> None:
        if way.transport is None:
            way.early.append(data)
        elif not way.transport.is_closing():
            way.transport.sendto(data, self._server)

    def back(self, data: bytes, client: Address) -> None:
        """From the server to a client."""
        self._carry(lambda: self._send_back(data, client))

    def _send_back(self, data: bytes, client: Address) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, client)

    def _carry(self, send: Any) -> None:
        self.counts["came"] += 1
        arrivals = list(fate(self._weather, self._random))
        self.counts["lost"] += not arrivals
        self.counts["repeated"] += len(arrivals) > 1
        for delay in arrivals:
            if delay:
                self.counts["late"] += 1
                asyncio.get_running_loop().call_later(delay, send)
            else:
                send()
