"""Whether a socket of PostgreSQL is ready for what psycopg2 wants to do with it next."""

import select
from typing import Any

from psycopg2 import extensions


def is_ready(descriptor: int, state: int, within: float | None) -> bool:
    """Whether it is, after waiting for it so many seconds; `state` is what `poll` of its connection gave."""
    # Not select.select(): a busy server has more than its 1024 descriptors.
    watched = select.poll()
    watched.register(descriptor, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
    return bool(watched.poll(None if within is None else within * 1000))


def has_ended(connection: Any) -> bool:
    """Whether PostgreSQL tells psycopg2's `connection` something that it was not asked: that it ends it."""
    return bool(connection.closed) or is_ready(connection.fileno(), extensions.POLL_READ, 0)
