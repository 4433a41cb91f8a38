"""JSON over HTTP as launchers and game servers speak it: one request, one answer, and the flaws of its envelope."""

import re
from typing import Any, Protocol

import msgspec
from attrs import field, frozen
from twisted.internet.defer import Deferred

PATIENCE = 10.0
NO_ANSWER = "NETWORK_ERROR"
"""What the sample client calls a request without an answer; no server sends it."""

_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Http(Protocol):
    """As much of treq's HTTPClient as is needed."""

    def request(
        self, method: str, url: str, *, headers: Any, data: bytes | None, allow_redirects: bool, reactor: Any
    ) -> "Deferred[Any]":
        """The response, without its body."""


@frozen(kw_only=True)
class Answer:
    """What came back. `status` is 0 without an answer; `code` is empty after a success, and otherwise the error's.

    `asked_at` and `answered_at` are readings of the asker's clock; the server acted somewhere between the two.
    `flaws` says where the envelope is not as agreed.
    """

    status: int
    code: str = ""
    message: str = ""
    data: dict[str, Any] = field(factory=dict, repr=False)
    flaws: tuple[str, ...] = ()
    asked_at: float
    answered_at: float

    @property
    def is_success(self) -> bool:
        """Whether it is of the plane of business: then `data` decides, and not the status."""
        return self.status == 200 and not self.code

    def text(self, name: str) -> str:
        """A text of `data`; empty if there is none."""
        found = self.data.get(name)
        return found if isinstance(found, str) else ""

    def number(self, name: str) -> int | None:
        """A whole number of `data`; None if there is none."""
        found = self.data.get(name)
        return found if type(found) is int else None


class Wire:
    """Asks one server, `server` being its scheme, host and port. Answers never raise: they say what went wrong."""

    def __init__(self, http: Http, clock: Any, server: str, patience: float = PATIENCE) -> None:
        self.clock = clock
        self._http = http
        self._server = server.rstrip("/")
        self._patience = patience

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """The answer, or that there was none within the time an asker has patience for."""
        asked_at = self.clock.seconds()
        sent: dict[str, str] = {"Content-Type": "application/json", **headers}
        try:
            exchange = Deferred.fromCoroutine(self._exchange(method, path, sent, body))
            status, kind, octets = await exchange.addTimeout(self._patience, self.clock)
        except Exception as error:  # noqa: BLE001 - whatever it is, there was no answer
            return Answer(
                status=0,
                code=NO_ANSWER,
                message=type(error).__name__,
                asked_at=asked_at,
                answered_at=self.clock.seconds(),
            )
        return _read(status, kind, octets, asked_at, self.clock.seconds())

    async def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Any:
        response = await self._http.request(
            method, self._server + path, headers=headers, data=body, allow_redirects=False, reactor=self.clock
        )
        octets = await response.content()
        kinds = response.headers.getRawHeaders("content-type") or [""]
        return response.code, kinds[0], octets


def _read(status: int, kind: str, octets: bytes, asked_at: float, answered_at: float) -> Answer:
    flaws = [] if kind.partition(";")[0].strip() == "application/json" else [f"its Content-Type is {kind!r}"]
    try:
        fields = msgspec.json.decode(octets, type=dict[str, Any])
    except ValueError:
        fields = {}
        flaws.append("its body is no JSON object")
    data, error = fields.get("data"), fields.get("error")
    if status == 200:
        flaws += _flaws_of_success(fields)
        code, message = "", ""
    else:
        flaws += _flaws_of_error(fields)
        found = error if isinstance(error, dict) else {}
        code, message = str(found.get("code") or f"HTTP_{status}"), str(found.get("message", ""))
    return Answer(
        status=status,
        code=code,
        message=message,
        data=data if status == 200 and isinstance(data, dict) else {},
        flaws=tuple(flaws),
        asked_at=asked_at,
        answered_at=answered_at,
    )


def _flaws_of_success(fields: dict[str, Any]) -> list[str]:
    flaws = []
    if fields.get("success") is not True:
        flaws.append("a 200 without success: true")
    if not str(fields.get("request_id", "")).startswith("req_"):
        flaws.append("a 200 whose request_id does not begin with req_")
    if not isinstance(fields.get("data"), dict):
        flaws.append("a 200 without data")
    if "error" in fields:
        flaws.append("a 200 with an error")
    return flaws


def _flaws_of_error(fields: dict[str, Any]) -> list[str]:
    error = fields.get("error")
    if not isinstance(error, dict):
        return ["an error answer without error"]
    flaws = []
    if fields.get("success") is not False:
        flaws.append("an error without success: false")
    if "request_id" in fields or "data" in fields:
        flaws.append("an error with members that only a success has")
    members = ("code", "message", "timestamp")
    flaws += [f"an error without {each}" for each in members if not isinstance(error.get(each), str)]
    if not _WHEN.fullmatch(str(error.get("timestamp", ""))):
        flaws.append("an error whose timestamp is not ISO 8601 in UTC with milliseconds and Z")
    return flaws
