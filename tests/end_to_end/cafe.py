"""A whole café on loopback: the server a process of its own, and icafectl beside it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from click.testing import CliRunner

from radiusd.bench.processes import free_ports
from radiusd.icafectl.desk import Desk
from radiusd.icafectl.root import icafectl

SECRET = "a secret of sixteen"
STARTS_WITHIN = 30.0
PATIENCE = 10.0


def eventually(claim: Callable[[], Any], within: float = PATIENCE) -> Any:
    """What `claim` gives once it is true; fails when that takes longer than `within` seconds."""
    until = time.monotonic() + within
    while not (result := claim()):
        assert time.monotonic() < until, f"{claim} did not come true within {within} s"
        time.sleep(0.05)
    return result


class Cafe:
    """One branch, one router at 127.0.0.1, and whatever a test adds to them."""

    def __init__(self, folder: Path, database_url: str, *branch_options: str) -> None:
        self.folder = folder
        self.auth, self.acct, self.coa, self.web, self.metrics = free_ports(5)
        self.config = folder / "radiusd.toml"
        self.config.write_text(
            f'[server]\nauth = "127.0.0.1:{self.auth}"\nacct = "127.0.0.1:{self.acct}"\n'
            f'web = "127.0.0.1:{self.web}"\ncoa_source = "127.0.0.1"\n'
            f'[web]\nmetrics = "127.0.0.1:{self.metrics}"\n'
            f'[store]\nurl = "{database_url}"\nkey_file = "key"\n'
        )
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.icafectl("store", "init")
        self.icafectl("branch", "add", "q1", *branch_options)
        self.icafectl(
            "router", "add", "r1", "--branch", "q1", "--address", "127.0.0.1", "--secret", "-",
            "--coa-port", str(self.coa), typed=SECRET,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def icafectl(self, *arguments: str, typed: str = "", status: int = 0) -> str:
        """What the command prints; fails unless it ends with `status`. Run within the test, which is much faster."""
        desk = Desk(self.config)
        done = CliRunner().invoke(icafectl, ["--config", str(self.config), *arguments], input=typed, obj=desk)
        assert isinstance(done.exception, SystemExit | None), f"icafectl {arguments}: {done.exception!r}"
        assert done.exit_code == status, f"icafectl {arguments}: {done.output}"
        return str(done.output if status else done.stdout)

    def icafectl_itself(self, *arguments: str) -> str:
        """What the command prints, as a process of its own."""
        command = [sys.executable, "-P", "-m", "radiusd.icafectl", "--config", str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def read(self, *arguments: str) -> Any:
        """What the command prints with --json."""
        return json.loads(self.icafectl(*arguments, "--json"))

    def sell(self, name: str, package: str, password: str = "secret") -> None:
        """A new customer with a pass."""
        self.icafectl("account", "add", name, "--password", "-", "--branch", "q1", "--package", package, typed=password)

    def sessions(self, *arguments: str) -> list[dict[str, Any]]:
        """All sessions, the newest first."""
        found: list[dict[str, Any]] = self.read("session", "list", *arguments)
        return sorted(found, key=lambda each: -each["id"])

    def start(self) -> None:
        """Run the server; returns when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "radiusd", "--config", str(self.config)], stdout=log, stderr=log
            )
        eventually(self._is_well, STARTS_WITHIN)

    def _is_well(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self.web}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM, within: float = PATIENCE) -> None:
        """End the server, gently or not."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(within)
            self._process = None

    def counters(self) -> dict[str, float]:
        """What the server counts, from /metrics."""
        with urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (each.removeprefix('radius_packets_total{what="').split('"} ') for each in lines if "{what=" in each)
        return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}
