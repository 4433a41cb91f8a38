"""What another server writes between two looks of one transaction."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from policy.package import Package
from policy.quantities import Seconds
from radiusd.store import blocks, loading, packages
from radiusd.store import database as store_database
from radiusd.store.database import Database
from radiusd.store.schema import connections
from tests.server.given import NOON, PHONE, TABLET, Server


@pytest.fixture
def shared(database: Database) -> Database:
    """A store that several write to at once."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    return database


def test_a_report_that_two_servers_got_at_once_counts_once(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router asks the second while the first commits; its Class names a session and no connection."""
    first = Server(shared)
    first.log_in(Acct_Session_Id="a1")
    first.look()
    told = {
        "Acct_Session_Id": "a2",
        "Calling_Station_Id": PHONE,
        "Class": first.log_in(Acct_Session_Id="a2")["Class"][0],
    }
    second = Server(shared, is_first=False)
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
    with shared.reading() as connection:
        counted = select(connections.c.uploaded).where(connections.c.acct_session_id == "a2")
        assert connection.execute(counted).scalars().all() == [5_000]


def test_no_more_use_a_package_than_may_though_two_servers_let_somebody_in_at_once(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(shared)
    with shared.writing() as connection:
        packages.add(connection, Package(name="few", time=Seconds(3_600), max_users=1), NOON)
        for name in ("an", "bo"):
            server.add_account(connection, name, "secret", "few")
    other = Server(shared, is_first=False)
    count = loading.count_users
    tried: list[Any] = []

    def count_and_have_the_other_try(connection: Any, names: Collection[str]) -> dict[str, int]:
        found = count(connection, names)
        if names and not tried:
            tried.append(None)
            tried.append(other.log_in("bo", mac=TABLET, Acct_Session_Id="b"))
        return found

    monkeypatch.setattr(store_database, "_WAITS", 1)
    monkeypatch.setattr(loading, "count_users", count_and_have_the_other_try)
    assert server.log_in("an", Acct_Session_Id="a").code == 2
    assert tried == [None, None]
    assert other.log_in("bo", mac=TABLET, Acct_Session_Id="b2").code == 3


def test_a_device_is_not_blocked_between_a_login_and_its_commit(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its session would be one that nobody sees: the login read of no block, and who blocks reads of no login."""
    server = Server(shared)
    lock = loading.lock_passes
    waited: list[bool] = []

    def block() -> int:
        with shared.writing() as connection:
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
