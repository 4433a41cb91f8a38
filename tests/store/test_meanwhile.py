"""What another server writes between two looks of one transaction."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from radiusd.store import blocks, loading
from radiusd.store.database import Database
from radiusd.store.schema import connections
from tests.server.given import PHONE, Server


def test_a_report_that_two_servers_got_at_once_counts_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router asks the second while the first commits; its Class names a session and no connection."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    first = Server(database)
    first.log_in(Acct_Session_Id="a1")
    first.look()
    told = {
        "Acct_Session_Id": "a2",
        "Calling_Station_Id": PHONE,
        "Class": first.log_in(Acct_Session_Id="a2")["Class"][0],
    }
    second = Server(database, is_first=False)
    second.at = first.at
    lock = loading.lock_passes
    has_committed: list[bool] = []

    def lock_after_the_first(connection: Any, ids: Collection[int]) -> Iterator[loading.StoredPass]:
        if ids and not has_committed:
            has_committed.append(first.report("Stop", Acct_Input_Octets=5_000, Acct_Session_Time=9, **told))
        return lock(connection, ids)

    monkeypatch.setattr(loading, "lock_passes", lock_after_the_first)
    assert second.report("Stop", Acct_Input_Octets=5_000, Acct_Session_Time=9, **told)
    assert has_committed == [True]
    with database.reading() as connection:
        counted = select(connections.c.uploaded).where(connections.c.acct_session_id == "a2")
        assert connection.execute(counted).scalars().all() == [5_000]


def test_a_device_is_not_blocked_between_a_login_and_its_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its session would be one that nobody sees: the login read of no block, and who blocks reads of no login."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    server = Server(database)
    lock = loading.lock_passes
    waited: list[bool] = []

    def block() -> int:
        with database.writing() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 1"))
            return len(blocks.block_device(connection, PHONE, server.at).session_ids)

    def lock_and_have_it_blocked(connection: Any, ids: Collection[int]) -> Iterator[loading.StoredPass]:
        if ids:
            with pytest.raises(OperationalError, match="lock timeout"):
                block()
            waited.append(True)
        return lock(connection, ids)

    monkeypatch.setattr(loading, "lock_passes", lock_and_have_it_blocked)
    server.log_in(Acct_Session_Id="a1")
    assert waited
    monkeypatch.undo()
    assert block() == 1
