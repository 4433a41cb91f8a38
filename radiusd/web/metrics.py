"""`/metrics`, on a listener of its own: how many guests a café has is not everybody's business."""

from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource


class MetricsSite(Site):
    """What listens. It logs no requests: one every 15 seconds would be 5 760 lines a day."""

    noisy = False

    def __init__(self, registry: CollectorRegistry, reactor: Any) -> None:
        root = Resource()
        root.putChild(b"metrics", WSGIResource(reactor, reactor.getThreadPool(), make_wsgi_app(registry)))
        super().__init__(root, reactor=reactor)  # type: ignore[no-untyped-call]

    def log(self, request: Request) -> None:
        """Say nothing of a request that was answered."""
