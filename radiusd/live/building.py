"""The mirror that the configuration asks for."""

from typing import Any, cast

from radiusd.cluster.building import open_redis
from radiusd.config import Redis
from radiusd.live.mirroring import Around, Mirroring, NoMirror


def build(settings: Redis | None, around: Around, reactor: Any) -> Mirroring:
    """A mirror that nobody has started yet. Raises ClusterError."""
    if settings is None or not settings.live:
        return NoMirror()
    opened = open_redis(settings, reactor)
    # As in cluster.building: most servers are alone.
    from radiusd.cluster.guarding import Guard  # noqa: PLC0415
    from radiusd.live.mirror import Client, Mirror  # noqa: PLC0415

    guard = Guard(
        opened.begin,
        reactor,
        lost="the live keys in Redis are not written: {reason}; all else goes on",
        back="the live keys in Redis are written again",
    )
    return Mirror(
        cast(Client, opened.client),
        guard,
        around,
        sender=opened.sender,
        prefix=settings.prefix,
        expiring=settings.expiring,
    )
