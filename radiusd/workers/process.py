"""A worker as its parent has it: a process, and a pipe on which it says that it is ready, or why it cannot start."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

READY = b"ready\n"
_MOST_SAID = 10_000


class WorkerProcess:
    """Runs from the beginning. It is told the configuration's `text`, for the file may have changed since."""

    def __init__(self, path: Path, text: str, number: int, sockets: Mapping[str, int]) -> None:
        self.pipe, theirs = os.pipe()
        os.set_blocking(self.pipe, False)
        lent = [f"--socket={name}={descriptor}" for name, descriptor in sockets.items()]
        options = [f"--config={path}", f"--number={number}", f"--tell={theirs}", *lent]
        self._said = b""
        self.is_ready = False
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = _started(options, text, (theirs, *sockets.values()))
        except OSError as error:
            # Out of memory or of processes: as if it had died at once, for that may pass.
            self._said = str(error).encode()
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        """Its process; 0 if there never was one."""
        return self._process.pid if self._process else 0

    def end(self) -> None:
        """SIGTERM: it takes nothing more, answers what it took, and goes."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()

    def becomes_ready(self) -> bool:
        """Whether it says, for the first time, that it is ready."""
        if self.is_ready:
            return False
        try:
            while heard := os.read(self.pipe, 4096):
                self._said = (self._said + heard)[:_MOST_SAID]
        except BlockingIOError:
            pass
        self.is_ready = self._said.startswith(READY)
        return self.is_ready

    def hear_no_more(self) -> None:
        """Whatever it had to say is known."""
        os.close(self.pipe)

    def has_gone(self) -> bool:
        """Whether it is no more."""
        return self._process is None or self._process.poll() is not None

    @property
    def status(self) -> int:
        """Its exit status once it is gone; negative for a signal."""
        return (self._process.returncode or 0) if self._process else os.EX_OSERR

    @property
    def reason(self) -> str:
        """What kept it from starting, in its own words; empty if it said nothing."""
        return "" if self.is_ready else self._said.decode(errors="replace").strip()

    @property
    def how(self) -> str:
        """How it went."""
        if self.status < 0:
            return f"was killed by {signal.Signals(-self.status).name}"
        return f"cannot start: {self.reason}" if self.reason else f"ended with status {self.status}"


def _started(options: list[str], text: str, lent: tuple[int, ...]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "radiusd.workers", *options]
    with tempfile.TemporaryFile() as configuration:
        configuration.write(text.encode())
        configuration.seek(0)
        return subprocess.Popen(command, stdin=configuration, pass_fds=lent)  # noqa: S603 - it is ourselves
