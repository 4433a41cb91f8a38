"""Tells the RADIUS server what happens at the PCs: signed, in order for each user, and again until it listens."""

import hashlib
import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from attrs import define, field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.logger import Logger

from radiusd.virtual_pc_system import faults
from radiusd.virtual_pc_system.cafe import iso
from radiusd.virtual_pc_system.settings import Settings

PAUSES = (1, 2, 4, 8, 16, 30)
RENEWED_AFTER = 240.0
MOST_TRIES = 25
PATIENCE = 10.0
AT_ONCE = 16
HELD_BACK = 2.0
MOST_KEPT = 10_000
_AGAIN = frozenset({408, 429})

_log = Logger()

_PLAIN = {
    400: "the server cannot read it: is this the right kind of server, and its right version?",
    401: "the server does not believe it: wrong token or key, a clock that is off by minutes, or an address that is "
    "not allowed; the server's log says which",
    403: "the server does not let this address in; allow it with: icafectl branch allow NAME NETWORK",
    404: "the server has no such path; look at `url` in the settings",
    413: "the server finds it too long",
}


@frozen
class Try:
    """One sending: its HTTP status, 0 without an answer, and the time to it."""

    status: int
    milliseconds: float
    words: str


@define
class Event:
    """Something that happened to a user, and what came of telling it."""

    number: int
    kind: str
    user: str
    body: bytes = field(repr=False)
    at: float
    tries: list[Try] = field(factory=list)
    outcome: str = "waiting"
    sessions_terminated: int | None = None

    def told(self) -> dict[str, Any]:
        """As the page and the commands show it."""
        last = self.tries[-1] if self.tries else None
        return {
            "number": self.number,
            "kind": self.kind,
            "user": self.user,
            "at": iso(self.at),
            "outcome": self.outcome,
            "tries": len(self.tries),
            "status": last.status if last else None,
            "milliseconds": last.milliseconds if last else None,
            "words": last.words if last else "",
            "sessions_terminated": self.sessions_terminated,
        }


def sign(signing_key: str, body: bytes) -> str:
    """The value of X-PC-Signature."""
    return "sha256=" + hmac.new(signing_key.encode(), body, hashlib.sha256).hexdigest()


class Sender:
    """Sends events by `http`; `changed` is called whenever one of them gets on."""

    def __init__(
        self,
        reactor: Any,
        http: HTTPClient,
        settings: Settings | None,
        random: Random,
        now: Callable[[], float],
        changed: Callable[[Event], None],
    ) -> None:
        self.settings = settings
        self.faults = faults.NONE
        self.events: OrderedDict[int, Event] = OrderedDict()
        self._reactor = reactor
        self._http = http
        self._random = random
        self._now = now
        self._changed = changed
        self._lines: dict[str, deque[Event]] = {}
        self._room = DeferredSemaphore(AT_ONCE)
        self._last = 0
        self._number = 0

    @property
    def waiting(self) -> list[Event]:
        """What is not told yet, the oldest first."""
        return [each for each in self.events.values() if each.outcome == "waiting"]

    def happened(self, kind: str, user: str) -> Event:
        """Tell that it happened, now."""
        # No two events have one timestamp: they would be one event, and its repeat.
        self._last = max(self._last + 1, round(self._now() * 1000))
        at = self._last / 1000
        fields = {"event_type": kind, "pc_user_id": user, "timestamp": iso(at)}
        location_id = self.settings.location_id if self.settings else "loc_none"
        return self.send(kind, user, msgspec.json.encode({**fields, "location_id": location_id}), at)

    def send(self, kind: str, user: str, body: bytes, at: float) -> Event:
        """Send these octets, after all of that user's that wait."""
        self._number += 1
        event = self.events[self._number] = Event(self._number, kind, user, body, at)
        self._forget_old()
        if self.settings is None:
            event.outcome = "unsent"
            self._changed(event)
        elif self._random.random() < self.faults.reorder:
            self._begin(self._send_late(event))
        elif user in self._lines:
            self._lines[user].append(event)
        else:
            self._lines[user] = deque([event])
            self._begin(self._work_off(user))
        return event

    def _begin(self, work: Any) -> None:
        Deferred.fromCoroutine(work).addErrback(lambda failure: _log.failure("a webhook broke off", failure))

    def _forget_old(self) -> None:
        while len(self.events) > MOST_KEPT and next(iter(self.events.values())).outcome != "waiting":
            self.events.popitem(last=False)

    async def _work_off(self, user: str) -> None:
        line = self._lines[user]
        while line:
            await self._deliver(line[0])
            line.popleft()
        del self._lines[user]

    async def _send_late(self, event: Event) -> None:
        await deferLater(self._reactor, HELD_BACK)
        await self._deliver(event)

    async def _deliver(self, event: Event) -> None:
        """Until it is answered 200, refused, or there is no sense in more."""
        is_doubled = self._random.random() < self.faults.duplicate
        while event.outcome == "waiting":
            await self._try(event)
            if event.outcome == "waiting":
                await deferLater(self._reactor, PAUSES[min(len(event.tries), len(PAUSES)) - 1])
        if is_doubled:
            await self._try(event)

    def _renew(self, event: Event) -> None:
        """An event is taken for five minutes; whoever could not send it that long says it again, of this moment."""
        fields = msgspec.json.decode(event.body)
        if self._now() - event.at < RENEWED_AFTER or "timestamp" not in fields:
            return
        self._last = max(self._last + 1, round(self._now() * 1000))
        event.at = self._last / 1000
        event.body = msgspec.json.encode({**fields, "timestamp": iso(event.at)})

    async def _try(self, event: Event) -> None:
        await self._room.acquire()
        try:
            if event.outcome == "waiting":
                self._renew(event)
            began = self._reactor.seconds()
            status, text = await self._post(event.body)
            milliseconds = round((self._reactor.seconds() - began) * 1000, 1)
        finally:
            self._room.release()
        if event.outcome == "waiting":
            _judge(event, status, text)
        event.tries.append(Try(status, milliseconds, _words(event, status, text)))
        self._changed(event)

    async def _post(self, body: bytes) -> tuple[int, str]:
        """Status and text of the answer; 0 and why, without one."""
        assert self.settings is not None  # noqa: S101 - without settings nothing is sent
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json",
            "X-PC-Secret": self.settings.token,
            "X-PC-Signature": sign(self.settings.signing_key, body),
        }
        try:
            return await Deferred.fromCoroutine(self._exchange(headers, body)).addTimeout(PATIENCE, self._reactor)
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is sent again
            return 0, type(error).__name__

    async def _exchange(self, headers: Any, body: bytes) -> tuple[int, str]:
        assert self.settings is not None  # noqa: S101 - as above
        response = await self._http.request(
            "POST", self.settings.url, headers=headers, data=body, allow_redirects=False, reactor=self._reactor
        )
        text = await response.content()
        return response.code, text[:2000].decode("utf-8", "replace")


def _judge(event: Event, status: int, text: str) -> None:
    if status == 200:
        event.outcome = "done"
        event.sessions_terminated = _sessions_terminated(text)
    elif 300 <= status < 500 and status not in _AGAIN:
        event.outcome = "refused"
    elif len(event.tries) + 1 >= MOST_TRIES:
        event.outcome = "given up"


def _sessions_terminated(text: str) -> int | None:
    try:
        found = msgspec.json.decode(text)["sessions_terminated"]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _words(event: Event, status: int, text: str) -> str:
    if status == 200:
        ended = event.sessions_terminated
        return "accepted" if ended is None else f"accepted, {ended} session{'' if ended == 1 else 's'} ended"
    if event.outcome == "refused":
        return "refused: " + _PLAIN.get(status, f"the server answered {status}")
    again = "given up" if event.outcome == "given up" else "it is sent again"
    return f"no answer ({text}), {again}" if status == 0 else f"the server answered {status}, {again}"
