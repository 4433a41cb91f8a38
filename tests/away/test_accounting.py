"""Accounting is recorded in any case, and counts once, whatever becomes of the store meanwhile."""

import errno
from typing import Any

import pytest
from attrs import evolve
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from radiusd.away import adopting
from radiusd.away.gate import Withdrawable
from radiusd.away.jobs import ReplayJob
from radiusd.away.outlook import Outlook
from radiusd.away.replaying import BATCH
from radiusd.spool.errors import SpoolFull
from radiusd.spool.journal import orphans
from radiusd.store.schema import connections, decisions, sessions
from radiusd.store.spool_schema import spooled
from tests.away.given import AwayServer
from tests.server.given import TABLET, a_report
from tests.spool.given import Told, crash

SESSION = "80100001"


class LockTimeout(Exception):
    """Stands for psycopg2's error, of which psycopg2 alone can set the code."""

    pgcode = "55P03"


def online(server: AwayServer) -> bytes:
    """A guest is let in, and its line began; the Class."""
    accept = server.log_in(Acct_Session_Id=SESSION)
    server.report("Start", Acct_Session_Id=SESSION, Class=accept["Class"][0])
    value: bytes = accept["Class"][0]
    return value


def interim(server: AwayServer, up: int, **more: Any) -> bool:
    return server.report(
        "Interim-Update", Acct_Session_Id=SESSION, Acct_Input_Octets=up, Acct_Session_Time=up // 1000, **more
    )


def being_replayed(server: AwayServer) -> None:
    """A report of a guest who is online is in the spool, and is on its way to a store that hangs since its probe."""
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.store.refuses = None
    server.store.hang()
    server.pass_time(0.3)  # the probe is on its way
    (probe,) = server.store.held or []
    server.store.held = []
    probe[1](None)
    server.pass_time(0.15)  # now the replay is


def uploaded(server: AwayServer) -> list[int]:
    with server.database.reading() as connection:
        return list(connection.execute(select(connections.c.uploaded).order_by(connections.c.id)).scalars())


def states(server: AwayServer) -> list[str]:
    with server.database.reading() as connection:
        return list(connection.execute(select(connections.c.state).order_by(connections.c.id)).scalars())


def test_while_the_store_is_here_nothing_is_spooled(server: AwayServer) -> None:
    online(server)
    assert interim(server, 5_000)
    assert uploaded(server) == [5_000]
    assert server.spool.journal_itself.octets == 0


def test_a_store_that_refuses_is_found_out_by_the_first_and_all_are_answered(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    assert [interim(server, n * 1000) for n in (1, 2, 3)] == [True, True, True]
    assert uploaded(server) == [0]
    assert server.spool.journal_itself.waiting == 3
    server.store.be_well()
    server.pass_time(1)
    assert uploaded(server) == [3_000]
    assert server.spool.journal_itself.waiting == 0


def test_behind_a_store_that_hangs_an_answer_comes_within_the_routers_patience(server: AwayServer) -> None:
    online(server)
    server.store.hang()
    answered = len(server.sent())
    assert not interim(server, 1_000)
    server.pass_time(0.16)
    assert len(server.sent()) == answered
    server.pass_time(0.03)
    assert len(server.sent()) == answered + 1
    assert interim(server, 2_000)  # and nobody waits again


@pytest.mark.parametrize("comes_back", ["go_on", "be_well"])
def test_what_went_both_ways_counts_once(comes_back: str, server: AwayServer) -> None:
    online(server)
    server.store.hang()
    interim(server, 1_000)
    server.pass_time(0.2)
    interim(server, 4_000)
    getattr(server.store, comes_back)()
    server.pass_time(1)
    assert uploaded(server) == [4_000]
    assert server.spool.journal_itself.waiting == 0
    assert interim(server, 5_000)
    assert uploaded(server) == [5_000]


def test_a_whole_evening_in_the_spool_comes_out_right(server: AwayServer) -> None:
    accept = server.log_in(Acct_Session_Id=SESSION)
    named = {"Acct_Session_Id": SESSION, "Class": accept["Class"][0]}
    server.store.refuse()
    for kind, up in (("Start", 0), ("Interim-Update", 1_000), ("Stop", 2_000)):
        server.pass_time(5)
        assert server.report(kind, Acct_Input_Octets=up, Acct_Session_Time=up // 500, **named)
    server.store.be_well()
    server.pass_time(1)
    assert (uploaded(server), states(server)) == ([2_000], ["CLOSED"])


def test_what_comes_during_the_replay_is_recorded_after_what_is_older(server: AwayServer) -> None:
    being_replayed(server)
    assert server.recording.is_behind
    before = len(server.sent())
    server.ask(a_report("Stop", Acct_Session_Id=SESSION, Acct_Input_Octets=9_000).RequestPacket())
    assert len(server.sent()) == before  # held until the replay has arrived, or until it is clear that it does not
    server.store.go_on()
    server.pass_time(0.5)
    assert len(server.sent()) == before + 1
    assert (uploaded(server), states(server)) == ([9_000], ["CLOSED"])
    assert not server.recording.is_behind


@pytest.mark.parametrize("arrives", [True, False])
def test_what_nobody_can_read_takes_nothing_with_it_that_is_held(server: AwayServer, arrives: bool) -> None:
    being_replayed(server)
    before = len(server.sent())
    unreadable = a_report("Interim-Update", Acct_Session_Id="2")
    unreadable[46] = [b"abc"]
    server.ask(unreadable.RequestPacket())
    server.ask(a_report("Stop", Acct_Session_Id=SESSION, Acct_Input_Octets=9_000).RequestPacket())
    if not arrives:
        server.store.be_well()
        server.pass_time(0.05)
    server.store.go_on()
    server.pass_time(1)
    assert server.counters.counts["dropped_integer_length"] == 1
    assert len(server.sent()) == before + 1
    assert (uploaded(server), states(server)) == ([9_000], ["CLOSED"])
    assert not server.recording.is_behind


def test_as_long_as_older_is_in_the_spool_what_is_new_goes_there_as_well(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.store.be_well()
    while server.gate.outlook is not Outlook.HERE:
        server.pass_time(0.01)
    assert server.spool.journal_itself.waiting == 1
    assert interim(server, 2_000)
    assert server.spool.journal_itself.waiting == 2
    server.pass_time(1)
    assert uploaded(server) == [2_000]


def test_what_is_held_is_kept_over_several_last_batches(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.store.be_well()
    server.store.refuses = None
    while not server.recording.is_behind or server.gate.outlook is not Outlook.HERE:
        server.pass_time(0.01)
    server.store.hang()
    server.pass_time(0.15)
    server.ask(a_report("Interim-Update", Acct_Session_Id=SESSION, Acct_Input_Octets=3_000).RequestPacket())
    server.spool.append(b"\x07what nobody understands", lambda error: None)
    before = len(server.sent())
    server.store.go_on()
    server.pass_time(0.5)
    assert len(server.sent()) == before + 1
    assert uploaded(server) == [3_000]


def test_much_is_carried_out_in_several_transactions_so_that_the_store_does_not_look_slow(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    for number in range(1, 2 * BATCH + 4):
        interim(server, number * 1_000)
    server.store.be_well()
    server.pass_time(1)
    inner = [each.job if isinstance(each, Withdrawable) else each for each in server.store.asked]
    assert [len(each.records) for each in inner if isinstance(each, ReplayJob)] == [BATCH, BATCH, 3]
    assert uploaded(server) == [(2 * BATCH + 3) * 1_000]
    assert server.spool.journal_itself.waiting == 0


def test_a_replay_that_others_were_in_the_way_of_is_tried_again(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.store.be_well()
    while server.gate.outlook is not Outlook.HERE:
        server.pass_time(0.01)
    server.store.refuses = OperationalError("UPDATE", {}, LockTimeout())
    server.pass_time(0.5)
    assert server.counters.counts["spool_set_aside"] == 0
    server.store.refuses = None
    server.pass_time(0.5)
    assert uploaded(server) == [1_000]


def test_what_is_held_during_a_replay_that_hangs_is_spooled_and_answered(server: AwayServer) -> None:
    being_replayed(server)
    before = len(server.sent())
    server.ask(a_report("Stop", Acct_Session_Id=SESSION, Acct_Input_Octets=9_000).RequestPacket())
    server.pass_time(0.2)
    assert len(server.sent()) == before + 1
    server.store.go_on()
    server.pass_time(1)
    assert (uploaded(server), states(server)) == ([9_000], ["CLOSED"])


def test_a_spool_that_cannot_be_written_means_no_answer(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.spool.refuses = SpoolFull("it is full")
    assert [interim(server, 2_000), interim(server, 3_000)] == [False, False]
    assert server.counters.counts["dropped_spool_full"] == 2
    server.spool.refuses = None
    assert interim(server, 4_000)


def test_a_spool_that_cannot_be_written_leaves_a_slow_store_time(server: AwayServer) -> None:
    online(server)
    server.spool.refuses = SpoolFull("it is full")
    server.store.hang()
    interim(server, 1_000)
    server.pass_time(1)
    before = len(server.sent())
    server.store.go_on()
    assert len(server.sent()) == before + 1
    assert uploaded(server) == [1_000]


def test_what_no_handler_would_take_is_not_spooled(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    waiting = server.spool.journal_itself.waiting
    request = a_report("Start", Acct_Session_Id=SESSION)
    del request["Acct-Status-Type"]
    assert server.ask(request.RequestPacket()) == []
    assert server.spool.journal_itself.waiting == waiting


def test_a_router_that_is_no_more_costs_its_records_and_they_are_set_aside(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.known.replace(evolve(server.known.directory, routers={}))
    server.store.be_well()
    server.pass_time(1)
    assert server.spool.journal_itself.waiting == 0
    assert server.counters.counts["spool_set_aside"] == 1
    assert len(list(server.root.glob("*.damaged"))) == 1


def test_what_cannot_be_set_aside_stays_where_it_is(server: AwayServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    online(server)
    server.store.refuse()
    server.spool.append(b"\x07not an entry", lambda error: None)
    interim(server, 1_000)
    server.store.be_well()
    with monkeypatch.context() as disk:
        disk.setattr(adopting, "set_aside", is_full)
        server.pass_time(1)
        assert server.spool.journal_itself.waiting == 2
    server.pass_time(1)
    assert server.spool.journal_itself.waiting == 0
    assert server.counters.counts["spool_set_aside"] == 1
    assert len(list(server.root.glob("*.damaged"))) == 1
    assert uploaded(server) == [1_000]


def test_a_record_that_cannot_be_carried_out_costs_only_itself(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    for n in (1, 2, 3):
        interim(server, n * 1_000)
    journal = server.spool.journal_itself
    server.spool.append(b"\x07not an entry", lambda error: None)
    server.store.be_well()
    server.pass_time(1)
    assert uploaded(server) == [3_000]
    assert server.counters.counts["spool_set_aside"] == 1
    assert journal.waiting == 0


def test_a_reboot_that_was_inferred_while_the_store_was_away_is_carried_out_when_it_is_back(
    server: AwayServer,
) -> None:
    online(server)
    server.store.refuse()
    interim(server, 1_000)
    server.log_in(mac="AA:BB:CC:00:00:09", Acct_Session_Id="80200001")
    server.store.be_well()
    server.pass_time(1)
    assert states(server)[0] == "CLOSED"


# Exactly once


def positions(server: AwayServer) -> dict[str, int]:
    with server.database.reading() as connection:
        rows = connection.execute(select(spooled.c.spool_id, spooled.c.position).where(spooled.c.spool_id != "probe"))
        return {row.spool_id: row.position for row in rows}


def decided(server: AwayServer) -> int:
    query = select(func.count()).where(decisions.c.reason == "store_away")
    with server.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def test_a_crash_between_the_commit_and_the_removal_replays_nothing_twice(server: AwayServer) -> None:
    online(server)
    server.pass_time(1)
    server.store.refuse()
    interim(server, 1_000)
    server.log_in(Acct_Session_Id="80100002")
    journal = server.spool.journal_itself
    server.spool.release = lambda records, done: None  # type: ignore[method-assign] - the process ends here
    server.store.be_well()
    server.pass_time(1)
    assert decided(server) == 1
    crash(journal)
    adopt(server)
    assert decided(server) == 1
    assert uploaded(server)[0] == 1_000


def test_a_crash_before_the_commit_loses_nothing(server: AwayServer) -> None:
    online(server)
    server.pass_time(1)
    server.store.refuse()
    interim(server, 1_000)
    server.log_in(Acct_Session_Id="80100002")
    crash(server.spool.journal_itself)
    adopt(server)
    assert decided(server) == 1
    assert uploaded(server)[0] == 1_000


def test_a_commit_whose_answer_was_lost_is_not_done_again(server: AwayServer) -> None:
    online(server)
    server.pass_time(1)
    server.store.refuse()
    server.log_in(Acct_Session_Id="80100002")
    server.store.hang()
    server.store.refuses = None
    server.pass_time(0.3)
    (probe,) = server.store.held or []
    server.store.held = []
    probe[1](None)
    server.pass_time(0.15)
    (replay,) = server.store.held or []
    server.submit(replay[0], lambda result: None)  # it reaches the store, and what the store says is lost
    assert decided(server) == 1
    server.store.be_well()
    server.pass_time(1)
    assert decided(server) == 1
    assert server.spool.journal_itself.waiting == 0


def adopt(server: AwayServer) -> None:
    """The server starts anew, and finds what the one before left behind."""
    root = server.root
    server.restart()
    for journal in orphans(root, Told()):
        server.spool.journal = journal
        server.replaying.wake()
        server.pass_time(1)
        assert journal.waiting == 0


def test_what_waits_for_the_last_replay_is_answered_though_the_server_stops(server: AwayServer) -> None:
    being_replayed(server)
    before = len(server.sent())
    server.ask(a_report("Stop", Acct_Session_Id=SESSION, Acct_Input_Octets=9_000).RequestPacket())
    server.replaying.stop()
    server.store.go_on()
    server.pass_time(1)
    assert len(server.sent()) == before + 1
    assert server.spool.journal_itself.waiting == 2  # the first is in the store as well, and is not carried out again


def test_a_disk_that_hangs_after_the_replay_holds_up_nobody(
    server: AwayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    being_replayed(server)
    monkeypatch.setattr(server.spool, "release", lambda *_: None)
    server.store.go_on()
    assert interim(server, 2_000)
    assert uploaded(server) == [2_000]


@pytest.mark.parametrize("is_away", [False, True])
def test_a_reboot_that_is_inferred_comes_after_what_was_spooled_before_it(server: AwayServer, *, is_away: bool) -> None:
    """The guest went before the router was started again, and the pass was not in use any more."""
    her_class = online(server)
    server.pass_time(5)
    if is_away:
        server.store.refuse()
    server.report("Stop", Acct_Session_Id=SESSION, Class=her_class, Acct_Session_Time=5)
    server.pass_time(5)
    server.report("Start", User_Name="somebody", Calling_Station_Id=TABLET, Acct_Session_Id="80200001")
    server.pass_time(1)
    server.store.be_well()
    server.pass_time(3)
    with server.database.reading() as connection:
        assert connection.execute(select(sessions.c.phase)).scalars().all() == ["ACTIVE"]


def test_every_boot_that_is_inferred_while_away_ends_the_one_before(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    for boot in (2, 3):
        server.pass_time(700)
        server.report("Start", User_Name="somebody", Calling_Station_Id=TABLET, Acct_Session_Id=f"80{boot}00001")
    server.store.be_well()
    server.pass_time(3)
    assert states(server) == ["CLOSED", "CLOSED", "OPEN"]


def test_records_of_two_spools_do_not_mix(server: AwayServer) -> None:
    online(server)
    server.pass_time(1)
    server.store.refuse()
    server.log_in(Acct_Session_Id="80100002")
    crash(server.spool.journal_itself)
    server.restart()
    server.log_in(Acct_Session_Id="80100002")
    server.store.refuse()
    server.pass_time(1)
    server.log_in(Acct_Session_Id="80100003")
    adopt_all = orphans(server.root, Told())
    assert len(adopt_all) == 1
    server.store.be_well()
    server.pass_time(1)
    server.spool.journal = adopt_all[0]
    server.replaying.wake()
    server.pass_time(1)
    assert decided(server) == 2
    assert len(positions(server)) == 2


def test_more_than_a_batch_is_replayed(server: AwayServer) -> None:
    online(server)
    server.store.refuse()
    for n in range(1, 700):
        assert interim(server, n * 1_000)
    server.store.be_well()
    server.pass_time(1)
    assert uploaded(server) == [699_000]
    assert server.counters.counts["replayed"] == 699
