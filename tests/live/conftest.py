"""A café with a mirror."""

import pytest

from radiusd.store.database import Database
from tests.live.given import FakeRedis, Heard, Shown


@pytest.fixture
def server(database: Database) -> Heard:
    return Heard(database)


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def shown(server: Heard, redis: FakeRedis) -> Shown:
    return Shown(server, redis)
