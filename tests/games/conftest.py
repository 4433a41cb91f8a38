"""An evening of games."""

import pytest

from radiusd.store.database import Database
from tests.games.given import Evening


@pytest.fixture
def evening(database: Database) -> Evening:
    """One café, two games, nobody plays yet."""
    return Evening(database)
