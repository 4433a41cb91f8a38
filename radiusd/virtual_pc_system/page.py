"""The page: the seats, the switches, and what was told to the server. It needs nothing from outside."""

from importlib.resources import files

from twisted.web.resource import Resource
from twisted.web.server import Request

_FILES = {
    b"/": ("page.html", b"text/html; charset=utf-8"),
    b"/page.css": ("page.css", b"text/css; charset=utf-8"),
    b"/page.js": ("page.js", b"text/javascript; charset=utf-8"),
}


class Page(Resource):
    """Its three files."""

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """One of them."""
        name, kind = _FILES[bytes(request.path)]
        request.setHeader(b"content-type", kind)
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"content-security-policy", b"default-src 'self'; img-src data:; frame-ancestors 'none'")
        return files("radiusd.virtual_pc_system").joinpath(name).read_bytes()


class Root(Resource):
    """The page at its three paths, the switches under /control/, the REST API at every other path."""

    def __init__(self, control: Resource, api: Resource) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._page = Page()  # type: ignore[no-untyped-call]
        self._control = control
        self._api = api

    def getChild(self, name: bytes, request: Request) -> Resource:
        """Whoever answers for this path; all of them look at the whole of it."""
        if name == b"control":
            return self._control
        return self._page if bytes(request.path) in _FILES and request.method in (b"GET",) else self._api
