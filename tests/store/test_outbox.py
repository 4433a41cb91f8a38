"""Cuts are rows, written with the decision that ordered them: nothing that was decided is ever forgotten."""

from typing import Any

import pytest
from sqlalchemy import select

from policy.connection import Closing
from policy.cut import BY_CLOSING, Outcome, Verdict
from policy.quantities import Instant, later
from radiusd.jobs.cuts import CutDecidedJob, HurryJob, TakeUpJob, VoidLeasesJob
from radiusd.store import live, outbox, revisions
from radiusd.store.outbox import Seen
from radiusd.store.schema import commands, connections, sessions
from radiusd.store.work import LEASE, Command, CutCommand
from radiusd.store.writer import Committer, Failed, Job
from tests.server.given import NOON, PHONE, TABLET, Server
from tests.store.statements import statements

NOT_CUT = Verdict(Outcome.NOT_CUT, "the router is silent")


def test_what_a_router_that_is_back_hurries_is_looked_for_among_what_waits(server: Server) -> None:
    """And not among all who are online at it: on a busy evening those are thousands, and all routers come at once."""
    if not server.database.is_sqlite:
        pytest.skip("the plan of SQLite is read")
    with statements(server.database) as heard:
        commit(server, HurryJob(1, NOON))
    (asked,) = [each for each in heard if each[0].startswith("UPDATE commands")]
    with server.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", asked[1])
        first, *rest = [str(row.detail) for row in plan]
    assert "ix_commands_due_at" in first
    assert not [each for each in rest if "router_id" in each]


def online(server: Server, mac: str = PHONE) -> None:
    """A guest logs in, and the router tells of it."""
    reply = server.log_in(mac=mac, Acct_Session_Id=f"80100{mac[-1]}")
    server.report("Start", Acct_Session_Id=f"80100{mac[-1]}", Calling_Station_Id=mac, Class=reply["Class"][0])


def switched(server: Server) -> CutCommand:
    """A second device takes the only place: the wish to cut the first."""
    online(server)
    server.pass_time(60)
    server.log_in(mac=TABLET)
    (command,) = server.cuts
    assert isinstance(command, CutCommand)
    return command


def look(server: Server, at: Instant) -> Seen:
    with server.database.reading() as connection:
        return outbox.look(connection, server.vault, None, at)


def commit(server: Server, job: Job) -> Any:
    (result,), _ = Committer(server.database).commit([job])
    assert not isinstance(result, Failed), result
    return result


def take(server: Server, at: Instant, *ids: int) -> tuple[Command, ...]:
    taken: tuple[Command, ...] = commit(server, TakeUpJob(ids, at))
    return taken


def decide(server: Server, command: Command, at: Instant, verdict: Verdict = NOT_CUT) -> bool:
    """Whether it is news that the connection could not be cut."""
    return bool(
        commit(
            server,
            CutDecidedJob(
                at=at,
                command_id=command.id,
                connection_id=command.connection.id,
                verdict=verdict,
                longest_pause=60_000,
                cafes=server.known.directory.cafes,
            ),
        )
    )


def stored(server: Server) -> Any:
    with server.database.reading() as connection:
        return connection.execute(select(commands)).one()


def state(server: Server, connection_id: int) -> tuple[str, str | None]:
    query = select(connections.c.state, connections.c.closing).where(connections.c.id == connection_id)
    with server.database.reading() as connection:
        row = connection.execute(query).one()
    return row[0], row[1]


# Written


def test_a_cut_is_committed_with_the_decision_that_orders_it(server: Server) -> None:
    command = switched(server)
    assert stored(server).connection_id == command.connection.id
    with server.database.reading() as connection:
        ended = connection.execute(select(sessions.c.end_reason).where(sessions.c.id == 1)).scalar_one()
    assert ended == "DEVICE_CONFLICT"
    assert state(server, command.connection.id) == ("CUTTING", None)


def test_what_was_not_committed_orders_nothing(server: Server) -> None:
    online(server)
    server.committer._commit = refuse  # type: ignore[method-assign]
    assert server.log_in(mac=TABLET) is None
    assert server.cuts == []
    with server.database.reading() as connection:
        assert connection.execute(select(commands)).all() == []


def refuse(jobs: object) -> Any:
    raise OSError("no space left on device")


def test_a_cut_by_an_administrator_is_due_at_once_and_announced(server: Server) -> None:
    online(server)
    before = look(server, server.at).revision
    with server.database.writing() as connection:
        live.cut(connection, 1, "closing time", server.at)
    seen = look(server, server.at)
    assert seen.revision == before + 1
    assert len(seen.due) == 1


# Taken up


def test_whoever_ordered_a_cut_has_the_time_of_a_lease_before_another_may_take_it_up(server: Server) -> None:
    command = switched(server)
    assert look(server, Instant(server.at + LEASE - 1)).due == ()
    assert look(server, Instant(server.at + LEASE)).due == (command.id,)


def test_a_cut_is_taken_up_once(server: Server) -> None:
    command = switched(server)
    at = later(server.at, 60)
    (taken,) = take(server, at, command.id)
    assert (taken.id, taken.connection.acct_session_id) == (command.id, "801001")
    assert take(server, at, command.id) == ()
    assert [each.id for each in take(server, Instant(at + LEASE), command.id)] == [command.id]


def test_what_is_taken_up_is_told_with_the_connection_as_it_is_by_then(server: Server) -> None:
    command = switched(server)
    server.report("Interim-Update", Acct_Session_Id="801001", Framed_IP_Address="10.5.50.2", Acct_Session_Time=70)
    (taken,) = take(server, later(server.at, 60), command.id)
    assert taken.connection.framed_ip_address == "10.5.50.2"


def test_a_server_that_starts_takes_up_what_another_left_behind(server: Server) -> None:
    command = switched(server)
    commit(server, VoidLeasesJob(server.at))
    server.restart()
    assert look(server, server.at).due == (command.id,)


# Answered


def test_a_cut_that_is_proven_is_settled_and_its_connection_closed(server: Server) -> None:
    command = switched(server)
    decide(server, command, Instant(server.at + 400), BY_CLOSING[Closing.ABSENT])
    row = stored(server)
    assert (row.outcome, row.due_at, row.attempts, row.elapsed) == ("confirmed", None, 1, 400)
    assert state(server, command.connection.id) == ("CLOSED", "absent")


def test_a_stop_settles_the_cut_before_anybody_answers_it(server: Server) -> None:
    command = switched(server)
    server.report("Stop", Acct_Session_Id="801001", Calling_Station_Id=PHONE, Acct_Session_Time=60)
    row = stored(server)
    assert (row.outcome, row.evidence, row.due_at) == ("confirmed", "the router's Stop", None)
    assert not decide(server, command, later(server.at, 5))
    assert stored(server) == row


def test_a_connection_that_is_not_cut_is_news_once_and_tried_again_ever_later(server: Server) -> None:
    command = switched(server)
    at, pauses = server.at, []
    for _ in range(8):
        news = decide(server, command, at)
        assert news == (pauses == [])
        pauses.append(stored(server).due_at - at)
        at = Instant(stored(server).due_at)
    assert pauses == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    assert stored(server).outcome == "not cut"


def test_after_a_day_nobody_tries_any_more(server: Server) -> None:
    command = switched(server)
    decide(server, command, later(server.at, 86_400))
    assert stored(server).due_at is not None
    decide(server, command, later(server.at, 86_401))
    assert (stored(server).outcome, stored(server).due_at) == ("not cut", None)


def test_a_router_that_speaks_again_is_asked_at_once(server: Server) -> None:
    command = switched(server)
    decide(server, command, server.at)
    at = Instant(server.at + 1)
    assert look(server, at).due == ()
    commit(server, HurryJob(2, at))
    assert look(server, at).due == ()
    commit(server, HurryJob(1, at))
    assert look(server, at).due == (command.id,)


def test_what_nobody_has_answered_yet_is_not_hurried(server: Server) -> None:
    switched(server)
    commit(server, HurryJob(1, server.at))
    assert look(server, server.at).due == ()


# Looking


def test_the_directory_is_read_when_the_revision_moved_and_else_not(server: Server) -> None:
    with server.database.writing() as connection:
        before = outbox.look(connection, server.vault, None, NOON)
        assert before.directory is not None
        assert outbox.look(connection, server.vault, before.revision, NOON).directory is None
        revisions.announce(connection)
        assert outbox.look(connection, server.vault, before.revision, NOON).directory is not None


def test_a_pass_wakes_when_its_time_is_up_and_not_before(server: Server) -> None:
    server.log_in()
    assert look(server, later(NOON, 3599)).waking == ()
    assert look(server, later(NOON, 3600)).waking == (1,)


def test_the_oldest_cut_that_is_not_settled_is_known(server: Server) -> None:
    def oldest() -> Instant | None:
        with server.database.reading() as connection:
            return outbox.oldest_uncut(connection)

    assert oldest() is None
    command = switched(server)
    assert oldest() == command.created_at
    decide(server, command, later(command.created_at, 5))
    assert oldest() == command.created_at
    decide(server, command, later(command.created_at, 6), BY_CLOSING[Closing.ABSENT])
    assert oldest() is None
