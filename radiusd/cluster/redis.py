"""Announcements through Redis (PUBLISH and SUBSCRIBE): every server tells all, and every server listens.

Redis keeps none of it. When it is down, hung, emptied or slow, nothing is lost but time: see announcements.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from radiusd.cluster.announcements import Announcements, Listeners, Whose
from radiusd.cluster.hearing import Ear
from radiusd.cluster.publishing import Publisher
from radiusd.cluster.subscribing import PATIENCE, Begin, Client, Subscriber


class ThroughRedis(Announcements):
    """Tells what is announced to this process at once and to all others through Redis.

    `sender` is a name that no other server has; `drop` is told, in a few words, of what is no announcement.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        sender: str,
        listeners: Listeners,
        drop: Callable[[str], None],
        begin: Begin,
        clock: IReactorTime,
    ) -> None:
        self._client = client
        self._listeners = listeners
        self._ear = Ear(sender, listeners, drop)
        self._begin = begin
        self._clock = clock
        channel = f"{prefix}announcements"
        self._publisher = Publisher(lambda octets: begin(client.publish(channel, octets)), sender, clock)
        self._subscriber = Subscriber(client, channel, self._ear.hear, begin, clock)

    def look(self) -> None:
        """Tell all others."""
        self._publisher.look()

    def balance(self, whose: Whose) -> None:
        """Tell whoever shows it here, and all others."""
        self._listeners.balance(whose)
        self._publisher.balance(whose)

    def start(self) -> None:
        """Begin to listen."""
        self._subscriber.start()

    def stop(self) -> "Deferred[None]":
        """Close every connection, or leave it after a while."""
        self._publisher.stop()
        return self._subscriber.stop().addCallback(self._close)

    def _close(self, _: object) -> "Deferred[None]":
        closed = self._begin(self._client.aclose()).addTimeout(PATIENCE, self._clock)
        return closed.addErrback(lambda _: None)


def in_event_loop(awaitable: Awaitable[Any]) -> "Deferred[Any]":
    """Run what redis.asyncio gives in the event loop under the asyncio reactor, which must be running."""
    task = asyncio.ensure_future(awaitable)
    # Not Deferred.fromFuture: when that is cancelled it waits until the task has seen to it, and there is a limit.
    result: Deferred[Any] = Deferred(lambda _: _end(task))

    def done(ended: "asyncio.Future[Any]") -> None:
        error = CancelledError() if ended.cancelled() else ended.exception()
        if result.called:
            return
        if error is None:
            result.callback(ended.result())
        else:
            result.errback(error)

    task.add_done_callback(done)
    return result


def _end(task: "asyncio.Future[Any]") -> None:
    task.cancel()


def open_client(url: str, password: str | None) -> Client:
    """A client that has not connected yet, and repeats nothing: when to try again is decided here."""
    client = Redis.from_url(
        url,
        password=password,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        driver_info=None,
    )
    return cast(Client, client)
