"""Hears the others: a subscription that is made again whenever it is lost, and asked now and then whether it lives.

A connection to a machine that is gone looks like one over which nobody speaks. So Redis is asked for a sign of life
every five seconds, and a subscription that stays silent all the same is given up.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from radiusd.cluster.reasons import reason_of

_log = Logger()

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
PATIENCE = 2.0
"""Seconds in which a connection must be made, and a subscription confirmed."""
PULSE = 5.0
SILENCE = PULSE + PATIENCE

Begin = Callable[[Awaitable[Any]], "Deferred[Any]"]
"""Has a coroutine of redis.asyncio run in the event loop that is its own."""


class Subscription(Protocol):
    """What is asked of redis.asyncio.client.PubSub."""

    async def subscribe(self, *channels: str) -> object:
        """Send the wish to hear these; it is confirmed by a message."""

    async def get_message(self, *, timeout: float | None) -> dict[str, Any] | None:
        """Wait for the next message, for ever if `timeout` is None."""

    def ping(self) -> Awaitable[object]:
        """Ask for a message of the type `pong`."""

    async def aclose(self) -> None:
        """Close the connection."""


class Client(Protocol):
    """What is asked of redis.asyncio.Redis."""

    def publish(self, channel: str, message: bytes) -> Awaitable[object]:
        """Send to all who listen."""

    def ping(self) -> Awaitable[object]:
        """Make a connection if there is none, and ask for an answer."""

    def pubsub(self) -> Subscription:
        """A subscription, not connected yet."""

    async def aclose(self) -> None:
        """Close every connection but those of subscriptions."""


class Subscriber:
    """Hands the octets of every message on `channel` to `hear`, which never raises."""

    def __init__(
        self, client: Client, channel: str, hear: Callable[[object], None], begin: Begin, clock: IReactorTime
    ) -> None:
        self._client = client
        self._channel = channel
        self._hear = hear
        self._begin = begin
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._is_told = False
        self._listening: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Begin to listen, as soon as the reactor runs."""
        self._listening = Deferred.fromCoroutine(self._listen())

    def stop(self) -> "Deferred[None]":
        """Listen no more; fires when the connection is closed."""
        listening = self._listening
        listening.addErrback(lambda failure: failure.trap(CancelledError) and None)
        listening.cancel()
        return listening

    async def _listen(self) -> None:
        pause = 0.0
        while True:
            await deferLater(self._clock, pause)
            try:
                await self._listen_once()
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever became of Redis, it is tried again
                pause = self._lost(error)

    async def _listen_once(self) -> None:
        subscription = self._client.pubsub()
        pulse = LoopingCall(self._ask_for_a_sign, subscription)
        pulse.clock = self._clock
        try:
            await self._within(PATIENCE, subscription.subscribe(self._channel))
            await self._within(PATIENCE, subscription.get_message(timeout=None))
            self._confirmed()
            pulse.start(PULSE)
            while True:
                message = await self._within(SILENCE, subscription.get_message(timeout=None))
                if message is not None and message["type"] == "message":
                    self._hear(message["data"])
        finally:
            if pulse.running:
                pulse.stop()
            await self._quietly(subscription.aclose())

    def _ask_for_a_sign(self, subscription: Subscription) -> None:
        self._quietly(subscription.ping())
        # The connection that announcements are sent over is made here as well, where there is time for it.
        self._quietly(self._client.ping())

    def _confirmed(self) -> None:
        if self._is_told:
            _log.info("Redis is heard again")
        self._is_told = False
        self._pause = FIRST_PAUSE

    def _lost(self, error: Exception) -> float:
        """Seconds until the next try."""
        if not self._is_told:
            _log.warn(
                "Redis is not heard: {reason}; what other servers change is seen a tenth of a second later",
                reason=reason_of(error),
            )
        self._is_told = True
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause

    def _within(self, seconds: float, awaitable: Awaitable[Any]) -> "Deferred[Any]":
        return self._begin(awaitable).addTimeout(seconds, self._clock)

    def _quietly(self, awaitable: Awaitable[Any]) -> "Deferred[Any]":
        """What comes of it is known by what is heard."""
        return self._within(PATIENCE, awaitable).addErrback(lambda _: None)
