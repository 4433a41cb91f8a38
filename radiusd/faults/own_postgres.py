"""A PostgreSQL server of a fault's own, which may be hung, killed and started again; what it commits is durable."""

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

from radiusd.bench.errors import BenchError
from radiusd.bench.processes import spawn

_SETTINGS = ("fsync=on", "synchronous_commit=on", "max_connections=60", "shared_buffers=128MB", "listen_addresses=")
_STARTS_WITHIN = 60.0


def programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: float(each.parts[-3]))
    beside = shutil.which("initdb")
    if found:
        return found[-1].parent
    return None if beside is None else Path(beside).resolve().parent


class OwnPostgres:
    """Runs within `with`, at a Unix socket in a folder of its own; `url` is its address."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise BenchError(
                "PostgreSQL is missing, and this test must kill one of its own: apt-get install postgresql"
            )
        self._programs = found
        # /tmp and not TMPDIR: a socket's path may have 107 octets at most.
        self._folder = Path(tempfile.mkdtemp(prefix="icafe-faults-pg.", dir="/tmp"))
        self.url = f"postgresql://icafe@/postgres?host={self._folder}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            if os.geteuid() == 0:
                user = pwd.getpwnam(_user())
                os.chown(self._folder, user.pw_uid, user.pw_gid)
            made = self._run("initdb", f"--pgdata={self._folder}/data", "--username=icafe", "--auth=trust", "--no-sync")
            if made.wait(60) != 0:
                raise BenchError(f"initdb failed in {self._folder}")
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self.go_on()
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Run; it answers when this returns. Raises BenchError."""
        settings = [word for each in _SETTINGS for word in ("-c", each)]
        self._process = self._run("postgres", "-D", f"{self._folder}/data", "-k", str(self._folder), *settings)
        until = time.monotonic() + _STARTS_WITHIN
        while self._run("pg_isready", "-q", "-h", str(self._folder), "-d", "postgres").wait(10) != 0:
            if time.monotonic() > until or self._process.poll() is not None:
                raise BenchError("PostgreSQL did not start")
            time.sleep(0.1)

    def hang(self) -> None:
        """Every process of it stops: connections are still taken, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Where it hung."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all of it: connections are refused from now on."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            for pid in _family(self._process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        # initdb and postgres refuse to run as root.
        user = ["setpriv", f"--reuid={_user()}", f"--regid={_user()}", "--clear-groups"] if os.geteuid() == 0 else []
        return spawn([*user, str(self._programs / program), *arguments])


def _user() -> str:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _family(root: int) -> list[int]:
    """A process and its children: the parent first, so that it starts no others meanwhile."""
    children = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                stat = (folder / "stat").read_text()
                if int(stat[stat.rindex(")") + 2 :].split()[1]) == root:
                    children.append(int(folder.name))
    return [root, *children]
