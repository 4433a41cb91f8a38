"""Plays against a real server over sockets, telling what happens as it happens."""

import random
import time
from collections.abc import Callable, Coroutine
from typing import Any

import click
from attrs import frozen
from treq.client import HTTPClient
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool

from radiusd.virtual_playwave.contract import flaws
from radiusd.virtual_playwave.evening import Evening
from radiusd.virtual_playwave.expecting import summary
from radiusd.virtual_playwave.game_server import EVERY, GameServer
from radiusd.virtual_playwave.judging import Judge
from radiusd.virtual_playwave.launcher import Account, Launcher, pc
from radiusd.virtual_playwave.paths import GAME, GAME_SHORT, LAUNCHER, LAUNCHER_SHORT
from radiusd.virtual_playwave.play import Play
from radiusd.virtual_playwave.settings import Settings
from radiusd.virtual_playwave.stage import Plan, Stage
from radiusd.virtual_playwave.steps import Step
from radiusd.virtual_playwave.telling import tell
from radiusd.virtual_playwave.wire import Wire

_KEPT = 20


@frozen(kw_only=True)
class PlayPlan:
    """What `play` was told."""

    settings: Settings
    minutes: float
    speed: float
    pc: int
    user: str | None
    is_short: bool


def say(words: str, colour: str | None = None) -> None:
    """One line, with the time."""
    stamp = time.strftime("%H:%M:%S")
    click.echo(f"{stamp}  {click.style(words, fg=colour) if colour else words}")


def http(reactor: Any) -> HTTPClient:
    """Connections of one machine's own."""
    pool = HTTPConnectionPool(reactor)
    # Every request goes over the wire once, and on no connection that the server is about to close.
    pool.retryAutomatically = False
    pool.cachedConnectionTimeout = _KEPT
    return HTTPClient(Agent(reactor, pool=pool))


class _Journal:
    """Tells every request, and counts what was not as agreed."""

    def __init__(self) -> None:
        self.broken = 0

    def hear(self, step: Step) -> None:
        say(tell(step), "green" if step.answer.is_success else "red")
        for each in flaws(step):
            self.broken += 1
            say(f"   not as agreed: {each}", "red")


def run_play(plan: PlayPlan) -> bool:
    """Whether one guest's game went well."""
    journal = _Journal()
    went_well = run(lambda reactor: _play(reactor, plan, journal).run()) is True and not journal.broken
    say("the game went well" if went_well else "the game did not go well", "green" if went_well else "red")
    return went_well


def run(work: "Callable[[Any], Coroutine[Any, Any, Any]]") -> Any:
    """What comes of it, in a reactor of its own; None if it broke off."""
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    results: list[Any] = []
    done = Deferred.fromCoroutine(work(reactor))
    done.addCallbacks(results.append, lambda failure: click.echo(failure.getTraceback(), err=True))
    done.addBoth(lambda _: reactor.callLater(0, reactor.stop))
    reactor.run()
    return results[0] if results else None


def run_evening(plan: Plan, seed: int, progress: Callable[[int, int], None]) -> dict[str, Any] | None:
    """What one evening came to; None if it broke off."""

    def work(reactor: Any) -> Coroutine[Any, Any, Judge]:
        chance = random.Random(seed)  # noqa: S311 - an evening that can be had again
        stage = Stage(plan, reactor, chance, time.time, lambda: http(reactor), nonces=random.SystemRandom())
        return Evening(stage, progress).run()

    judge = run(work)
    return None if judge is None else summary(judge)


def _play(reactor: Any, plan: PlayPlan, journal: _Journal) -> Play:
    settings = plan.settings
    account = Account(settings.launcher_id, settings.launcher_secret)
    every = None if plan.speed == 1 else EVERY / plan.speed
    launcher = Launcher(
        Wire(http(reactor), reactor, settings.server),
        account,
        pc(plan.pc, plan.user),
        random.SystemRandom(),
        time.time,
        journal.hear,
        every=every,
        paths=LAUNCHER_SHORT if plan.is_short else LAUNCHER,
    )
    server = GameServer(
        Wire(http(reactor), reactor, settings.server),
        settings.api_key,
        journal.hear,
        every=every,
        paths=GAME_SHORT if plan.is_short else GAME,
    )
    return Play(
        clock=reactor,
        launcher=launcher,
        server=server,
        game_id=settings.game_id,
        user_id=str(random.SystemRandom().randrange(10**6, 10**9)),
        seconds=plan.minutes * 60 / plan.speed,
        say=lambda words: say(f"   {words}"),
    )
