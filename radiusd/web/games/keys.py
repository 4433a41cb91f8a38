"""Which game a key belongs to, and how much its servers may ask: never to the harm of those who play."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

from attrs import frozen

from policy.quantities import Instant
from radiusd.store.directory import Directory
from radiusd.store.game_directory import Game
from radiusd.web.errors import WebError
from radiusd.web.rates import RateClass, Rates
from radiusd.web.routes import Call

WRONG_KEYS = RateClass("wrong_keys", 30, 60)
_A_SECOND, _BURST = 100, 500
_FREE_EVERY = 30_000
_MOST_REMEMBERED = 100_000


@frozen
class _Bucket:
    left: float
    at: Instant


class Keys:
    """Looks keys up by their SHA-256, and counts: `spend` for what may be too much, `is_due` for what never is."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        self._directory = directory
        self._rates = Rates()
        self._buckets: dict[int, _Bucket] = {}
        self._beats: OrderedDict[str, Instant] = OrderedDict()

    def game(self, call: Call) -> Game:
        """The game of the key in X-Api-Key. Raises WebError, the same for no key, a wrong one and a stopped game."""
        games = self._directory().games
        digest = sha256((call.headers.get("x-api-key") or "").encode()).digest()
        key = games.keys.get(digest)
        game = None if key is None or not key.is_valid(call.at) else games.games.get(key.game_id)
        if game is None or not game.is_active:
            wait = self._rates.wait(WRONG_KEYS, call.source, call.at)
            if wait:
                raise _too_many(wait)
            raise WebError("INVALID_API_KEY", "The API key is not valid.")
        return game

    def spend(self, game: Game, at: Instant) -> None:
        """One more call of this game's servers. Raises WebError when it is too much."""
        bucket = self._buckets.get(game.id, _Bucket(_BURST, at))
        left = min(_BURST, bucket.left + max(0, at - bucket.at) * _A_SECOND / 1000)
        if left < 1:
            raise _too_many(1)
        self._buckets[game.id] = _Bucket(left - 1, at)

    def lives(self, session_id: str, at: Instant) -> None:
        """This session is known to be alive at `at`."""
        self._beats[session_id] = at
        self._beats.move_to_end(session_id)
        while len(self._beats) > _MOST_REMEMBERED:
            self._beats.popitem(last=False)

    def is_due(self, session_id: str, at: Instant) -> bool:
        """Whether a heartbeat of a session that lives comes no more often than it should: it is never too much."""
        last = self._beats.get(session_id)
        is_due = last is not None and at - last >= _FREE_EVERY
        if is_due:
            self.lives(session_id, at)  # so that a second one at the same moment is not due
        return is_due

    def is_known(self, session_id: str) -> bool:
        """Whether the session lived lately: its end is never too much."""
        return session_id in self._beats

    def forget(self, session_id: str) -> None:
        """It is over."""
        self._beats.pop(session_id, None)


def _too_many(seconds: int) -> WebError:
    return WebError("RATE_LIMITED", "Too many requests.", (("Retry-After", str(seconds)),))
