"""A Redis of a few lines, and servers that speak through it: no sockets, and only a clock that a test turns."""

from collections.abc import Awaitable
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.task import Clock

from radiusd.cluster.announcements import Listeners, Whose
from radiusd.cluster.redis import ThroughRedis

CHANNEL = "icafe:announcements"


class FakeRedis:
    """Gives what is published to every subscription; it can be down, hung, or refuse with an error."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.subscriptions: list[FakeSubscription] = []
        self.asked = 0
        self.is_hung = False
        self.confirms = True
        self.error: Exception | None = None

    async def answer(self) -> None:
        """Return when it answers, if ever."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.is_hung:
            await Deferred()

    def die(self) -> None:
        """Close every connection and take no new one."""
        self.error = RedisConnectionError("Error 111 connecting to 127.0.0.1:6379. Connection refused.")
        for each in list(self.subscriptions):
            each.messages.put(self.error)

    def come_back(self) -> None:
        self.error, self.is_hung = None, False

    def say(self, octets: object) -> None:
        """Publish whatever it is, as anybody may."""
        for each in list(self.subscriptions):
            each.messages.put({"type": "message", "data": octets})

    @property
    def open_subscriptions(self) -> int:
        return sum(not each.is_closed for each in self.subscriptions)


class FakeClient:
    """What redis.asyncio.Redis is asked."""

    def __init__(self, redis: FakeRedis) -> None:
        self._redis = redis
        self.is_closed = False
        self.pings = 0

    async def publish(self, channel: str, message: bytes) -> int:
        assert channel == CHANNEL
        await self._redis.answer()
        self._redis.published.append(message)
        self._redis.say(message)
        return len(self._redis.subscriptions)

    async def ping(self) -> bool:
        self.pings += 1
        await self._redis.answer()
        return True

    def pubsub(self) -> "FakeSubscription":
        return FakeSubscription(self._redis)

    async def aclose(self) -> None:
        self.is_closed = True


class FakeSubscription:
    """What redis.asyncio.client.PubSub is asked."""

    def __init__(self, redis: FakeRedis) -> None:
        self._redis = redis
        self.messages: DeferredQueue[Any] = DeferredQueue()
        self.is_closed = False
        redis.subscriptions.append(self)

    async def subscribe(self, *channels: str) -> None:
        assert channels == (CHANNEL,)
        await self._redis.answer()
        if self._redis.confirms:
            self.messages.put({"type": "subscribe", "data": 1})

    async def get_message(self, *, timeout: float | None) -> dict[str, Any] | None:
        assert timeout is None
        message: dict[str, Any] | Exception = await self.messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def ping(self) -> None:
        await self._redis.answer()
        self.messages.put({"type": "pong", "data": b""})

    async def aclose(self) -> None:
        self.is_closed = True
        self._redis.subscriptions.remove(self)


def begin(awaitable: Awaitable[Any]) -> "Deferred[Any]":
    """Run what the fake gives; it waits for nothing but Deferreds."""
    return Deferred.fromCoroutine(awaitable)  # type: ignore[arg-type]


class Server:
    """One server's announcements, and what it heard."""

    def __init__(self, redis: FakeRedis, clock: Clock, sender: str) -> None:
        self.looks = 0
        self.fails = False
        self.balances: list[Whose] = []
        self.dropped: list[str] = []
        self.client = FakeClient(redis)
        self.announcements = ThroughRedis(
            self.client,
            "icafe:",
            sender,
            Listeners(self._look, self.balances.append),
            self.dropped.append,
            begin,
            clock,
        )
        self.announcements.start()

    def _look(self) -> None:
        if self.fails:
            raise RuntimeError
        self.looks += 1
