"""Stores: tables and nothing in them, or a café."""

from collections.abc import Iterator

import pytest

from radiusd.store.database import Database
from tests.server.given import Server


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty store."""
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def server(database: Database) -> Server:
    """A café, and the server over it."""
    return Server(database)
