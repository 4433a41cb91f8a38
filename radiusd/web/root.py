"""Serves the route table: finds the route, asks who it is, reads the JSON, and writes the answer in one form."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import formatdate
from inspect import isawaitable
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd.store.absence import StoreIsAway
from radiusd.web.channel import WebRequest
from radiusd.web.dialects import Dialect, Plain
from radiusd.web.errors import WebError
from radiusd.web.proxies import Network, source_of
from radiusd.web.rates import Rates
from radiusd.web.reading import read_json
from radiusd.web.routes import LARGEST_BODY, Call, Headers, Raw, Route, Who
from radiusd.web.speaking import COMMON, JSON, Wrapped, error_response
from radiusd.web.streams import EventStream, Places

_log = Logger()

Authenticate = Callable[[str], Awaitable[Any]]
"""Whose token it is; None for nobody's."""
_PLAIN = Plain()
_NO_DIALECTS: Mapping[str, Dialect] = MappingProxyType({})
_WORDS = {
    "INTERNAL": "Something went wrong here. It was logged; please try again.",
    "UNAUTHORIZED": "Log in first: send Authorization: Bearer and your token.",
}


class WebRoot:
    """Answers whole requests by `routes`; `proxies` are believed about who calls."""

    def __init__(
        self,
        routes: Sequence[Route],
        authenticate: Authenticate,
        proxies: Sequence[Network],
        clock: Any,
        now: Callable[[], Instant],
        dialects: Mapping[str, Dialect] = _NO_DIALECTS,
    ) -> None:
        """`dialects`: how answers are wrapped below these prefixes."""
        self._dialects = dialects
        self._routes: dict[str, dict[str, Route]] = {}
        for each in routes:
            self._routes.setdefault(each.path, {})[each.method] = each
        self._authenticate = authenticate
        self._proxies = proxies
        self._clock = clock
        self._now = now
        self._rates = Rates()
        self._places = Places()

    def largest_body(self, method: bytes, path: bytes) -> int:
        """Octets that may be sent there."""
        route = self._routes.get(path.decode("latin-1"), {}).get(method.decode("latin-1"))
        return LARGEST_BODY if route is None else route.largest_body

    def error_response(self, path: bytes, error: WebError) -> bytes:
        """A whole answer, for a request that is not whole."""
        return error_response(self._dialect(path).error(error))

    def _dialect(self, path: bytes) -> Dialect:
        text = path.decode("latin-1")
        return next((each for prefix, each in self._dialects.items() if text.startswith(prefix)), _PLAIN)

    def serve(self, request: WebRequest) -> None:
        """Answer, now or later; whatever goes wrong, there is an answer."""
        # What was begun is finished even when the client goes: it may be on its way into the store.
        request.notifyFinish().addErrback(lambda _: None)
        answering = Deferred.fromCoroutine(self._answer(request))
        answering.addErrback(lambda failure: self._failed(request, failure))

    async def _answer(self, request: WebRequest) -> None:
        at = self._now()
        result = await self._result(request, at)
        if isinstance(result, EventStream):
            self._open(request, result)
        elif isinstance(result, Raw):
            self._write(request, result.status, result.body, result.content_type)
        else:
            self._write_wrapped(request, self._dialect(request.path).success(result))

    async def _result(self, request: WebRequest, at: Instant) -> Any:
        route = self._route(request)
        headers = _headers(request)
        call = Call(at=at, source=self._source(request), headers=headers, body=request.content.getvalue(), value=None)
        self._hold_back(route, call)
        guest = await self._guest(route, headers)
        value = None if route.takes is None or route.reads_raw else read_json(call, route.takes)
        result = route.serve(Call(at=at, source=call.source, headers=headers, body=call.body, value=value, guest=guest))
        return await result if isawaitable(result) else result

    def _route(self, request: WebRequest) -> Route:
        by_method = self._routes.get(request.path.decode("latin-1"))
        if by_method is None:
            raise WebError("NOT_FOUND", "There is nothing at this address; /openapi.json lists what there is.")
        method = request.method.decode("latin-1")
        route = by_method.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = ", ".join(sorted({*by_method, "HEAD"} if "GET" in by_method else by_method))
            raise WebError("METHOD_NOT_ALLOWED", f"This address takes {allowed}.", (("Allow", allowed),))
        return route

    def _source(self, request: WebRequest) -> str:
        forwarded = request.requestHeaders.getRawHeaders(b"x-forwarded-for", [])
        return source_of(request.client.host, [each.decode("latin-1") for each in forwarded], self._proxies)

    def _hold_back(self, route: Route, call: Call) -> None:
        wait = self._rates.wait(route.rate, call.source, call.at)
        if wait:
            raise WebError("RATE_LIMITED", "Too many calls. Please slow down.", (("Retry-After", str(wait)),))

    async def _guest(self, route: Route, headers: Headers) -> Any:
        if route.who is not Who.GUEST:
            return None
        scheme, _, token = (headers.get("authorization") or "").partition(" ")
        guest = await self._authenticate(token.strip()) if scheme.lower() == "bearer" and token else None
        if guest is None:
            raise WebError("UNAUTHORIZED", _WORDS["UNAUTHORIZED"], (("WWW-Authenticate", "Bearer"),))
        return guest

    # Writing

    def _write_wrapped(self, request: WebRequest, answer: Wrapped) -> None:
        self._write(request, answer.status, answer.body, JSON, answer.headers)

    def _write(
        self,
        request: Any,
        status: int,
        body: bytes,
        content_type: str,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._begin(request, status, content_type, headers)
        request.setHeader("Content-Length", str(len(body)))
        request.write(body)
        request.finish()

    def _begin(self, request: Any, status: int, content_type: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        request.setResponseCode(status)
        date = formatdate(self._now() / 1000, usegmt=True)
        for name, value in (("Date", date), ("Content-Type", content_type), *COMMON, *headers):
            request.setHeader(name, value)

    def _open(self, request: WebRequest, stream: EventStream) -> None:
        if request._disconnected:
            stream.lost()
            return
        self._places.take(stream, self._source(request))
        self._begin(request, 200, "text/event-stream")
        request.notifyFinish().addBoth(lambda _: stream.lost())
        if request.method == b"HEAD":
            request.finish()  # type: ignore[no-untyped-call]
        else:
            stream.open(request, self._clock)

    def _failed(self, request: WebRequest, failure: Failure) -> None:
        if request.finished or request._disconnected:
            return
        error = failure.value
        if isinstance(error, StoreIsAway):
            error = WebError("TRY_AGAIN", "The store is away just now. Try again soon.", (("Retry-After", "5"),))
        elif not isinstance(error, WebError):
            _log.failure("{path} could not be served", failure, path=request.path.decode("latin-1"))
            error = WebError("INTERNAL", _WORDS["INTERNAL"])
        self._write_wrapped(request, self._dialect(request.path).error(error))


def _headers(request: WebRequest) -> Headers:
    found = request.requestHeaders.getAllRawHeaders()
    return Headers({name.decode("latin-1"): values[-1].decode("latin-1") for name, values in found})
