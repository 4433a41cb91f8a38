"""A redis-server of one's own: at a Unix socket and a port of loopback, with a password, and keeping nothing."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from radiusd.bench.processes import free_ports
from tests.end_to_end.cafe import eventually

PASSWORD = "correct-horse"


def missing() -> str:
    """What is not there of what this needs; empty if nothing."""
    return "" if shutil.which("redis-server") else "redis-server is not installed"


class RedisServer:
    """Runs from entry to exit, or between `start` and `kill`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (port,) = free_ports(1)
        self._socket = folder / "socket"
        self._settings = folder / "redis.conf"
        # The password is in a file: a process list shows arguments.
        self._settings.write_text(
            f'bind 127.0.0.1\nport {port}\nunixsocket "{self._socket}"\n'
            f'requirepass {PASSWORD}\nsave ""\ndir "{folder}"\n'
        )
        self._log = folder / "log"
        self.password_file = folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)
        self.url = f"redis://127.0.0.1:{port}/0"
        self.url_of_socket = f"unix://{self._socket}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(["redis-server", str(self._settings)], stdout=log, stderr=log)
        eventually(lambda: self.say("PING") == "+PONG")

    def say(self, command: str) -> str | None:
        """The first line of its answer; None if there is none."""
        assert self._process.poll() is None, self._log.read_text()
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(os.fspath(self._socket))
                connection.sendall(f"AUTH {PASSWORD}\r\n{command}\r\n".encode())
                told = connection.makefile()
                told.readline()
                return told.readline().strip()
        except OSError:
            return None

    def send(self, how: signal.Signals) -> None:
        """SIGSTOP and SIGCONT: hung, and going on."""
        self._process.send_signal(how)

    def kill(self) -> None:
        """Gone, whatever it was doing."""
        self._process.kill()
        self._process.wait(10)
