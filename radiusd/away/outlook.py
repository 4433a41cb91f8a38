"""Is the store here, slow or away? Told from when work was handed to it, and when it last committed any."""

from collections.abc import Callable
from enum import Enum

from attrs import define


class Outlook(Enum):
    """SLOW: nothing was committed for so long that routers would ask again. AWAY: it failed, or hangs."""

    HERE = "here"
    SLOW = "slow"
    AWAY = "away"


@define(eq=False, kw_only=True)
class Weather:
    """`slow_after` and `away_after` are seconds of waiting without any commit; `since` is when it went AWAY."""

    slow_after: Callable[[], float]
    away_after: float
    outlook: Outlook = Outlook.HERE
    since: float | None = None
    why: str = ""
    _committed_at: float = float("-inf")

    def committed(self, at: float) -> bool:
        """It did some work; whether that is news after an absence."""
        self._committed_at = at
        was_away = self.outlook is Outlook.AWAY
        self.outlook, self.since = Outlook.HERE, None
        return was_away

    def failed(self, at: float, why: str) -> bool:
        """It could not be reached; whether that is news."""
        is_news = self.outlook is not Outlook.AWAY
        if is_news:
            self.outlook, self.since, self.why = Outlook.AWAY, at, why
        return is_news

    def waited(self, handed_at: float, at: float) -> Outlook:
        """What it looks like at `at` to the oldest work that it has not done, handed over at `handed_at`."""
        waiting = at - max(handed_at, self._committed_at)
        if self.outlook is not Outlook.AWAY:
            if waiting >= self.away_after:
                self.failed(at, "it does not answer")
            elif waiting >= self.slow_after():
                self.outlook = Outlook.SLOW
        return self.outlook

    def next_look(self, handed_at: float, at: float) -> float:
        """Seconds after which the oldest work that waits is to be looked at again."""
        since = max(handed_at, self._committed_at)
        after = self.slow_after() if self.outlook is Outlook.HERE else self.away_after
        return max(0.0, since + after - at)
