"""A café and a studio without sockets, on a clock that is turned by hand."""

from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from radiusd.virtual_playwave.game_server import GameServer, Playing
from radiusd.virtual_playwave.launcher import Account, Launcher, pc
from radiusd.virtual_playwave.steps import Step, What
from radiusd.virtual_playwave.wire import Wire
from tests.virtual_playwave.standin import BEGAN, GAME_ID, KEY, LAUNCHER_ID, SECRET, Seen, Standin

_T = TypeVar("_T")
ACCOUNT = Account(LAUNCHER_ID, SECRET)


class Connection:
    """HTTP to the stand-in; what is in `trouble` is raised, one for each request, and None is no answer at all."""

    def __init__(self, standin: Standin) -> None:
        self.trouble: list[Exception | None] = []
        self._stub = StubTreq(standin)  # type: ignore[no-untyped-call]

    def request(self, method: str, url: str, **more: Any) -> "Deferred[Any]":
        if self.trouble:
            trouble = self.trouble.pop(0)
            failed: Deferred[Any] = Deferred()
            if trouble is not None:
                failed.errback(trouble)
            return failed
        del more["reactor"]
        asked: Deferred[Any] = self._stub.request(method, url, **more)  # type: ignore[attr-defined]
        return asked


class Studio:
    """One PC's launcher, and game servers as many as are asked for."""

    def __init__(self) -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.standin = Standin(self.clock)
        self.connection = Connection(self.standin)
        self.steps: list[Step] = []
        self.launcher = self.launcher_of(1)
        self.server = self.game_server()

    def now(self) -> float:
        return BEGAN + float(self.clock.seconds())

    def launcher_of(self, number: int, **more: Any) -> Launcher:
        return Launcher(self.wire(), more.pop("account", ACCOUNT), pc(number), Random(number), self.now,
                        self.steps.append, **more)  # fmt: skip

    def game_server(self, key: str = KEY, **more: Any) -> GameServer:
        return GameServer(self.wire(), key, self.steps.append, **more)

    def wire(self) -> Wire:
        return Wire(self.connection, self.clock, "http://127.0.0.1:8080")

    def turn(self, seconds: float) -> None:
        """Let time pass, stopping wherever something is due."""
        until = self.clock.seconds() + seconds
        while True:
            due = min((each.getTime() for each in self.clock.getDelayedCalls()), default=until)
            if due >= until:
                break
            self.clock.advance(due - self.clock.seconds())  # type: ignore[no-untyped-call]
        self.clock.advance(until - self.clock.seconds())  # type: ignore[no-untyped-call]

    def result(self, wish: "Coroutine[Any, Any, _T]", seconds: float = 0.0) -> _T:
        """What comes of it within so many seconds."""
        came: list[_T] = []
        Deferred.fromCoroutine(wish).addCallback(came.append)
        if not came:
            self.turn(seconds)
        (found,) = came
        return found

    def token(self, launcher: Launcher | None = None) -> str:
        """A one-time token of a launcher that has started and lives."""
        launcher = self.launcher if launcher is None else launcher
        assert self.result(launcher.start()).is_success
        launcher.keep_alive()
        return self.result(launcher.ott(GAME_ID)).text("ott")

    def played(self, server: GameServer | None = None) -> Playing:
        """Somebody who plays."""
        joined = self.result((server or self.server).join("1234567", self.token()))
        assert isinstance(joined, Playing)
        return joined

    def seen(self, path: str) -> list[Seen]:
        """The requests whose path ends so."""
        return [each for each in self.standin.seen if each.path.endswith(path)]

    def told(self, what: What) -> list[Step]:
        return [each for each in self.steps if each.what is what]
