"""Servers on one store know of each other, so that none takes for dead what another is at."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from radiusd.store.database import Database
from radiusd.store.presence import Presence


@pytest.fixture
def first(database: Database) -> Iterator[Presence]:
    made = Presence(database)
    yield made
    made.end()


@pytest.fixture
def second(database_url: str, database: Database) -> Iterator[Presence]:
    """Of another server: a database object of its own."""
    others = Database(database_url)
    made = Presence(others)
    yield made
    made.end()
    others.close()


def test_who_starts_first_is_alone_and_who_comes_later_is_not(first: Presence, second: Presence) -> None:
    assert [first.announce(), second.announce()] == [True, False]


def test_who_comes_after_all_are_gone_is_alone(first: Presence, second: Presence) -> None:
    first.announce()
    first.end()
    assert second.announce() is True


def test_one_who_goes_leaves_the_others_known(first: Presence, second: Presence) -> None:
    first.announce()
    second.announce()
    first.end()
    assert first.announce() is False
    second.end()


def test_one_whose_connection_was_ended_is_known_again_once_the_store_is_back(
    first: Presence, second: Presence, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away() -> bool:
        raise ConnectionError

    first.announce()
    if not database.is_sqlite:
        end_all = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        with database.engine.connect() as connection:
            connection.exec_driver_sql(end_all)
        with monkeypatch.context() as away, pytest.raises(ConnectionError):
            away.setattr(first, "announce", is_away)
            first.renew()
    first.renew()
    assert second.announce() is False


def test_a_server_that_runs_keeps_nobody_from_writing(first: Presence, database_url: str) -> None:
    first.announce()
    others = Database(database_url)
    with others.writing() as connection:
        assert connection.execute(select(1)).scalar_one() == 1
    others.close()
