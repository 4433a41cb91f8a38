"""Servers wake each other through a real Redis; without it, with it hung and with it back, they go on."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.end_to_end.announcer import Announcer
from tests.end_to_end.cafe import Cafe, eventually
from tests.end_to_end.nas import Nas
from tests.end_to_end.pc_town import PcOwner, ask_json
from tests.end_to_end.redis_server import PASSWORD, RedisServer, missing
from tests.end_to_end.test_pc_sync import PcSystem, come_online

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


# A server


@pytest.fixture
def cafe(tmp_path: Path, database_url: str, redis: RedisServer) -> Iterator[Cafe]:
    """A café whose server tells others through Redis what it does."""
    made = Cafe(tmp_path, database_url)
    with made.config.open("a") as config:
        config.write(f'[redis]\nurl = "{redis.url}"\npassword_file = "{redis.password_file}"\n')
    with made:
        yield made
    assert "Traceback" not in made.log.read_text()
    assert PASSWORD not in made.log.read_text() + made.config.read_text()


@pytest.fixture
def owner(cafe: Cafe) -> PcOwner:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    cafe.sell("nora", "1h")
    made = PcOwner(cafe)
    cafe.icafectl("account", "set", "nora", "--pc-user", "nora_01")
    return made


@pytest.fixture
def pc_system(tmp_path: Path) -> Iterator[PcSystem]:
    made = PcSystem(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def other(cafe: Cafe, redis: RedisServer, tmp_path: Path) -> Iterator[Announcer]:
    """The part of another server that listens."""
    with Announcer(redis, redis.url_of_socket, tmp_path / "other") as made:
        yield made


def test_a_server_tells_of_what_it_stored_and_of_balances(nas: Nas, owner: PcOwner, other: Announcer) -> None:
    _hears(other, owner)
    come_online(nas)
    assert other.heard("look") == 0
    assert owner.report("USER_LOGOUT").fields["sessions_terminated"] == 1
    eventually(lambda: other.heard("look"))


def test_a_phone_that_shows_a_balance_is_told_by_another_server(
    cafe: Cafe, owner: PcOwner, other: Announcer, pc_system: PcSystem
) -> None:
    cafe.icafectl("branch", "pc-sync", "set", "q1", "--api-url", pc_system.url)
    wish = {"username": "nora_01", "password": "toy-nora_01", "location_id": owner.secrets["location_id"]}
    base = f"http://127.0.0.1:{cafe.web}/api"
    login = eventually(lambda: (answer := ask_json(f"{base}/auth/pc-login", wish)).status == 200 and answer)
    headers = {"Authorization": f"Bearer {login.fields['session_token']}"}
    request = Request(f"{base}/wallet/pc-balance/changes", headers=headers)  # noqa: S310 - http only, of a test
    with urlopen(request, timeout=10) as stream:  # noqa: S310
        _hears(other, owner, "somebody_else")
        other.announce("balance nora_01")
        eventually(lambda: stream.readline().startswith(b"event: balance"))


def test_no_request_waits_for_a_redis_that_hangs_or_is_gone_and_it_is_used_again_when_it_is_back(
    cafe: Cafe, nas: Nas, owner: PcOwner, other: Announcer, redis: RedisServer
) -> None:
    _hears(other, owner)
    redis.send(signal.SIGSTOP)
    _everything_is_answered(nas, owner, "80100001")
    redis.kill()
    _everything_is_answered(nas, owner, "80100002")
    eventually(lambda: "Redis is not heard" in cafe.log.read_text())
    redis.start()
    _hears(other, owner, within=15)
    assert redis.say("PUBLISH icafe:announcements hello") in (":1", ":2")
    eventually(lambda: cafe.counters().get("dropped_announcement"))
    assert cafe.log.read_text().count("Redis is not heard") == 1


def test_a_password_file_that_others_can_read_keeps_the_server_from_starting(cafe: Cafe, redis: RedisServer) -> None:
    cafe.stop()
    redis.password_file.chmod(0o644)
    command = [sys.executable, "-P", "-m", "radiusd", "--config", str(cafe.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    told = f"radiusd: {redis.password_file}, redis.password_file, can be read by others: run chmod 600 "
    assert done.stderr == f"{told}{redis.password_file}\n"


def _hears(other: Announcer, owner: PcOwner, user: str = "nora_01", within: float = 10.0) -> None:
    """Returns when what is reported to the server is heard by the other."""
    before = other.heard(f"balance {user}")

    def is_heard() -> bool:
        assert owner.report("BALANCE_UPDATE", user).status == 200
        return other.heard(f"balance {user}") > before

    eventually(is_heard, within)


def _everything_is_answered(nas: Nas, owner: PcOwner, line: str) -> None:
    began = time.monotonic()
    for _ in range(10):
        assert owner.report("BALANCE_UPDATE").took < 1
    assert owner.report("USER_LOGIN").status == 200
    come_online(nas, line=line)
    assert owner.report("USER_LOGOUT").fields["sessions_terminated"] == 1
    assert nas.wait_for_disconnect(2) is not None
    assert time.monotonic() - began < 5


def _announce_for(announcer: Announcer, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        announcer.announce("look")
        time.sleep(0.05)
