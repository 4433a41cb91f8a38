"""Packets that come in another order than things happened in, and what two of them say of the same guest."""

from typing import Any

import pytest
from attrs import frozen
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from policy.package import Clock, Package
from policy.quantities import Instant, Octets, Seconds
from radiusd.store import packages
from radiusd.store.schema import connections, passes, sessions
from radiusd.store.work import Work
from radiusd.store.writer import Job
from tests.server.given import NOON, PHONE, TABLET, Server, a_login, verified
from tests.store.test_memory import Guest, is_sound


def states(server: Server) -> list[tuple[str, str]]:
    """How each connection was named, and its state."""
    with server.database.reading() as connection:
        query = select(connections.c.acct_session_id, connections.c.state).order_by(connections.c.opened_at)
        return [(row[0], row[1]) for row in connection.execute(query)]


def reasons(server: Server) -> list[str | None]:
    """Why each session that was used is over; None for one that is not."""
    with server.database.reading() as connection:
        query = select(sessions.c.end_reason).where(sessions.c.started_at.is_not(None)).order_by(sessions.c.id)
        return list(connection.execute(query).scalars())


def sell(server: Server, name: str, package: Package) -> None:
    with server.database.writing() as connection:
        packages.add(connection, package, NOON)
        server.add_account(connection, name, "secret", package.name)


def from_memory(server: Server, guest: Guest, session: str) -> Guest:
    """The same guest, let in again under another id without the store being asked."""
    server.look()
    asked = len(server.committed)
    again = Guest(server, guest.mac, session, guest.name)
    assert len(server.committed) == asked
    return again


# Devices that are let in from memory


def test_whoever_comes_back_after_the_router_was_started_anew_stays_online(server: Server) -> None:
    with server.database.writing() as connection:
        server.add_account(connection, "an", "secret")
    for guest in (Guest(server, PHONE, "80100001"), Guest(server, TABLET, "80100002", "an")):
        assert guest.says(server, "Start")
    server.pass_time(60)
    server.look()
    for guest in (Guest(server, PHONE, "80200001"), Guest(server, TABLET, "80200002", "an")):
        assert guest.says(server, "Start")
    assert [state for name, state in states(server) if name.startswith("802")] == ["OPEN", "OPEN"]
    assert server.cuts == []


def test_whoever_comes_back_while_the_logout_is_on_its_way_to_the_store_begins_anew(server: Server) -> None:
    guest = Guest(server)
    assert guest.says(server, "Start")
    server.pass_time(60)
    server.look()
    server.held_back = []
    guest.says(server, "Stop", 100, 60, Acct_Terminate_Cause=1)
    request = a_login("nora", "secret", PHONE, Acct_Session_Id="a2")
    assert server.ask(request.RequestPacket()) == []
    server.let_go()
    again = Guest(server, session="a2", logs_in=False)
    again.named_by = verified(request, server.auth.transport.sent[-1][0])["Class"][0]
    assert again.says(server, "Start")
    assert (states(server), reasons(server)) == ([("a1", "CLOSED"), ("a2", "OPEN")], ["USER_LOGOUT", None])


def test_a_logout_that_is_told_late_does_not_end_what_came_after_it(server: Server) -> None:
    guest = Guest(server)
    assert guest.says(server, "Start")
    server.pass_time(120)
    again = from_memory(server, guest, "a2")
    server.pass_time(0.3)
    assert guest.says(server, "Stop", 150, 119, Acct_Terminate_Cause=1, Acct_Delay_Time=1)
    assert again.says(server, "Start")
    assert (states(server), reasons(server)) == ([("a1", "CLOSED"), ("a2", "OPEN")], [None])
    server.pass_time(60)
    assert again.says(server, "Stop", 10, 60, Acct_Terminate_Cause=1)
    assert reasons(server) == ["USER_LOGOUT"]


def test_a_device_that_lost_its_signal_is_still_let_in_from_memory(server: Server) -> None:
    guest = Guest(server)
    assert guest.says(server, "Start")
    server.pass_time(60)
    assert guest.says(server, "Stop", 100, 60, Acct_Terminate_Cause=2)
    assert from_memory(server, guest, "a2").says(server, "Start")


# Reboots


def test_a_reboot_that_is_told_late_spares_what_began_since(server: Server) -> None:
    guest = Guest(server, session="before")
    assert guest.says(server, "Start")
    server.pass_time(65)
    after = Guest(server, TABLET, "after")
    assert after.says(server, "Start")
    server.pass_time(15)
    assert server.report("Accounting-On", Acct_Session_Id="on", Acct_Delay_Time=20)
    assert dict(states(server)) == {"before": "CLOSED", "after": "OPEN"}


def test_a_session_older_than_its_pass_by_the_clock_keeps_no_reboot_from_being_recorded(server: Server) -> None:
    with server.database.writing() as connection:
        server.add_account(connection, "an", "secret")
    server.at = Instant(NOON - 500)  # this server's clock is behind that of the one that sold the pass
    Guest(server)
    server.at = Instant(NOON + 1_000)
    assert Guest(server, TABLET, "b1", "an").says(server, "Start")
    server.pass_time(120)
    assert server.report("Accounting-On")
    assert dict(states(server)) == {"a1": "CLOSED", "b1": "CLOSED"}


# What is counted


def test_what_another_line_used_leaves_less_for_the_one_that_is_remembered_elsewhere(server: Server) -> None:
    sell(server, "an", Package(name="cap", data=Octets(1_000)))
    other = Server(server.database, is_first=False)

    def pass_time(seconds: int) -> None:
        for each in (server, other):
            each.pass_time(seconds)

    here = Guest(server, name="an")
    assert here.says(server, "Start")
    pass_time(300)
    there = Guest(other, session="a2", name="an")
    assert there.says(other, "Start")
    assert here.says(server, "Stop", 900, 300, Acct_Terminate_Cause=2)
    pass_time(60)
    assert there.says(other, "Interim-Update", 200, 60)
    assert reasons(server) == ["DATA_LIMIT"]


def test_a_direction_that_is_not_reported_is_no_wrap_of_its_counter(server: Server) -> None:
    guest = Guest(server)
    assert guest.says(server, "Start")
    whole: dict[str, Any] = {"Acct_Input_Gigawords": None, "Acct_Output_Gigawords": None}
    server.pass_time(120)
    assert guest.says(server, "Interim-Update", 3_000_000_000, 120, **{**whole, "Acct_Output_Octets": 1_000_000_000})
    server.pass_time(120)
    less = {**whole, "Acct_Input_Octets": None, "Acct_Output_Octets": 1_200_000_000, "Acct_Terminate_Cause": 2}
    assert guest.says(server, "Stop", 0, 240, **less)
    with server.database.reading() as connection:
        used = connection.execute(select(passes.c.uploaded, passes.c.downloaded)).one()
    assert tuple(used) == (3_000_000_000, 1_200_000_000)


def test_a_line_whose_start_was_lost_counts_no_longer_than_its_session_lasts(server: Server) -> None:
    sell(server, "an", Package(name="hour", time=Seconds(3_600), clock=Clock.ONLINE))
    guest = Guest(server, session="x1", name="an")
    assert guest.says(server, "Start")
    server.pass_time(60)
    stranger = Guest(server, session="x2", name="an", logs_in=False)
    assert stranger.says(server, "Interim-Update", 5, 1_700_000_000)
    assert reasons(server) == [None]
    assert is_sound(server)


@pytest.mark.parametrize("cause", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_stop_is_recorded_whatever_its_cause(server: Server, cause: int) -> None:
    guest = Guest(server)
    assert guest.says(server, "Start")
    server.pass_time(60)
    assert guest.says(server, "Stop", 100, 60, Acct_Terminate_Cause=cause)
    assert states(server) == [("a1", "CLOSED")]


# In one batch


def test_a_place_that_is_given_up_is_free_for_who_comes_in_the_same_batch(server: Server) -> None:
    sell(server, "an", Package(name="few", time=Seconds(3_600), max_users=1))
    with server.database.writing() as connection:
        for name in ("bo", "chi"):
            server.add_account(connection, name, "secret", "few")
    guest = Guest(server, name="an")
    assert guest.says(server, "Start")
    server.pass_time(60)
    server.held_back = []
    guest.says(server, "Stop", 1, 60, Acct_Terminate_Cause=1)
    requests = [a_login(name, "secret", TABLET, Acct_Session_Id=name, header={"id": 7}) for name in ("bo", "chi")]
    for request in requests:
        server.ask(request.RequestPacket())
    server.let_go()
    answers = [octets for octets, _ in server.auth.transport.sent[-2:]]
    assert [verified(*each).code for each in zip(requests, answers, strict=True)] == [2, 3]


def test_jobs_that_wait_for_rows_somebody_holds_do_not_fail_the_rest(server: Server) -> None:
    if server.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    with server.database.writing() as connection:
        server.add_account(connection, "an", "secret")
    error = _held_up(server)
    server.held_back = [(HeldUp(error), lambda _: None), (HeldUp(error), lambda _: None)]
    request = a_login("an", "secret", TABLET, Acct_Session_Id="b")
    server.ask(request.RequestPacket())
    server.let_go()
    assert verified(request, server.auth.transport.sent[-1][0]).code == 2
    assert [failed for _, failed in server.failures] == [error, error]


@frozen
class HeldUp(Job):
    """Finds a row held by somebody else, for longer than anybody waits."""

    error: Exception

    def run(self, work: Work) -> None:
        """Give up."""
        raise self.error


def _held_up(server: Server) -> Exception:
    """What PostgreSQL says of a row that somebody else holds for too long."""
    with server.database.writing() as holding:
        holding.execute(text("LOCK TABLE packages IN ACCESS EXCLUSIVE MODE"))
        with server.database.engine.connect() as waiting:
            waiting.execute(text("SET LOCAL lock_timeout = 1"))
            with pytest.raises(OperationalError) as caught:
                waiting.execute(text("SELECT 1 FROM packages"))
    return caught.value
