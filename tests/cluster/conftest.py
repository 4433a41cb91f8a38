"""Two servers and their Redis."""

import pytest
from twisted.internet.task import Clock

from tests.cluster.given import FakeRedis, Server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def redis() -> FakeRedis:
    return FakeRedis()


@pytest.fixture
def here(redis: FakeRedis, clock: Clock) -> Server:
    server = Server(redis, clock, "here")
    clock.advance(0)
    return server


@pytest.fixture
def there(redis: FakeRedis, clock: Clock) -> Server:
    server = Server(redis, clock, "there")
    clock.advance(0)
    return server
