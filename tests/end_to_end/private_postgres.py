"""A PostgreSQL of a test's own, which may be stopped, killed and started again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

_FOR_TESTS = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=64MB", "listen_addresses=")


def programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: float(each.parts[-3]))
    return found[-1].parent if found else None


class PrivatePostgres:
    """Listens on a Unix socket in a directory of its own; `url` is its address."""

    def __init__(self) -> None:
        # /tmp and not TMPDIR: a socket's path may have 107 octets at most.
        self.folder = Path(tempfile.mkdtemp(prefix="icafe-private.", dir="/tmp"))
        self.url = f"postgresql://icafe@/postgres?host={self.folder}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            user = pwd.getpwnam(_user())
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run("initdb", f"--pgdata={self.folder}/data", "--username=icafe", "--auth=trust", "--no-sync").wait(60)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Run; returns when it answers."""
        settings = [word for each in _FOR_TESTS for word in ("-c", each)]
        self._process = self._run("postgres", "-D", f"{self.folder}/data", "-k", str(self.folder), *settings)
        until = time.monotonic() + 20
        while self._run("pg_isready", "-q", "-h", str(self.folder), "-d", "postgres").wait(10) != 0:
            assert time.monotonic() < until, "PostgreSQL did not start"
            time.sleep(0.1)

    def hang(self) -> None:
        """Stop every process of it: it still takes connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Go on where it hung."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once: connections are refused from then on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def _signal(self, what: signal.Signals) -> None:
        if self._process is None:
            return
        parent = self._process.pid
        for each in (parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())):
            with suppress(ProcessLookupError):
                os.kill(each, what)

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        folder = programs()
        assert folder is not None
        command = [str(folder / program), *arguments]
        quiet = subprocess.DEVNULL
        user = _user() if os.geteuid() == 0 else None
        # initdb and postgres refuse to run as root.
        return subprocess.Popen(command, stdout=quiet, stderr=quiet, stdin=quiet, user=user, cwd="/")


def _user() -> str:
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return "nobody"
