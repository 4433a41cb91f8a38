"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from radiusd.store.database import Database
from tests.postgres import fresh_database, server_address


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the markers that follow from where a test is and what it asks for, before `-m` chooses by them."""
    for item in items:
        if "end_to_end" in item.path.parts:
            item.add_marker("end_to_end")
        if "database_url" in getattr(item, "fixturenames", ()):
            item.add_marker("store")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, empty database: SQLite in a file, or PostgreSQL where a server's address is given."""
    server = server_address()
    if server is None:
        yield f"sqlite:///{tmp_path / 'icafe.sqlite'}"
        return
    with fresh_database(server) as address:
        yield address


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A store with its tables, and nothing in them."""
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    """What is logged while a test runs."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
