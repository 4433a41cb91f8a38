"""The announcements that the configuration asks for."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from radiusd.cluster.alone import Alone
from radiusd.cluster.announcements import Announcements, Listeners
from radiusd.cluster.errors import ClusterError
from radiusd.config import Redis
from radiusd.secret_files import SecretFileError, read_secret_file


def build(settings: Redis | None, listeners: Listeners, drop: Callable[[str], None], reactor: Any) -> Announcements:
    """Announcements that nobody has started yet; `drop` hears of what is said through Redis and is no announcement.

    Raises ClusterError.
    """
    if settings is None:
        return Alone(listeners)
    if not isinstance(reactor, AsyncioSelectorReactor):
        raise ClusterError("redis.url needs the asyncio reactor: twist --reactor=asyncio radiusd")
    # It takes a tenth of a second to import, and most servers are alone.
    from radiusd.cluster.redis import ThroughRedis, in_event_loop, open_client  # noqa: PLC0415

    password = None if settings.password_file is None else read_password(settings.password_file)
    client = open_client(settings.url, password)
    return ThroughRedis(
        client, settings.prefix, secrets.token_hex(8), listeners, drop, begin=in_event_loop, clock=reactor
    )


def read_password(path: Path) -> str:
    """The first line of `path`; raises ClusterError."""
    try:
        return read_secret_file(path, "redis.password_file")
    except SecretFileError as error:
        raise ClusterError(str(error)) from None
