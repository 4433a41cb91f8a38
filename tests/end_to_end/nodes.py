"""Several servers on one PostgreSQL, and a router that turns to any of them."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from redis import Redis

from tests.end_to_end.cafe import Cafe
from tests.end_to_end.game_town import Beside
from tests.end_to_end.nas import Nas
from tests.end_to_end.redis_server import PASSWORD, RedisServer

PHONE, TABLET = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"
ACCEPT, REJECT = 2, 3


class Router(Nas):
    """Sends to whichever node it is turned to; orders reach it from all."""

    def at(self, node: Cafe) -> Self:
        """This, turned to `node`."""
        self._servers = {"auth": ("127.0.0.1", node.auth), "acct": ("127.0.0.1", node.acct)}
        return self

    def come_online(self, node: Cafe, other: Cafe, name: str, mac: str, line: str) -> bytes:
        """A guest logs in at one node, and the router tells another of it; gives the Class."""
        accept = self.at(node).log_in(name, "secret", mac, Acct_Session_Id=line, Framed_IP_Address="10.5.0.2")
        assert accept is not None, name
        assert accept.code == ACCEPT
        assert self.at(other).report("Start", line, User_Name=name, Class=accept["Class"][0], Calling_Station_Id=mac)
        return bytes(accept["Class"][0])

    def is_let_in(self, node: Cafe, name: str, mac: str = PHONE) -> bool:
        answer = self.at(node).log_in(name, "secret", mac)
        assert answer is not None
        return bool(answer.code == ACCEPT)


@contextmanager
def nodes_of(count: int, folder: Path, database_url: str, redis: RedisServer | None) -> Iterator[list[Cafe]]:
    """So many servers that run, on one store; the first is the café's own."""
    first = Cafe(folder, database_url)
    if redis is not None:
        with first.config.open("a") as config:
            config.write(f'[redis]\nurl = "{redis.url}"\npassword_file = "{redis.password_file}"\n')
    first.icafectl("package", "add", "1h", "--time", "1h")
    others = [Beside(first, folder / f"node{number}") for number in range(2, count + 1)]
    with ExitStack() as stack:
        yield [stack.enter_context(each) for each in (first, *others)]
    for each in (first, *others):
        log = each.log.read_text()
        assert "Traceback" not in log, log
        assert PASSWORD not in log


class Reader:
    """An integrator's program: reads keys, and keeps what it heard on the channels."""

    def __init__(self, redis: RedisServer) -> None:
        self._redis = Redis.from_url(redis.url, password=PASSWORD, decode_responses=True)
        self._channels = self._redis.pubsub()
        self._channels.psubscribe("icafe:session:*", "icafe:station:*")
        self._heard: list[tuple[str, str]] = []

    def close(self) -> None:
        self._channels.close()
        self._redis.close()

    def key(self, session: int) -> dict[str, str]:
        """The live key of a session; empty if there is none."""
        return dict(self._redis.hgetall(f"icafe:session:{session}"))

    def life(self, session: int) -> int:
        """Seconds until the key goes away by itself."""
        return int(self._redis.ttl(f"icafe:session:{session}"))

    def heard(self) -> list[tuple[str, str]]:
        """Channel and message of all that was told so far."""
        while (message := self._channels.get_message(timeout=0.05)) is not None:
            if message["type"] == "pmessage":
                self._heard.append((message["channel"].removeprefix("icafe:"), message["data"]))
        return self._heard

    def channels(self) -> list[str]:
        """The channels alone, in the order of their messages."""
        return [channel for channel, _ in self.heard()]


def slowest_of_a_hundred(milliseconds: list[float]) -> float:
    """The 99th percentile."""
    return sorted(milliseconds)[math.ceil(len(milliseconds) * 0.99) - 1]


def took(call: Any) -> float:
    """How many milliseconds it took; fails unless it was answered."""
    began = time.perf_counter()
    assert call() is not None
    return (time.perf_counter() - began) * 1000
