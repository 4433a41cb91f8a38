"""The configuration says who is told; what it says wrongly is refused, and no password is shown."""

import traceback
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.task import Clock

from radiusd.cluster.alone import Alone
from radiusd.cluster.announcements import Announcements, Listeners
from radiusd.cluster.building import build, read_password
from radiusd.cluster.errors import ClusterError
from radiusd.cluster.redis import ThroughRedis
from radiusd.config import Redis

PASSWORD = "correct horse"


class AsyncioClock(Clock, AsyncioSelectorReactor):
    """As much of that reactor as is asked for before it runs."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "password"
    made.write_text(f"{PASSWORD}\n")
    made.chmod(0o600)
    return made


def built(settings: Redis | None, reactor: Any) -> Announcements:
    return build(settings, Listeners(lambda: None, lambda whose: None), lambda detail: None, reactor)


def why_not(file: Path) -> str:
    with pytest.raises(ClusterError) as caught:
        read_password(file)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_without_redis_a_server_is_alone() -> None:
    assert isinstance(built(None, Clock()), Alone)


def test_with_redis_it_tells_all(file: Path) -> None:
    assert isinstance(built(Redis("redis://localhost", "icafe:", file), AsyncioClock()), ThroughRedis)
    assert isinstance(built(Redis("unix:///run/redis.sock", "icafe:", None), AsyncioClock()), ThroughRedis)


def test_on_another_reactor_redis_cannot_be_used_and_what_to_do_is_told() -> None:
    with pytest.raises(ClusterError, match=r"^redis\.url needs the asyncio reactor: twist --reactor=asyncio radiusd$"):
        built(Redis("redis://localhost", "icafe:", None), Clock())


def test_the_password_is_the_first_line_as_it_stands(file: Path) -> None:
    assert read_password(file) == PASSWORD
    file.write_text(" pässword \nanything else\n", encoding="utf-8")
    assert read_password(file) == " pässword "


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert why_not(tmp_path / "p") == f"cannot read {tmp_path}/p, redis.password_file: No such file or directory"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_password_file_of_which_others_have_any_use_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert why_not(file) == f"{file}, redis.password_file, can be read by others: run chmod 600 {file}"


@pytest.mark.parametrize("content", [b"", b"\n", b"\ncorrect horse\n"])
def test_a_password_file_without_one_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert why_not(file) == f"{file}, redis.password_file, has nothing in its first line"


def test_a_password_file_that_is_not_text_is_refused_and_not_shown(file: Path) -> None:
    file.write_bytes(b"correct horse \xff")
    assert why_not(file) == f"{file}, redis.password_file, is not UTF-8 text"
