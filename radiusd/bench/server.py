"""The server that is measured: a process of its own, on loopback, on ports that were free."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from radiusd.bench.errors import BenchError
from radiusd.bench.generators import Target
from radiusd.bench.processes import end, free_ports, last_line, spawn

_STARTS_WITHIN = 30.0


class Server:
    """Runs within `with`; `folder` holds its key and gets its configuration and its log, which have its `name`."""

    def __init__(self, folder: Path, store_url: str, workers: int = 1, name: str = "radiusd") -> None:
        auth, acct, self.web = free_ports(3)
        self.target = Target(auth, acct)
        self._config = folder / f"{name}.toml"
        self._log = folder / f"{name}.log"
        # One is what a server has that is not told otherwise.
        processes = f"workers = {workers}\n" if workers > 1 else ""
        self._config.write_text(
            f'[server]\nauth = "127.0.0.1:{auth}"\nacct = "127.0.0.1:{acct}"\nweb = "127.0.0.1:{self.web}"\n'
            f'coa_source = "127.0.0.1"\n{processes}[web]\nmetrics = ""\n'
            f'[store]\nurl = "{store_url}"\nkey_file = "key"\n[log]\nlevel = "warn"\n'
        )
        self._config.chmod(0o600)

    def launch(self) -> None:
        """Start it, and do not wait until it answers."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-P", "-m", "radiusd", "--config", str(self._config)]
            self._process = spawn(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing is finished."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def launched(self) -> Iterator[Self]:
        """Runs within this `with` as well, which does not wait until it answers."""
        self.launch()
        try:
            yield self
        finally:
            end(self._process)

    def __enter__(self) -> Self:
        self.launch()
        try:
            self._await()
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def must_live(self) -> None:
        """Raises BenchError if it ended by itself."""
        if self._process.poll() is not None:
            why = last_line(self._log.read_text(errors="replace")) or "it said nothing"
            raise BenchError(f"the server ended by itself with status {self._process.returncode}: {why}")

    def _await(self) -> None:
        until = time.monotonic() + _STARTS_WITHIN
        while not self._is_well():
            self.must_live()
            if time.monotonic() > until:
                raise BenchError(f"the server did not answer within {_STARTS_WITHIN:.0f} s of its start")
            time.sleep(0.05)

    def _is_well(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.web}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):  # at a port where nobody listens, one may even get through to oneself
            return False
