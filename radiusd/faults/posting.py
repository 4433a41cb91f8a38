"""HTTP/1.1 over connections that are kept open; as little of a client as it takes."""

import asyncio
from collections import deque
from contextlib import suppress

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PATIENCE = 10.0


class Poster:
    """Sends requests to one port of loopback, from one address."""

    def __init__(self, port: int, source: str = "127.0.0.1", most: int = 16) -> None:
        self._port = port
        self._source = source
        self._idle: deque[Connection] = deque()
        self._room = asyncio.Semaphore(most)

    async def ask(self, request: bytes, patience: float = _PATIENCE) -> tuple[int, bytes]:
        """Status and body; status 0 if no answer came."""
        async with self._room:
            try:
                return await asyncio.wait_for(self._ask(request), patience)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
                return 0, b""

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = await self._connection()
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
        except BaseException:
            writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return int(head[9:12]), body

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.popleft()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._source, 0))

    async def close(self) -> None:
        """Those that are idle."""
        while self._idle:
            writer = self._idle.popleft()[1]
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
