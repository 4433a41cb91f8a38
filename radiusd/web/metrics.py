"""`/metrics`, on a listener of its own: how many guests a café has is not everybody's business."""

from prometheus_client import CollectorRegistry
from prometheus_client.twisted import MetricsResource
from twisted.web.resource import Resource


def metrics_root(registry: CollectorRegistry) -> Resource:
    """The resource tree."""
    resource = Resource()
    resource.putChild(b"metrics", MetricsResource(registry=registry))  # type: ignore[no-untyped-call]
    return resource
