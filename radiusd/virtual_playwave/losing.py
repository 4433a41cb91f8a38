"""A network that loses requests and answers."""

from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost

from radiusd.virtual_playwave.wire import Http


class Losing:
    """HTTP by `http`, of which a `share` is lost: the request in half of the cases, in the other half its answer."""

    def __init__(self, http: Http, random: Random, share: float) -> None:
        self.share = share
        self._http = http
        self._random = random
        self._loses_next = False

    def lose_next_answer(self) -> None:
        """Of the next request, which is carried out."""
        self._loses_next = True

    def request(self, method: str, url: str, **more: Any) -> "Deferred[Any]":
        """The response, or ConnectionLost."""
        chance = self._random.random()
        if not self._loses_next and chance < self.share / 2:
            return fail(ConnectionLost())
        is_lost = self._loses_next or chance < self.share
        self._loses_next = False
        asked = self._http.request(method, url, **more)
        return asked.addCallback(_lose) if is_lost else asked


async def _read(response: Any) -> None:
    await response.content()


def _lose(response: Any) -> "Deferred[Any]":
    # Read all the same, so that its connection can serve again.
    read = Deferred.fromCoroutine(_read(response))
    return read.addBoth(lambda _: fail(ConnectionLost()))
