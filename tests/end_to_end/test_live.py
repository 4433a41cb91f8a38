"""The live keys and channels, as another program sees them through a real Redis."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import update

from policy.quantities import Instant
from policy.session import EndReason, Phase, Session
from radiusd.live import stations
from radiusd.live.script import WRITE
from radiusd.live.states import State, encode
from radiusd.store.database import Database
from radiusd.store.schema import sessions
from tests.end_to_end.cafe import Cafe, eventually
from tests.end_to_end.nas import Nas
from tests.end_to_end.nodes import PHONE, TABLET, Reader
from tests.end_to_end.pc_town import PcOwner
from tests.end_to_end.redis_server import PASSWORD, RedisServer, missing
from tests.end_to_end.test_pc_sync import come_online

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as made:
        yield made


@pytest.fixture
def reader(redis: RedisServer) -> Iterator[Reader]:
    made = Reader(redis)
    yield made
    made.close()


@pytest.fixture
def cafe(tmp_path: Path, database_url: str, redis: RedisServer) -> Iterator[Cafe]:
    """A café that shows its sessions in Redis; nora has an hour."""
    made = Cafe(tmp_path, database_url)
    with made.config.open("a") as config:
        config.write(f'[redis]\nurl = "{redis.url}"\npassword_file = "{redis.password_file}"\nexpiring = 3\n')
    made.icafectl("package", "add", "1h", "--time", "1h")
    made.sell("nora", "1h")
    with made:
        yield made
    assert "Traceback" not in made.log.read_text()
    assert PASSWORD not in made.log.read_text()


# A session, from its beginning to its end


def test_a_session_is_a_key_that_goes_away_by_itself(cafe: Cafe, nas: Nas, reader: Reader) -> None:
    come_online(nas)
    key = eventually(lambda: (found := reader.key(1)).get("router") and found)
    assert (key["phase"], key["account"], key["login"], key["device"]) == ("ACTIVE", "nora", "nora", PHONE)
    assert (key["branch"], key["router"], key["package"]) == ("q1", "r1", "1h")
    assert 3590 <= int(key["remaining_seconds"]) <= 3600
    assert key["ends_at"] > key["started_at"] > "2026"
    assert 3640 <= reader.life(1) <= 3660
    assert reader.channels() == ["session:started"]


def test_what_happens_to_it_is_told_once_each(cafe: Cafe, nas: Nas, reader: Reader) -> None:
    come_online(nas)
    eventually(lambda: reader.key(1))
    cafe.icafectl("session", "extend", "1", "--time", "30m")
    eventually(lambda: "session:extended" in reader.channels())
    assert reader.key(1)["granted_seconds"] == "5400"
    cafe.icafectl("session", "cut", "1", "--reason", "closing time")
    eventually(lambda: "session:stopped" in reader.channels())
    time.sleep(1.5)
    assert reader.channels() == ["session:started", "session:extended", "session:stopped"]
    told = [json.loads(each) for _, each in reader.heard()]
    assert {each["session_id"] for each in told} == {1}
    assert (told[1]["added_seconds"], told[2]["reason"]) == (1800, "ADMIN_ACTION")
    assert {(each["account"], each["branch"], each["device"]) for each in told} == {("nora", "q1", PHONE)}
    assert (reader.key(1)["phase"], reader.key(1)["end_reason"]) == ("TERMINATED", "ADMIN_ACTION")
    assert 0 < reader.life(1) <= 120


def test_an_end_by_time_is_told_before_and_when_it_comes(cafe: Cafe, nas: Nas, reader: Reader) -> None:
    cafe.icafectl("package", "add", "short", "--time", "6s")
    cafe.sell("omar", "short")
    come_online(nas, "omar")
    eventually(lambda: "session:expiring" in reader.channels())
    assert "session:expired" not in reader.channels()
    eventually(lambda: "session:expired" in reader.channels())
    assert reader.channels() == ["session:started", "session:expiring", "session:expired"]
    told = {channel: json.loads(each) for channel, each in reader.heard()}
    assert 1 <= told["session:expiring"]["remaining_seconds"] <= 3
    assert told["session:expired"]["reason"] == "TIME_EXPIRED"


def test_a_pc_logout_and_a_second_device_are_seen(cafe: Cafe, nas: Nas, reader: Reader) -> None:
    owner = PcOwner(cafe)
    cafe.icafectl("account", "set", "nora", "--pc-user", "nora_01")
    come_online(nas)
    eventually(lambda: reader.key(1))
    come_online(nas, mac=TABLET, line="80100002")
    eventually(lambda: reader.key(2))
    assert reader.key(1)["end_reason"] == "DEVICE_CONFLICT"
    assert owner.report("USER_LOGOUT").fields["sessions_terminated"] == 1
    eventually(lambda: reader.key(2)["phase"] == "TERMINATED")
    assert sorted(reader.channels()) == ["session:started"] * 2 + ["session:stopped"] * 2


# Redis lost and found


def test_after_redis_was_emptied_the_keys_are_back_and_nothing_is_told_again(
    cafe: Cafe, nas: Nas, reader: Reader, redis: RedisServer
) -> None:
    come_online(nas)
    eventually(lambda: reader.key(1))
    _age(cafe, 120)
    assert redis.say("FLUSHALL") == "+OK"
    eventually(lambda: reader.key(1))
    assert reader.channels() == ["session:started"]


def test_a_session_that_ended_while_redis_hung_is_not_shown_as_active_for_long(
    cafe: Cafe, nas: Nas, reader: Reader, redis: RedisServer
) -> None:
    come_online(nas)
    eventually(lambda: reader.key(1))
    redis.send(signal.SIGSTOP)
    come_online(nas, mac=TABLET, line="80100002")
    eventually(lambda: "the live keys in Redis are not written: it does not answer in time" in cafe.log.read_text())
    redis.send(signal.SIGCONT)
    eventually(lambda: reader.key(1).get("phase") == "TERMINATED" and reader.key(2).get("phase") == "ACTIVE", 15)
    eventually(lambda: "the live keys in Redis are written again" in cafe.log.read_text())
    assert cafe.log.read_text().count("the live keys") == 2


def test_after_redis_was_killed_and_lost_everything_the_keys_are_back(
    cafe: Cafe, nas: Nas, reader: Reader, redis: RedisServer
) -> None:
    come_online(nas)
    eventually(lambda: reader.key(1))
    redis.kill()
    cafe.icafectl("session", "cut", "1", "--reason", "closing time")
    cafe.sell("omar", "1h")
    come_online(nas, "omar", TABLET, "80100002")
    time.sleep(1)
    redis.start()
    eventually(lambda: reader.key(2).get("account") == "omar", 15)
    assert reader.key(1).get("phase") != "ACTIVE"


def test_a_key_of_a_session_that_nobody_knows_or_that_ended_unseen_is_put_right(
    cafe: Cafe, nas: Nas, reader: Reader, redis: RedisServer
) -> None:
    come_online(nas)
    eventually(lambda: reader.key(1))
    cafe.stop(signal.SIGKILL)
    cafe.icafectl("session", "cut", "1", "--reason", "closing time")
    _age(cafe, 7200)
    assert redis.say("HSET icafe:session:77 phase ACTIVE") == ":1"
    assert redis.say("HSET icafe:session:notes text mine") == ":1"
    cafe.start()
    eventually(lambda: not reader.key(77) and reader.key(1)["phase"] == "TERMINATED")
    assert reader.channels()[-1] == "session:stopped"
    assert redis.say("EXISTS icafe:session:notes") == ":1"


def _age(cafe: Cafe, seconds: int) -> None:
    """Have all sessions begun, and ended, so much earlier."""
    url = next(line for line in cafe.config.read_text().splitlines() if line.startswith("url")).split('"')[1]
    database = Database(url)
    earlier = {name: sessions.c[name] - seconds * 1000 for name in ("created_at", "started_at", "ended_at")}
    with database.writing() as connection:
        connection.execute(update(sessions).values(earlier))
    database.close()


# What the script holds to, whoever runs it and in whatever order

AT = Instant(1_795_262_400_000)


class Shown:
    """A Redis that servers write to as they please."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._redis = reader._redis

    def write(self, *states: State) -> int:
        keys = [f"icafe:session:{each.session.id}" for each in states]
        return int(self._redis.eval(WRITE, len(keys), *keys, encode(states, 300), "icafe:"))


def state(version: int = 1, *, seconds: int = 0, since: int = 1, granted: int = 3600, **changed: Any) -> State:
    """A session as it was read `seconds` after AT; it began so many seconds before that."""
    at = Instant(AT + seconds * 1000)
    began = Instant(at - since * 1000)
    of_session = {"id": 7, "pass_id": 3, "device": PHONE, "created_at": began, "started_at": began, **changed}
    if changed.get("end_reason") is not None:
        of_session = {"phase": Phase.TERMINATED, "ended_at": at, **of_session}
    else:
        of_session = {"phase": Phase.ACTIVE, "slot": 1, **of_session}
    return State(
        session=Session(**of_session),
        version=version,
        at=at,
        account="nora",
        branch="q1",
        package="1h",
        granted=(granted, None),
        ends_at=Instant(at + 1_000_000),
        remaining=1000,
    )


@pytest.fixture
def shown(reader: Reader) -> Shown:
    return Shown(reader)


def test_what_two_servers_write_is_told_once(shown: Shown, reader: Reader) -> None:
    assert [shown.write(state()), shown.write(state())] == [1, 0]
    over = state(2, end_reason=EndReason.PC_LOGOUT)
    assert [shown.write(over), shown.write(over)] == [1, 0]
    assert reader.channels() == ["session:started", "session:stopped"]


def test_what_was_read_earlier_never_takes_the_place_of_what_was_read_later(shown: Shown, reader: Reader) -> None:
    shown.write(state(5, granted=7200))
    shown.write(state(4, seconds=9))
    assert reader.key(7)["granted_seconds"] == "7200"
    shown.write(state(6, end_reason=EndReason.PC_LOGOUT))
    shown.write(state(5, seconds=9))
    assert reader.key(7)["phase"] == "TERMINATED"


def test_of_what_redis_never_heard_of_only_what_is_fresh_is_told(shown: Shown, reader: Reader) -> None:
    shown.write(state(since=61))
    assert reader.channels() == []
    assert reader.key(7)["phase"] == "ACTIVE"
    late = state(
        9, end_reason=EndReason.NAS_REBOOT, ended_at=Instant(AT - 61_000), id=8, created_at=Instant(AT - 90_000)
    )
    shown.write(late)
    assert (reader.channels(), reader.key(8)) == ([], {})


def test_an_end_that_is_learned_late_is_told_if_the_session_was_shown(shown: Shown, reader: Reader) -> None:
    shown.write(state(since=600))
    shown.write(state(2, end_reason=EndReason.NAS_REBOOT, ended_at=Instant(AT - 300_000), since=600))
    assert reader.channels() == ["session:stopped"]


def test_that_the_end_is_near_is_told_once_and_again_after_an_extension(shown: Shown, reader: Reader) -> None:
    def near(version: int, rest: int, granted: int) -> State:
        return evolve(state(version, granted=granted), ends_at=Instant(AT + rest * 1000), remaining=rest)

    shown.write(near(1, 299, 600))
    shown.write(near(1, 298, 600))
    shown.write(near(2, 3000, 3600))
    shown.write(near(2, 300, 3600))
    assert reader.channels() == ["session:started", "session:expiring", "session:extended", "session:expiring"]


def test_names_in_any_script_and_any_number_of_sessions_go_through(shown: Shown, reader: Reader) -> None:
    many = [evolve(state(id=number), account='Nguyễn "quoted" \x01') for number in range(1, 51)]
    assert shown.write(*many) == 50
    assert reader.key(50)["account"] == 'Nguyễn "quoted" \x01'
    assert json.loads(reader.heard()[49][1])["account"] == 'Nguyễn "quoted" \x01'


# Gaming PCs


def write_stations(reader: Reader, **now: tuple[str, str]) -> list[tuple[str, str]]:
    """What is told when these are on now."""
    before = len(reader.heard())
    reader._redis.eval(stations.WRITE_STATIONS, 1, "icafe:stations", stations.encode(now), "icafe:", 60)
    return [
        (told["station_id"], told["status"])
        for channel, text in reader.heard()[before:]
        if channel == "station:status" and (told := json.loads(text))["branch"] == "q1"
    ]


def test_what_changes_at_a_pc_is_told_once(reader: Reader) -> None:
    on, plays = ("q1", "ONLINE"), ("q1", "IN_SESSION")
    assert write_stations(reader, pc1=on) == []  # Redis was empty: nobody knows what changed
    assert write_stations(reader, pc1=on) == []
    assert write_stations(reader, pc1=plays, pc2=on) == [("pc1", "IN_SESSION"), ("pc2", "ONLINE")]
    assert write_stations(reader, pc2=on) == [("pc1", "OFFLINE")]
    assert write_stations(reader) == [("pc2", "OFFLINE")]
    assert write_stations(reader, pc3=on) == [("pc3", "ONLINE")]
    assert reader._redis.hgetall("icafe:stations") == {"": "kept", "pc3": "ONLINE q1"}
