"""Servers that cut."""

import pytest

from radiusd.store.database import Database
from tests.cutting.given import CuttingServer


@pytest.fixture
def server(database: Database) -> CuttingServer:
    """A café, and the server over it, which cuts."""
    return CuttingServer(database)
