"""Servers over stores that may go away."""

from pathlib import Path

import pytest

from radiusd.store.database import Database
from tests.away.given import AwayServer


@pytest.fixture
def server(database: Database, tmp_path: Path) -> AwayServer:
    """A café, and the server over it."""
    return AwayServer(database, tmp_path / "spool")
