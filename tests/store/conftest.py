"""Stores with a café in them."""

import pytest

from radiusd.store.database import Database
from tests.server.given import Server


@pytest.fixture
def server(database: Database) -> Server:
    """A café, and the server over it."""
    return Server(database)
