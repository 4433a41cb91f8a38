"""Whether time has made something follow for games."""

from sqlalchemy import Connection, bindparam, select

from policy.quantities import Instant
from radiusd.store.game_schema import game_sessions, otts

_WAKING = select(game_sessions.c.id).where(game_sessions.c.wake_at <= bindparam("at")).limit(1)
_LEFT_OVER = select(otts.c.claimed_at).where(otts.c.claimed_at <= bindparam("before")).limit(1)


def is_due(connection: Connection, at: Instant) -> bool:
    """Whether a game session is to be looked at again."""
    return connection.execute(_WAKING, {"at": at}).first() is not None


def has_left_over(connection: Connection, before: int) -> bool:
    """Whether a token was claimed before that, and nothing came of it."""
    return connection.execute(_LEFT_OVER, {"before": before}).first() is not None
