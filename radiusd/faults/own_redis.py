"""A redis-server of a fault's own, on loopback, keeping nothing: it may be hung, killed and emptied."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import free_ports, spawn


class OwnRedis:
    """Runs within `with`; `url` is its address."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            raise BenchError("redis-server is missing: apt-get install redis-server")
        folder.mkdir()
        (self._port,) = free_ports(1)
        self._settings = folder / "redis.conf"
        self._settings.write_text(f'bind 127.0.0.1\nport {self._port}\nsave ""\ndir "{folder}"\n')
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """It answers when this returns. Raises BenchError."""
        self._process = spawn(["redis-server", str(self._settings)])
        until = time.monotonic() + 10
        while self._say("PING") != "+PONG":
            if time.monotonic() > until or self._process.poll() is not None:
                raise BenchError("redis-server did not start")
            time.sleep(0.05)

    def empty(self) -> None:
        """FLUSHALL."""
        self._say("FLUSHALL")

    def hang(self) -> None:
        """It takes connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Where it hung."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Gone, whatever it was doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _say(self, command: str) -> str:
        try:
            with socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                connection.sendall(f"{command}\r\n".encode())
                return connection.makefile().readline().strip()
        except OSError:
            return ""
