"""How often one address may call: classes of routes, and a count of each for every address."""

from collections import OrderedDict

from attrs import frozen

from policy.quantities import Instant
from radiusd.web.proxies import holder

_MOST_REMEMBERED = 50_000


@frozen
class RateClass:
    """At most `most` calls in `seconds` from one address."""

    name: str
    most: int
    seconds: int


PC_EVENTS = RateClass("pc_events", 20_000, 10)
"""A chain that closes reports thousands of logouts at once, perhaps all through one proxy."""
LOGINS = RateClass("logins", 60, 60)
READS = RateClass("reads", 300, 60)


class Rates:
    """Counts calls in windows one after the other; the addresses longest unused are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str, int], int] = OrderedDict()

    def wait(self, rate: RateClass, source: str, at: Instant) -> int:
        """Seconds until `source` may call again; 0 for now, and then the call is counted."""
        span = rate.seconds * 1000
        window = at // span
        key = (rate.name, holder(source), window)
        count = self._counts.get(key, 0)
        if count >= rate.most:
            return max(1, -((at - (window + 1) * span) // 1000))
        self._counts[key] = count + 1
        self._counts.move_to_end(key)
        while len(self._counts) > _MOST_REMEMBERED:
            self._counts.popitem(last=False)
        return 0
