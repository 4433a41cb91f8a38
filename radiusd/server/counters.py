"""Counters by reason, and at most one log line a second for each."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from twisted.logger import Logger

_log = Logger()

WORTH_AN_ALARM = (
    "failed",
    "not_recorded",
    "cut_not_cut",
    "clean_up_failed",
    "coa_send_failed",
    "spool_damaged",
    "spool_torn",
    "spool_set_aside",
    "dropped_spool_full",
    "dropped_spool_unwritable",
    "dropped_unknown_source",
    "dropped_bad_authenticator",
    "dropped_bad_message_authenticator",
    "dropped_forged_flood",
    "dropped_message_authenticator_missing",
    "dropped_proxy_state_unsigned",
    "dropped_ambiguous_unsigned",
)
"""Shown with 0 from the start: Prometheus sees no increase where there was nothing before."""


class Counters:
    """What was received, answered and dropped. `seconds` is a clock that never goes back."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self.registry = CollectorRegistry()
        self.registry.register(_Packets(self))
        self._cuts = Histogram(
            "radius_cut_seconds",
            "Seconds from the decision to cut until its outcome",
            ["outcome"],
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600),
            registry=self.registry,
        )
        self._logouts = Histogram(
            "pc_logout_seconds",
            "Seconds from the report that a gaming PC was logged off until this",
            ["until"],
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 60),
            registry=self.registry,
        )
        self._last_line: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()
        self.counts: Counter[str] = Counter(dict.fromkeys(WORTH_AN_ALARM, 0))

    def count(self, what: str) -> None:
        """One more of `what`."""
        self.counts[what] += 1

    def took(self, outcome: str, seconds: float) -> None:
        """A cut came to its outcome, so long after its decision."""
        self._cuts.labels(outcome).observe(seconds)

    def logged_off(self, until: str, seconds: float) -> None:
        """A guest whose PC was logged off: how long until the request to disconnect was sent, or was proven."""
        self._logouts.labels(until).observe(seconds)

    def drop(self, reason: str, source: str, detail: str = "", what: str = "a packet") -> None:
        """One more dropped for `reason`; logged unless that was done within the last second."""
        self.count(f"dropped_{reason}")
        now = self._seconds()
        if now - self._last_line.get(reason, float("-inf")) < 1:
            self._unlogged[reason] += 1
            return
        self._last_line[reason] = now
        more = self._unlogged.pop(reason, 0)
        _log.warn(
            "dropped {what} from {source}: {reason} {detail} ({more} more since the last line)",
            what=what,
            source=source,
            reason=reason,
            detail=detail,
            more=more,
        )


class _Packets(Collector):
    """The counts as a metric, made when somebody asks for it: that is far rarer than there is something to count."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def describe(self) -> Iterator[CounterMetricFamily]:
        yield self._family()

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = self._family()
        # Asked in a thread, while the server goes on counting.
        for what, number in tuple(self._counters.counts.items()):
            family.add_metric([what], number)
        yield family

    @staticmethod
    def _family() -> CounterMetricFamily:
        return CounterMetricFamily("radius_packets", "RADIUS packets by what became of them", labels=["what"])
