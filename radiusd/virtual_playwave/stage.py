"""A café's launchers and a studio's game servers, each with a network of its own, and a judge who hears them all."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from radiusd.virtual_playwave.game_server import GameServer
from radiusd.virtual_playwave.habits import Habit
from radiusd.virtual_playwave.judging import Judge
from radiusd.virtual_playwave.launcher import Account, Launcher, pc
from radiusd.virtual_playwave.losing import Losing
from radiusd.virtual_playwave.paths import GAME, GAME_SHORT, GAME_SHORT_V1, LAUNCHER, LAUNCHER_SHORT
from radiusd.virtual_playwave.seen import Rules
from radiusd.virtual_playwave.settings import Settings
from radiusd.virtual_playwave.staying import pause
from radiusd.virtual_playwave.steps import Step, Told, untold
from radiusd.virtual_playwave.wire import PATIENCE, Http, Wire

_FAR = 0.3


@frozen(kw_only=True)
class Plan:
    """`heartbeat` is what the server expects; `pace`, if given, is how often heartbeats come really.

    `loss` is the share of requests that are lost on their way or on their way back.
    """

    settings: Settings
    players: int = 100
    pcs: int = 50
    servers: int = 4
    heartbeat: float = 120.0
    pace: float | None = None
    rules: Rules = field(factory=Rules)
    loss: float = 0.02
    omitted: frozenset[Habit] = frozenset()

    @property
    def cycle(self) -> float:
        """Seconds from one heartbeat to the next."""
        return self.heartbeat if self.pace is None else self.pace

    @property
    def every(self) -> float | None:
        """What clients wait, None for as long as the server says."""
        return None if self.pace is None and self.heartbeat == 120 else self.cycle


@define(eq=False)
class Instance:
    """A game server and the network between it and the server."""

    server: GameServer
    network: Losing
    is_down: "list[Deferred[None]]" = field(factory=list)
    went_down: bool = False

    def when_down(self) -> "Deferred[None]":
        """Fires once it has crashed or was shut down."""
        found: Deferred[None] = Deferred()
        if self.went_down:
            found.callback(None)
        else:
            self.is_down.append(found)
        return found

    def go_down(self) -> None:
        """Tell who waits for it."""
        self.went_down = True
        waiting, self.is_down = self.is_down, []
        for each in waiting:
            each.callback(None)


class Stage:
    """The café's PCs and the game servers; `http` makes a machine's own connections."""

    def __init__(
        self,
        plan: Plan,
        clock: Any,
        random: Random,
        now: Callable[[], float],
        http: Callable[[], Http],
        told: Told = untold,
        *,
        nonces: Random | None = None,
    ) -> None:
        self.plan = plan
        self.clock = clock
        self.random = random
        self.judge = Judge(plan.rules)
        # An evening that is had again needs new nonces: a server refuses those it has seen.
        self._nonces = random if nonces is None else nonces
        self._now = now
        self._http = http
        self._told = told
        paths = (GAME, GAME_SHORT, GAME_SHORT_V1)
        named = [f"game-{number}" for number in range(1, plan.servers + 1)]
        self.open = [self._instance(name, plan.loss, paths[at % 3]) for at, name in enumerate(named)]
        self.far = self._instance("game-far", _FAR, GAME)
        self.crashing = self._instance("game-crashing", plan.loss, GAME)
        self.closing = self._instance("game-closing", plan.loss, GAME)
        self.careful = self._instance("auditor", 0.0, GAME)

    def _instance(self, name: str, loss: float, paths: Any) -> Instance:
        network = Losing(self._http(), self.random, loss)
        wire, settings = self._wire(network), self.plan.settings
        server = GameServer(wire, settings.api_key, self._hear, name=name, every=self.plan.every, paths=paths)
        return Instance(server, network)

    def launcher(self, number: int) -> Launcher:
        """A PC's."""
        settings = self.plan.settings
        return Launcher(
            self._wire(Losing(self._http(), self.random, self.plan.loss)),
            Account(settings.launcher_id, settings.launcher_secret),
            pc(number),
            self._nonces,
            self._now,
            self._hear,
            every=self.plan.every,
            paths=LAUNCHER_SHORT if number % 3 == 0 else LAUNCHER,
        )

    def _wire(self, http: Http) -> Wire:
        return Wire(http, self.clock, self.plan.settings.server, min(PATIENCE, max(2.0, self.plan.cycle / 2)))

    def _hear(self, step: Step) -> None:
        self.judge.hear(step)
        self._told(step)

    def anywhere(self) -> Instance:
        """One of the game servers that go through the evening."""
        return self.random.choice(self.open)

    def pause(self, cycles: float) -> "Deferred[None]":
        """So many cycles later."""
        return pause(self.clock, cycles * self.plan.cycle)
