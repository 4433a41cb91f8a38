"""A process that announces what it is told to, and tells what it hears: the part of a server that does so, alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Self

from twisted.internet import asyncioreactor
from twisted.protocols.basic import LineReceiver

from radiusd import logs
from radiusd.cluster.announcements import Announcements, Listeners
from radiusd.cluster.building import build
from radiusd.config import Redis
from tests.end_to_end.cafe import eventually
from tests.end_to_end.redis_server import RedisServer


class Announcer:
    """Speaks through this Redis from entry to exit."""

    def __init__(self, redis: RedisServer, url: str, log: Path) -> None:
        self._command = [sys.executable, "-P", "-W", "error", __file__, url, str(redis.password_file)]
        self._heard = log
        self._count = 0

    def __enter__(self) -> Self:
        environment = os.environ | {"PYTHONPATH": os.fspath(Path(__file__).parents[2])}
        with self._heard.open("wb") as heard:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=heard, stderr=heard, text=True, env=environment
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._stdin.close()
        try:
            assert self._process.wait(10) == 0, self.told
        finally:
            self._process.kill()

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def told(self) -> str:
        """Everything it wrote."""
        return self._heard.read_text()

    def announce(self, what: str) -> None:
        """`look`, or `balance` and the name of a PC user at branch 1. Fails if the process has ended."""
        assert self._process.poll() is None, self.told
        self._stdin.write(f"{what}\n")
        self._stdin.flush()

    def heard(self, what: str) -> int:
        """How often it heard this."""
        return self.told.splitlines().count(f"heard {what}")

    def hears(self, other: "Announcer", within: float = 10.0) -> None:
        """Returns when an announcement of `other` is heard here; fails after so many seconds without."""

        def is_heard() -> bool:
            self._count += 1
            other.announce(f"balance probe_{self._count}")
            return "heard balance probe_" in self.told[before:]

        before = len(self.told)
        eventually(is_heard, within)


class Commands(LineReceiver):
    """What is to be announced, a line each; at the end of the input the process ends."""

    delimiter = b"\n"

    def __init__(self, announcements: Announcements, reactor: Any) -> None:
        self._announcements = announcements
        self._reactor = reactor

    def lineReceived(self, line: bytes) -> None:
        what, _, who = line.decode().partition(" ")
        if what == "look":
            self._announcements.look()
        else:
            self._announcements.balance((1, who))

    def connectionLost(self, reason: object = None) -> None:
        self._announcements.stop().addBoth(lambda _: self._reactor.stop())


def run(reactor: Any, settings: Redis) -> None:
    """Announce what is read and write what is heard, until the input ends."""

    def tell(text: str) -> None:
        print(text, flush=True)

    from twisted.internet.stdio import StandardIO  # noqa: PLC0415 - it wants the reactor chosen

    logs.begin("info")
    listeners = Listeners(lambda: tell("heard look"), lambda whose: tell(f"heard balance {whose[1]}"))
    announcements = build(settings, listeners, tell, reactor)
    announcements.start()
    StandardIO(Commands(announcements, reactor))
    reactor.run()


if __name__ == "__main__":
    asyncioreactor.install()
    from twisted.internet import reactor as installed

    run(installed, Redis(sys.argv[1], "icafe:", Path(sys.argv[2])))
