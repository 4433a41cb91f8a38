"""The games' API put together."""

from collections.abc import Callable, Mapping

from policy.quantities import Instant
from radiusd.web.dialects import Dialect
from radiusd.web.games.envelope import PREFIXES, GameDialect


def dialects(new_id: Callable[[], str], now: Callable[[], Instant]) -> Mapping[str, Dialect]:
    """How answers are wrapped below the games' addresses."""
    own = GameDialect(new_id, now)
    return dict.fromkeys(PREFIXES, own)
