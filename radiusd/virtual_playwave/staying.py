"""Passing time in a game."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from radiusd.virtual_playwave.game_server import Playing


def pause(clock: Any, seconds: float) -> "Deferred[None]":
    """Fires so much later."""
    return deferLater(clock, seconds, lambda: None)


async def stay(clock: Any, playing: Playing, seconds: float) -> bool:
    """Whether the game went on for so long; comes back as soon as it is over."""
    time = pause(clock, seconds)
    playing.when_over().addCallback(lambda _: time.cancel())
    try:
        await time
    except CancelledError:
        return False
    return playing.over is None
