"""A store with a till."""

from collections.abc import Iterator

import pytest

from radiusd.store.database import Database
from tests.charging.given import Till


@pytest.fixture
def till(database: Database) -> Till:
    """The built-in wallet, without a café and without a game."""
    return Till(database)


@pytest.fixture
def other(database: Database) -> Iterator[Till]:
    """Another server over the same store."""
    opened = Database(database.url.render_as_string(hide_password=False))
    yield Till(opened)
    opened.close()
