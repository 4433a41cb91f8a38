"""How long each router has been silent: what tells which café is offline."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from policy.quantities import Instant
from radiusd.server.nases import Nases
from radiusd.store.directory import Directory


class Silence(Collector):
    """Seconds since this process heard each router, made when somebody asks for them.

    A router that it has not heard is silent since it was first asked about, so that one that never comes is shown too.
    """

    def __init__(self, nases: Nases, directory: Callable[[], Directory], now: Callable[[], Instant]) -> None:
        self._nases = nases
        self._directory = directory
        self._now = now
        self._asked_at: dict[int, Instant] = {}

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The name alone."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every router there is."""
        family, directory, now = self._family(), self._directory(), self._now()
        for router in directory.routers.values():
            asked_at = self._asked_at.setdefault(router.id, now)
            since = self._nases.last_heard(router.id) or asked_at
            family.add_metric([router.name, directory.cafes[router.branch_id].name], max(0, now - since) / 1000)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "radius_router_last_heard_seconds", "Seconds since the router was heard", labels=["router", "branch"]
        )
