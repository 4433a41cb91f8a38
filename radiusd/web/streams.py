"""Server-Sent Events: a reply that stays open and tells, in a word, when something changed."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from radiusd.web.errors import WebError
from radiusd.web.proxies import holder

ALIVE_EVERY = 15.0
LASTS = 3_600.0
"""Seconds; a browser asks again by itself."""


MOST = 512
MOST_BY_ADDRESS = 32


class Places:
    """How many streams are open, in all and for each address."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, stream: "EventStream", source: str) -> None:
        """One more, until `stream` is over. Raises WebError, and then `stream` is over at once."""
        who = holder(source)
        refused = self._refused(who)
        if refused is not None:
            stream.lost()
            raise refused
        self._taken[who] += 1
        stream.when_over(lambda: self._give_back(who))

    def _refused(self, who: str) -> WebError | None:
        later = (("Retry-After", "60"),)
        if self._taken.total() >= MOST:
            return WebError("TRY_AGAIN", "Too many streams are open. Ask from time to time instead.", later)
        if self._taken[who] >= MOST_BY_ADDRESS:
            return WebError("RATE_LIMITED", "Too many streams are open from your address.", later)
        return None

    def _give_back(self, who: str) -> None:
        self._taken[who] -= 1
        self._taken += Counter()  # without those who have none


class Request(Protocol):
    """The part of a request that is written to."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...

    def registerProducer(self, producer: Any, streaming: bool) -> None: ...

    def unregisterProducer(self) -> None: ...


class EventStream:
    """What a route gives to keep telling. `send` may be called before and after it is open; memory does not grow.

    While the client does not read, an event that waits already is not put behind it a second time.
    """

    def __init__(self) -> None:
        self._request: Request | None = None
        self._is_paused = False
        self._is_over = False
        self._waiting: dict[str, None] = {}
        self._ends: list[Callable[[], None]] = []
        self._timers: list[Any] = []

    def send(self, event: str) -> None:
        """Tell the client."""
        if self._is_over:
            return
        self._waiting[event] = None
        self._flush()

    def when_over(self, end: Callable[[], None]) -> None:
        """Call `end` once nobody listens any more."""
        if self._is_over:
            end()
        else:
            self._ends.append(end)

    def open(self, request: Request, clock: Any) -> None:
        """Begin to write."""
        self._request = request
        request.registerProducer(self, True)
        request.write(b": open\n\n")
        self._timers.append(clock.callLater(LASTS, self.close))
        self._keep_alive(clock)
        self._flush()

    def _keep_alive(self, clock: Any) -> None:
        def still_there() -> None:
            self._timers.remove(timer)
            if self._request is not None and not self._is_paused:
                self._request.write(b":\n\n")
            self._keep_alive(clock)

        timer = clock.callLater(ALIVE_EVERY, still_there)
        self._timers.append(timer)

    def _flush(self) -> None:
        if self._request is not None and not self._is_paused:
            waiting, self._waiting = self._waiting, {}
            for event in waiting:
                self._request.write(f"event: {event}\ndata:\n\n".encode())

    def close(self) -> None:
        """End the reply."""
        request, self._request = self._request, None
        self.lost()
        if request is not None:
            request.unregisterProducer()
            request.finish()

    def lost(self) -> None:
        """The client is gone."""
        self._is_over = True
        self._request = None
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        ends, self._ends = self._ends, []
        for end in ends:
            end()

    # What the transport says

    def pauseProducing(self) -> None:
        """The client does not read just now."""
        self._is_paused = True

    def resumeProducing(self) -> None:
        """It does."""
        self._is_paused = False
        self._flush()

    def stopProducing(self) -> None:
        """It is gone."""
        self.lost()
