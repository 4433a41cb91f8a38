"""The announcements that the configuration asks for."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred

from radiusd.cluster.alone import Alone
from radiusd.cluster.announcements import Announcements, Listeners
from radiusd.cluster.errors import ClusterError
from radiusd.config import Redis
from radiusd.secret_files import SecretFileError, read_secret_file

InThread = Callable[[Callable[[], Any]], "Deferred[Any]"]


def build(
    settings: Redis | None,
    listeners: Listeners,
    drop: Callable[[str], None],
    reactor: Any,
    postgresql: tuple[str, InThread] | None = None,
) -> Announcements:
    """Announcements that nobody has started yet; `drop` hears of what is said to all and is no announcement.

    `postgresql`: the address of the store, if it is one, and what has something done in a thread. Raises ClusterError.
    """
    if settings is None:
        return Alone(listeners) if postgresql is None else _through_postgresql(*postgresql, listeners, drop, reactor)
    opened = open_redis(settings, reactor)
    from radiusd.cluster.redis import ThroughRedis  # noqa: PLC0415 - as below

    return ThroughRedis(
        opened.client, settings.prefix, opened.sender, listeners, drop, begin=opened.begin, clock=reactor
    )


def _through_postgresql(
    address: str, in_thread: InThread, listeners: Listeners, drop: Callable[[str], None], reactor: Any
) -> Announcements:
    from radiusd.cluster.postgresql import PATIENCE, ThroughPostgresql  # noqa: PLC0415 - SQLite needs no driver for it
    from radiusd.cluster.session import open_connection  # noqa: PLC0415

    def opened() -> "Deferred[Any]":
        return in_thread(lambda: open_connection(address, PATIENCE))

    return ThroughPostgresql(opened, secrets.token_hex(8), listeners, drop, reactor)


@frozen
class Opened:
    """A client of Redis that has not connected yet, what runs its coroutines, and a name that no other server has."""

    client: Any
    begin: Callable[[Awaitable[Any]], "Deferred[Any]"]
    sender: str


def open_redis(settings: Redis, reactor: Any) -> Opened:
    """The Redis of the configuration. Raises ClusterError."""
    if not isinstance(reactor, AsyncioSelectorReactor):
        raise ClusterError("redis.url needs the asyncio reactor: twist --reactor=asyncio radiusd")
    # It takes a tenth of a second to import, and most servers are alone.
    from radiusd.cluster.redis import in_event_loop, open_client  # noqa: PLC0415

    password = None if settings.password_file is None else read_password(settings.password_file)
    return Opened(open_client(settings.url, password), in_event_loop, secrets.token_hex(8))


def read_password(path: Path) -> str:
    """The first line of `path`; raises ClusterError."""
    try:
        return read_secret_file(path, "redis.password_file")
    except SecretFileError as error:
        raise ClusterError(str(error)) from None
