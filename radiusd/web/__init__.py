"""What the server shows by HTTP: whether it is well, and what it counts."""

from prometheus_client import CollectorRegistry
from prometheus_client.twisted import MetricsResource
from twisted.web.resource import Resource
from twisted.web.server import Request


class Health(Resource):
    """`GET /health`: 200 while the process answers."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """One small JSON object."""
        request.setHeader(b"content-type", b"application/json")
        return b'{"status": "ok"}\n'


def root(registry: CollectorRegistry) -> Resource:
    """The resource tree."""
    resource = Resource()
    resource.putChild(b"health", Health())  # type: ignore[no-untyped-call]
    resource.putChild(b"metrics", MetricsResource(registry=registry))  # type: ignore[no-untyped-call]
    return resource
