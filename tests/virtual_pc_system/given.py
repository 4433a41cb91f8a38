"""A virtual PC system without sockets, and a server that its webhooks reach."""

import json
from random import Random
from typing import Any

from attrs import frozen
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.web.http_headers import Headers

from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import over
from radiusd.pc_system.values import Access
from radiusd.virtual_pc_system.api import Api
from radiusd.virtual_pc_system.cafe import Cafe
from radiusd.virtual_pc_system.control import Control
from radiusd.virtual_pc_system.faults import NONE, Faults
from radiusd.virtual_pc_system.page import Root
from radiusd.virtual_pc_system.settings import Settings
from radiusd.virtual_pc_system.users import generated
from radiusd.virtual_pc_system.webhook import Event, Sender

BEGAN = 1_771_237_800.123
"""2026-02-16T10:30:00.123Z."""
SETTINGS = Settings(
    location_id="loc_abc",
    token="the token of q1",
    signing_key="a1b2c3d4",
    url="http://127.0.0.1:8080/api/pc-sync/event",
    api_key="the-key-of-q1",
)
ACCESS = Access(branch_id=1, url="http://127.0.0.1", api_key="the-key-of-q1")
JSON = Headers({"Content-Type": ["application/json"], "Host": ["127.0.0.1:8099"]})


@frozen
class Received:
    """One webhook as it came in, and when."""

    at: float
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def what(self) -> tuple[str, str]:
        return self.fields["event_type"], self.fields["pc_user_id"]


@frozen
class _Answer:
    code: int
    text: bytes

    def content(self) -> "Deferred[bytes]":
        return succeed(self.text)


class Server:
    """Answers webhooks as told, the last of it for ever: a status, an error, or None for no answer at all."""

    def __init__(self, clock: Clock, *answers: int | Exception | None) -> None:
        self.answers = list(answers) or [200]
        self.text = b'{"success": true, "sessions_terminated": 1}'
        self.received: list[Received] = []
        self._clock = clock

    def request(self, method: str, url: str, *, headers: Any, data: bytes, **more: Any) -> "Deferred[Any]":
        assert method == "POST"
        assert more["allow_redirects"] is False
        self.received.append(Received(self._clock.seconds(), url, dict(headers), data))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            return fail(answer)
        return Deferred() if answer is None else succeed(_Answer(answer, self.text))


class Chance(Random):
    """As random as it is told to be; what `random()` gives is in `next`."""

    next = 0.5

    def random(self) -> float:
        return self.next


class System:
    """All parts of it, on a clock that is turned by hand."""

    def __init__(self, *answers: int | Exception | None, settings: Settings | None = SETTINGS, users: int = 10) -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.server = Server(self.clock, *answers)
        self.chance = Chance(3)
        self.told: list[str] = []
        self.events: list[Event] = []
        self.cafe = Cafe(generated(users), self.chance)
        self.sender = Sender(self.clock, self.server, settings, self.chance, self.now, self.events.append)  # type: ignore[arg-type]
        api_key = settings.api_key if settings else None
        self.api = Api(self.clock, self.cafe, self.chance, self.now, self.told.append, api_key)
        self.control = Control(self.clock, self.cafe, self.api, self.sender, lambda: None)
        self._agent = RequestTraversalAgent(Root(self.control, self.api))  # type: ignore[no-untyped-call]
        self._http = over(self._agent)
        self.client = PcSystemClient(self._http, self.clock, Random(3))

    def now(self) -> float:
        return BEGAN + float(self.clock.seconds())

    def break_down(self, **faults: Any) -> None:
        """Have these faults and no others."""
        self.api.faults = self.sender.faults = Faults(**faults) if faults else NONE

    def turn(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass."""
        for _ in range(round(seconds / step)):
            self.clock.advance(step)  # type: ignore[no-untyped-call]
            self._agent.flush()

    def ask(self, method: str, path: str, fields: Any = None, headers: Headers = JSON) -> tuple[int, Any]:
        """Status and JSON of an answer that comes at once."""
        body = None if fields is None else json.dumps(fields).encode()
        status, text = self.fetch(method, path, body, headers)
        return status, json.loads(text) if text else None

    def fetch(self, method: str, path: str, body: bytes | None = None, headers: Headers = JSON) -> tuple[int, bytes]:
        """Status and octets of an answer."""
        came: list[Any] = []
        asked = self._http.request(
            method,
            f"http://127.0.0.1{path}",
            headers=headers.copy(),
            data=body,
            reactor=self.clock,  # type: ignore[arg-type]
        )
        asked.addCallback(came.append)
        (response,) = came
        response.content().addCallback(came.append)
        return came[0].code, came[1]

    def press(self, switch: str, **fields: Any) -> Any:
        """What a switch answers."""
        status, found = self.ask("POST", f"/control/{switch}", fields)
        assert status == 200, found
        return found

    def result(self, wish: Any, seconds: float = 0.0) -> Any:
        """What comes of asking by our client, within so many seconds."""
        came: list[Any] = []
        Deferred.fromCoroutine(wish).addErrback(lambda failure: failure.value).addCallback(came.append)
        self.turn(seconds)
        (found,) = came
        return found
