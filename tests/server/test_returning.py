"""Devices that come back, over the wire: let in from memory, and never when the store would not."""

from typing import Any

import pytest
from sqlalchemy import Connection, RowMapping, select

from radiusd.handlers import classes
from radiusd.jobs.pc_events import PcEvent, PcEventJob
from radiusd.jobs.ticks import TickJob
from radiusd.store import accounts, blocks, branches, live, pc_systems, pc_ties, revisions
from radiusd.store.database import Database
from radiusd.store.invariants import check
from radiusd.store.pc_directory import PcSystem
from radiusd.store.schema import connections, sessions
from tests.pc_sync.given import a_system
from tests.server.given import PHONE, TABLET, Server

ACCEPT, REJECT = 2, 3


def comes_back(server: Server, mac: str = PHONE, **more: Any) -> tuple[int, bool]:
    """What it is answered, and whether that came from memory."""
    before = len(server.committed)
    reply = server.log_in(mac=mac, **more)
    return reply.code, len(server.committed) == before


def said(reply: Any) -> dict[str, Any]:
    """What a guest and a router see of a reply that is the same each time."""
    return {each: reply[each] for each in reply.keys() if each not in ("Class", "Message-Authenticator")}  # noqa: SIM118


@pytest.fixture
def known(server: Server) -> Server:
    """Nora's phone was let in, and the store has been seen since."""
    server.log_in(Acct_Session_Id="a1")
    server.look()
    return server


def live_session(server: Server) -> int:
    with server.database.reading() as connection:
        return int(connection.execute(select(sessions.c.id).where(sessions.c.phase == "ACTIVE")).scalar_one())


def test_a_device_that_comes_back_needs_no_transaction(known: Server) -> None:
    known.pass_time(0.4)
    assert comes_back(known) == (ACCEPT, True)
    assert comes_back(known, mac=TABLET)[1] is False


def test_its_answer_is_that_of_the_store_but_for_the_connection(known: Server) -> None:
    known.pass_time(0.4)
    by_memory = known.log_in(Acct_Session_Id="a1")
    known.returning.clear()
    by_store = known.log_in(Acct_Session_Id="a1")
    assert said(by_memory) == said(by_store)
    named = [classes.read(each["Class"][0], known.vault.class_key) for each in (by_memory, by_store)]
    assert named[0] is not None
    assert named[1] is not None
    assert named[0].session_id == named[1].session_id
    assert (named[0].connection_id, named[1].connection_id > 0) == (0, True)


def test_a_wrong_password_is_refused_by_the_store(known: Server) -> None:
    assert comes_back(known, password="wrong") == (REJECT, False)
    assert comes_back(known) == (ACCEPT, True)


def test_its_start_makes_the_connection_that_the_answer_did_not(known: Server) -> None:
    known.pass_time(0.4)
    reply = known.log_in(Acct_Session_Id="a2")
    for kind in ("Start", "Interim-Update"):
        assert known.report(kind, Acct_Session_Id="a2", Calling_Station_Id=PHONE, Class=reply["Class"][0])
    with known.database.reading() as connection:
        found = connection.execute(select(connections.c.acct_session_id).order_by(connections.c.id)).scalars().all()
        assert list(found) == ["a1", "a2"]
        assert check(connection) == []


def revision(server: Server) -> int:
    with server.database.reading() as connection:
        return revisions.current(connection)


@pytest.mark.parametrize("what", ["block", "block_device", "cut", "password", "move"])
def test_what_an_administrator_changes_is_announced_to_who_remembers(known: Server, what: str) -> None:
    session_id, before = live_session(known), revision(known)
    with known.database.writing() as connection:
        if what == "block":
            blocks.block_account(connection, "nora", known.at)
        elif what == "block_device":
            blocks.block_device(connection, PHONE, known.at)
        elif what == "cut":
            live.cut(connection, session_id, "no", known.at)
        elif what == "password":
            accounts.set_password(connection, known.vault, "nora", "another")
        else:
            accounts.move(connection, "nora", other_branch(known, connection))
    assert revision(known) > before
    known.returning.clear(known.at)
    known.pass_time(0.1)
    known.look()
    assert comes_back(known) == (REJECT, False)


def other_branch(server: Server, connection: Connection) -> RowMapping:
    settings: dict[str, Any] = {"password_store": "recoverable", "interim": 120, "idle_timeout": 300}
    branches.add(connection, "q2", server.at, timezone="UTC", **settings)
    return branches.find(connection, "q2")


def with_a_pc(server: Server) -> PcSystem:
    """Nora is known at the gaming PCs of the branch; what knows her there."""
    with server.database.writing() as connection:
        branch = branches.find(connection, "q1")
        pc_systems.set_up(connection, server.vault, branch, {"location_id": "centre"}, server.at)
        pc_ties.tie(connection, accounts.find(connection, "nora"), "nora_01", server.at)
    return a_system(server.branch_id, "centre")


def a_logout(server: Server, system: PcSystem) -> PcEventJob:
    event = PcEvent(kind="USER_LOGOUT", pc_user_id="nora_01", happened_at=server.at, digest="d")
    cafes = server.known.directory.cafes
    return PcEventJob(at=server.at, event=event, system=system, source="10.0.0.9", router_ids=(1,), cafes=cafes)


def test_who_was_logged_off_at_the_pc_is_not_let_in_from_memory(server: Server) -> None:
    system = with_a_pc(server)
    server.log_in(Acct_Session_Id="a1")
    server.look()
    assert comes_back(server) == (ACCEPT, True)
    server.pass_time(0.1)
    server.submit(a_logout(server, system), lambda _: None)
    assert comes_back(server) == (REJECT, False)


def test_who_was_logged_off_in_the_same_batch_is_not_remembered(server: Server) -> None:
    system = with_a_pc(server)
    server.held_back = []
    server.log_in(Acct_Session_Id="a1")
    server.submit(a_logout(server, system), lambda _: None)
    server.let_go()
    server.look()
    assert comes_back(server) == (REJECT, False)


def test_when_its_time_is_over_a_device_is_refused(known: Server) -> None:
    known.pass_time(3600)
    known.look()
    assert comes_back(known) == (REJECT, False)
    known.submit(TickJob(known.at, (1,), known.known.directory.cafes), lambda _: None)
    assert comes_back(known) == (REJECT, False)


def test_a_device_whose_place_was_taken_asks_the_store(known: Server) -> None:
    known.log_in(mac=TABLET, Acct_Session_Id="t1")
    assert comes_back(known) == (ACCEPT, False)


def test_who_waits_for_another_device_to_be_off_is_not_let_in_meanwhile(known: Server) -> None:
    known.slow_cuts = []
    assert known.log_in(mac=TABLET, Acct_Session_Id="t1") is None
    known.look()
    before = len(known.committed)
    known.log_in(mac=TABLET, Acct_Session_Id="t1")
    assert len(known.committed) > before


def test_what_a_later_job_of_the_same_batch_took_back_is_not_remembered(server: Server) -> None:
    server.held_back = []
    server.log_in(Acct_Session_Id="a1")
    server.log_in(mac=TABLET, Acct_Session_Id="t1")
    server.let_go()
    server.look()
    assert comes_back(server) == (ACCEPT, False)


def test_all_of_a_batch_that_stays_is_remembered(server: Server) -> None:
    server.held_back = []
    server.log_in(Acct_Session_Id="a1")
    server.let_go()
    server.look()
    assert comes_back(server) == (ACCEPT, True)


def test_who_must_hash_remembers_who_was_right(database: Database) -> None:
    server = Server(database, hashes=True)
    server.log_in(Acct_Session_Id="a1")
    server.hashing.pop()[2](True)
    server.look()
    assert comes_back(server) == (ACCEPT, True)
    assert server.log_in(password="wrong") is None
    assert len(server.hashing) == 1
