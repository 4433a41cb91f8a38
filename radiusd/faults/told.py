"""What was asked, and what was answered: kept on the disk by the asker before it counts an answer as received."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ASKED, TOLD = "asked", "told"


class Diary:
    """One line of JSON for each thing asked and told. Those told are durable before `told` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._flushing: asyncio.Task[None] | None = None

    def asked(self, kind: str, **fields: Any) -> None:
        """Something is about to be asked; it may or may not come to be."""
        self._lines.append(_line(ASKED, kind, fields))

    def put_down(self, kind: str, **fields: Any) -> None:
        """It was answered: durable on return, for those who may wait."""
        lines, self._lines = [*self._lines, _line(TOLD, kind, fields)], []
        self._write(b"".join(lines))

    async def told(self, kind: str, **fields: Any) -> None:
        """It was answered: durable on return. Those who wait at the same moment share one fsync."""
        self._lines.append(_line(TOLD, kind, fields))
        while self._flushing is not None:
            await self._flushing
            if not self._lines:
                return
        self._flushing = asyncio.create_task(self._flush())
        await self._flushing

    async def _flush(self) -> None:
        lines, self._lines = self._lines, []
        await asyncio.to_thread(self._write, b"".join(lines))
        self._flushing = None

    def _write(self, octets: bytes) -> None:
        self._file.write(octets)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is left."""
        self._write(b"".join(self._lines))
        self._file.close()


def _line(which: str, kind: str, fields: dict[str, Any]) -> bytes:
    return json.dumps({"which": which, "kind": kind, **fields}, separators=(",", ":")).encode() + b"\n"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Everything, in its order."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)
