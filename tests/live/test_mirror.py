"""Redis shows what the store says: soon after it changed, again and again, and whatever became of Redis meanwhile."""

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError
from twisted.logger import LogEvent

from policy.quantities import Octets, Seconds
from radiusd.live import mirror as mirror_module
from radiusd.live.mirror import ROUND_EVERY, TURN
from radiusd.store import live
from radiusd.store.game_schema import launcher_sessions, launchers
from tests.live.given import FakeRedis, Heard, Shown
from tests.server.given import PHONE, TABLET

A_ROUND = ROUND_EVERY / 1000 + 2


def online(server: Heard, name: str = "nora", mac: str = PHONE) -> None:
    """A guest logs in, and the router tells of it."""
    line = f"80100{mac[-2:]}"
    reply = server.log_in(name, mac=mac, Acct_Session_Id=line)
    server.report("Start", User_Name=name, Acct_Session_Id=line, Calling_Station_Id=mac, Class=reply["Class"][0])


def cut(server: Heard, session: int) -> None:
    """As icafectl does it: in another process, of which nobody here hears."""
    with server.database.writing() as connection:
        live.cut(connection, session, "closing time", server.at)


def test_what_was_committed_is_shown_at_the_next_look(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    shown.pass_time(0.2)
    assert redis.phase(1) == "ACTIVE"
    fields = redis.records["icafe:session:1"]["fields"]
    assert (fields["account"], fields["branch"], fields["router"], fields["login"]) == ("nora", "q1", "r1", "nora")
    assert (fields["device"], fields["remaining_seconds"], fields["granted_seconds"]) == (PHONE, "3599", "3600")
    assert fields["ends_at"] == "2026-11-21T13:00:00.000Z"


def test_a_second_device_is_shown_with_the_end_of_the_first(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    online(server, mac=TABLET)
    shown.pass_time(0.2)
    assert (redis.phase(1), redis.phase(2)) == ("TERMINATED", "ACTIVE")
    assert redis.records["icafe:session:1"]["fields"]["end_reason"] == "DEVICE_CONFLICT"


def test_an_ordinary_report_has_nothing_written_until_the_next_round(
    server: Heard, shown: Shown, redis: FakeRedis
) -> None:
    online(server)
    shown.pass_time(5)
    before = len(redis.written)
    assert server.report("Interim-Update", Acct_Session_Id="8010001", Acct_Session_Time=5, Acct_Input_Octets=999)
    shown.pass_time(1)
    assert len(redis.written) == before
    shown.pass_time(A_ROUND)
    assert redis.records["icafe:session:1"]["fields"]["uploaded"] == "999"


def test_what_somebody_else_changed_is_shown_once_it_is_known_that_something_was(
    server: Heard, shown: Shown, redis: FakeRedis
) -> None:
    online(server)
    shown.pass_time(5)
    cut(server, 1)
    shown.mirror.everything_may_have_moved()
    shown.pass_time(1)
    assert redis.phase(1) == "TERMINATED"


def test_what_nobody_told_of_is_shown_after_the_next_round(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    shown.pass_time(5)
    cut(server, 1)
    shown.pass_time(A_ROUND)
    assert redis.phase(1) == "TERMINATED"


def test_an_end_that_comes_near_is_looked_at_when_it_does(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    shown.pass_time(5)
    server.pass_time(3600 - 300 - 10)
    assert not redis.records["icafe:session:1"]["is_soon"]
    shown.pass_time(10)
    assert redis.records["icafe:session:1"]["is_soon"]
    assert redis.records["icafe:session:1"]["life"] <= 361


def test_more_time_is_more_granted(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    with server.database.writing() as connection:
        live.extend(connection, 1, Seconds(1800), Octets(0), server.at)
    shown.mirror.everything_may_have_moved()
    shown.pass_time(1)
    assert redis.records["icafe:session:1"]["fields"]["granted_seconds"] == "5400"


# The turn


def test_only_one_server_at_a_time_goes_through_all_sessions(server: Heard, redis: FakeRedis) -> None:
    online(server)
    here, there = Shown(server, redis, "here", hears=False), Shown(server, redis, "there", hears=False)
    here.pass_time(A_ROUND)
    assert here.reads > 10
    assert there.reads == 0
    here.mirror.stop()
    redis.turn = None  # as after TURN
    before = there.reads
    there.pass_time(TURN / 1000)
    assert there.reads > before


# Redis away


def test_a_redis_that_was_emptied_is_filled_again(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    online(server)
    shown.pass_time(5)
    redis.records.clear()
    redis.turn = None
    shown.pass_time(2)
    assert redis.phase(1) == "ACTIVE"


def test_what_happened_while_redis_was_away_is_shown_when_it_is_back(
    server: Heard, shown: Shown, redis: FakeRedis, logged: list[LogEvent]
) -> None:
    online(server)
    shown.pass_time(2)
    redis.die()
    online(server, mac=TABLET)
    shown.pass_time(30)
    asked = redis.asked
    assert redis.phase(1) == "ACTIVE"
    redis.come_back()
    shown.pass_time(6)
    assert redis.asked > asked
    assert (redis.phase(1), redis.phase(2)) == ("TERMINATED", "ACTIVE")
    told = [each["log_format"].format(**each) for each in logged if "guarding" in each["log_namespace"]]
    assert told == ["lost: Error 111 connecting to 127.0.0.1:6379. Connection refused", "back"]


def test_a_redis_that_hangs_is_asked_three_times_and_then_once_in_five_seconds(
    server: Heard, shown: Shown, redis: FakeRedis
) -> None:
    shown.pass_time(1)
    redis.is_hung = True
    before = redis.asked
    online(server)
    shown.pass_time(60)
    assert redis.asked - before <= 3 + 12
    redis.come_back()
    shown.pass_time(6)
    assert redis.phase(1) == "ACTIVE"


def test_nothing_is_read_from_the_store_while_redis_is_away(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    redis.die()
    online(server)
    shown.pass_time(5)
    before = shown.reads
    shown.pass_time(4)
    assert shown.reads - before <= 1


def test_what_waits_is_bounded_and_what_was_dropped_is_counted_and_found_in_the_next_round(
    server: Heard, shown: Shown, redis: FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "MOST_WAITING", 10)
    redis.die()
    shown.pass_time(2)
    online(server)
    shown.mirror.moved(range(100, 120))
    assert server.counters.counts["live_dropped"] == 11
    redis.come_back()
    shown.pass_time(7)
    assert redis.phase(1) == "ACTIVE"


# The store away, keys of nobody


def test_a_store_that_cannot_be_read_is_read_again(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    shown.store_error = OperationalError("SELECT", {}, Exception("gone"))
    online(server)
    shown.pass_time(5)
    assert redis.written == []
    shown.store_error = None
    shown.pass_time(0.2)
    assert redis.phase(1) == "ACTIVE"


def test_a_mistake_is_logged_once_and_does_not_end_it(
    server: Heard, shown: Shown, redis: FakeRedis, logged: list[LogEvent]
) -> None:
    shown.store_error = ZeroDivisionError()
    online(server)
    shown.pass_time(5)
    shown.store_error = None
    shown.pass_time(1)
    assert redis.phase(1) == "ACTIVE"
    assert [each["log_format"] for each in logged] == ["the live keys could not be written"]


def test_keys_of_sessions_that_nobody_knows_are_deleted_and_others_left(
    server: Heard, shown: Shown, redis: FakeRedis
) -> None:
    redis.records["icafe:session:77"] = {"phase": "ACTIVE"}
    redis.records["icafe:session:notes"] = {"phase": "ours"}
    redis.records["other:session:5"] = {"phase": "theirs"}
    shown.pass_time(2)
    assert sorted(redis.records) == ["icafe:session:notes", "other:session:5"]


def test_many_sessions_are_written_page_by_page(
    server: Heard, shown: Shown, redis: FakeRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "PAGE", 3)
    with server.database.writing() as connection:
        for number in range(10):
            server.add_account(connection, f"guest{number}", "secret")
    for number in range(10):
        online(server, f"guest{number}", f"AA:BB:CC:00:01:{number:02}")
    shown.pass_time(3)
    redis.records.clear()
    redis.turn, redis.written = None, []
    shown.pass_time(3)
    assert len(redis.records) == 10


def test_the_end_closes_the_connection_and_leaves_nothing(server: Heard, shown: Shown, redis: FakeRedis) -> None:
    redis.is_hung = True
    online(server)
    shown.pass_time(0.1)
    assert shown.mirror.stop().called
    assert redis.is_closed
    assert [each for each in server.clock.getDelayedCalls() if "addTimeout" in repr(each.func)] == []


# Gaming PCs


def test_the_pcs_whose_launchers_run_are_shown_until_they_have_been_silent(
    server: Heard, shown: Shown, redis: FakeRedis
) -> None:
    launcher = {"id": 1, "name": "l1", "branch_id": server.branch_id, "secret": b"", "created_at": server.at}
    running = {"id": 1, "token_hash": b"1", "launcher_id": 1, "branch_id": server.branch_id, "pc": "1/pc7"}
    found = {"external_ip": "", "internal_ip": "", "hardware": "pc7", "started_at": server.at, "seen_at": server.at}
    with server.database.writing() as connection:
        connection.execute(insert(launchers).values(launcher))
        connection.execute(insert(launcher_sessions).values(running | found))
    shown.pass_time(2)
    assert redis.stations == {"1/pc7": ["q1", "ONLINE"]}
    shown.pass_time(241)
    assert redis.stations == {}
