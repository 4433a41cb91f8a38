"""The servers that are broken: each a process group of its own, on loopback, on ports that stay the same."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import end, free_ports, last_line, spawn
from radiusd.faults.breaking import Point, command

_STARTS_WITHIN = 30.0
_LONGEST_DRAIN = 90


class Node:
    """One server. Runs between `launch` and `kill`, and is ended at the end of `with`."""

    def __init__(
        self, folder: Path, store_url: str, *, in_store: str = "", more: str = "", switches: Sequence[str] = ()
    ) -> None:
        """`folder` holds the key; `in_store` is configuration in [store], and `more` is any after it.

        With `switches` it is a broken one.
        """
        self.auth, self.acct, self.web = free_ports(3)
        self.switches = tuple(switches)
        self.folder = folder
        self.config = folder / "radiusd.toml"
        self.log = folder / "radiusd.log"
        self.config.write_text(
            f'[server]\nauth = "127.0.0.1:{self.auth}"\nacct = "127.0.0.1:{self.acct}"\nweb = "127.0.0.1:{self.web}"\n'
            f'coa_source = "127.0.0.1"\n[web]\nmetrics = ""\nconnections_per_address = 1000\n'
            f'[store]\nurl = "{store_url}"\nkey_file = "key"\n{in_store}[log]\nlevel = "warn"\n{more}'
        )
        self.config.chmod(0o600)
        self.disk: Path | None = None
        """A file that says how the disk under the spool is, if it is to be ill at times."""
        self._process: subprocess.Popen[bytes] | None = None

    def launch(self, point: Point | None = None) -> None:
        """Start it, and do not wait until it answers; with `point` it will die there."""
        with self.log.open("ab") as log:
            self._process = spawn(command(self.config, self.switches, point, self.disk), stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Its process, or that of its parent where it has several."""
        assert self._process is not None  # noqa: S101 - it was launched
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to all of its group: no goodbye, nothing is finished."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    async def has_died(self, within: float) -> bool:
        """Whether it ends by itself in time."""
        until = time.monotonic() + within
        while self.is_running and time.monotonic() < until:
            await asyncio.sleep(0.005)
        return not self.is_running

    async def stop(self) -> None:
        """SIGTERM, and wait until it has ended."""
        if self._process is not None:
            await asyncio.to_thread(end, self._process)

    async def is_up(self) -> None:
        """Wait until it is well; raises BenchError."""
        until = time.monotonic() + _STARTS_WITHIN
        while not await asyncio.to_thread(self._is_well):
            if not self.is_running:
                raise BenchError(f"a server ended by itself: {self.last_words()}")
            if time.monotonic() > until:
                raise BenchError(f"a server did not answer within {_STARTS_WITHIN:.0f} s of its start")
            await asyncio.sleep(0.05)

    def _is_well(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.web}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False

    def last_words(self) -> str:
        """The last line of its log."""
        return last_line(self.log.read_text(errors="replace")) if self.log.exists() else ""

    def lines(self, containing: str) -> list[str]:
        """The lines of its log with this in them."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if containing in line]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def several(folder: Path, store_url: str, count: int, *, more: str = "", switches: Sequence[str] = ()) -> list[Node]:
    """Nodes on one store, each with a folder of its own in `folder`, whose key they share."""
    made = []
    for number in range(count):
        own = folder / f"node-{number}"
        own.mkdir()
        (own / "key").write_bytes((folder / "key").read_bytes())
        (own / "key").chmod(0o600)
        made.append(Node(own, store_url, more=more, switches=switches))
    return made


async def start(nodes: Sequence[Node]) -> None:
    """All of them; they answer when this returns. Raises BenchError."""
    for each in nodes:
        each.launch()
    await asyncio.gather(*(each.is_up() for each in nodes))


async def drained(folder: Path) -> float:
    """Seconds until no spool below `folder` holds anything: what is in one is acknowledged, and not in the store yet.

    A minute and a half at most.
    """
    began = time.monotonic()
    while any(folder.glob("**/spool/*/*.spool")) and time.monotonic() < began + _LONGEST_DRAIN:
        await asyncio.sleep(0.1)
    return time.monotonic() - began
