"""Servers wake each other through a real Redis; without it, with it hung and with it back, they go on."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.announcer import Announcer
from tests.end_to_end.cafe import eventually
from tests.end_to_end.redis_server import PASSWORD, RedisServer, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as made:
        yield made


@pytest.fixture
def pair(redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Announcer, Announcer]]:
    """Two processes that hear each other, one of them by the socket."""
    with ExitStack() as stack:
        here = stack.enter_context(Announcer(redis, redis.url, tmp_path / "here"))
        there = stack.enter_context(Announcer(redis, redis.url_of_socket, tmp_path / "there"))
        there.hears(here)
        here.hears(there)
        yield here, there
        for each in (here, there):
            assert "Traceback" not in each.told
            assert PASSWORD not in each.told


def test_each_hears_the_other_once_and_of_itself_only_what_concerns_it(pair: tuple[Announcer, Announcer]) -> None:
    here, there = pair
    here.announce("look")
    here.announce("balance nora_01")
    eventually(lambda: there.heard("look") and there.heard("balance nora_01"))
    there.hears(here)
    assert (here.heard("look"), there.heard("look")) == (0, 1)
    assert (here.heard("balance nora_01"), there.heard("balance nora_01")) == (1, 1)


def test_garbage_is_told_of_and_nothing_else_happens(redis: RedisServer, pair: tuple[Announcer, Announcer]) -> None:
    here, there = pair
    assert redis.say("PUBLISH icafe:announcements hello") == ":2"
    eventually(lambda: "not of our form" in here.told and "not of our form" in there.told)
    there.hears(here)


def test_a_redis_that_was_killed_and_is_back_wakes_them_again(
    redis: RedisServer, pair: tuple[Announcer, Announcer]
) -> None:
    here, there = pair
    redis.kill()
    _announce_for(here, 2)
    eventually(lambda: "Redis is not heard" in here.told and "Redis takes no announcements" in here.told)
    redis.start()
    there.hears(here, within=15)
    here.hears(there, within=15)
    assert "Redis is heard again" in here.told


def test_a_redis_that_hung_and_goes_on_wakes_them_again(redis: RedisServer, pair: tuple[Announcer, Announcer]) -> None:
    here, there = pair
    redis.send(signal.SIGSTOP)
    _announce_for(here, 9)
    eventually(lambda: "Redis is not heard: it does not answer in time" in there.told, within=15)
    assert "Redis takes no announcements: it does not answer in time" in here.told
    redis.send(signal.SIGCONT)
    there.hears(here, within=15)
    here.hears(there, within=15)


def test_a_redis_that_is_emptied_wakes_them_as_before(redis: RedisServer, pair: tuple[Announcer, Announcer]) -> None:
    here, there = pair
    assert redis.say("FLUSHALL") == "+OK"
    there.hears(here, within=1)
    assert "Redis is not heard" not in there.told


def _announce_for(announcer: Announcer, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        announcer.announce("look")
        time.sleep(0.05)
