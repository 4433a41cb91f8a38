"""Servers that cut."""

from collections.abc import Iterator

import pytest

from radiusd.store.database import Database
from tests.cutting.given import CuttingServer


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture
def server(database: Database) -> CuttingServer:
    return CuttingServer(database)
