"""PC-sync under load: logouts in a busy café, a chain that closes, guessed passwords, clients that mean ill."""

import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from radiusd.bench.pc_figures import Outcome, Results
from radiusd.bench.pc_hostile import Hostile
from radiusd.bench.pc_logins import WrongLogins, pc_system
from radiusd.bench.pc_logout import Logouts
from radiusd.bench.pc_stage import Stage, staged
from radiusd.bench.pc_storm import Storm, shares
from radiusd.bench.pc_town import Size
from radiusd.bench.processes import free_ports
from radiusd.bench.stores import Store

PARTS = ("logout", "storm", "storm-killed", "logins", "hostile")
_BESIDE_USERS = 2000
_FEW = 50
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@frozen(kw_only=True)
class Plan:
    """What to measure: which parts, how often, and how large.

    `rate` are the RADIUS requests a second beside everything; `seconds` is how long anything is watched.
    """

    parts: tuple[str, ...] = PARTS
    rounds: int = 1
    sessions: int = 1000
    logouts: int = 400
    logout_rate: float = 20
    rate: float = 500
    before: float = 8
    events: int = 5000
    branches: int = 50
    login_rate: float = 200
    seconds: float = 20

    @property
    def beside_users(self) -> int:
        """So many that nobody has too many connections."""
        return max(20, min(_BESIDE_USERS, int(self.rate * 4)))


class PcSync:
    """Runs the parts of a plan, each with a server and a store of its own; `results` grows."""

    def __init__(
        self, reactor: Any, plan: Plan, new_store: Callable[[Path], AbstractContextManager[Store]], shows: Any
    ) -> None:
        self._reactor = reactor
        self._plan = plan
        self._new_store = new_store
        self._shows = shows
        self.results = Results()

    async def run(self) -> None:
        """All parts, round by round."""
        plan = self._plan
        self._shows.expect(plan.rounds * len(plan.parts))
        for _ in range(plan.rounds):
            for part in plan.parts:
                with TemporaryDirectory(prefix="icafe-bench.") as name, self._new_store(Path(name)) as store:
                    outcome = await _PLAYED[part](self, store, Path(name))
                self.results.runs.setdefault(part, []).append(outcome)
                self._shows.one_done()

    async def logout(self, store: Store, folder: Path) -> Outcome:
        """See pc_logout."""
        plan = self._plan
        guests = plan.sessions + plan.logouts
        async with self._staged(store, folder, _shared(guests, 4)) as stage:
            return await Logouts(stage, plan.logouts, plan.logout_rate, plan.before).run()

    async def storm(self, store: Store, folder: Path) -> Outcome:
        """See pc_storm."""
        plan = self._plan
        async with self._staged(store, folder, shares(plan.events, plan.branches)) as stage:
            return await Storm(stage, plan.before).run()

    async def storm_killed(self, store: Store, folder: Path) -> Outcome:
        """See pc_storm."""
        plan = self._plan
        async with self._staged(store, folder, shares(plan.events, plan.branches)) as stage:
            return await Storm(stage, plan.before, is_killed=True).run()

    async def logins(self, store: Store, folder: Path) -> Outcome:
        """See pc_logins."""
        plan, port = self._plan, free_ports(1)[0]
        self._shows.doing("starting a virtual PC system")
        with pc_system(folder, port):
            async with self._staged(store, folder, [_FEW], api_url=f"http://127.0.0.1:{port}") as stage:
                return await WrongLogins(stage, plan.login_rate, plan.seconds).run()

    async def hostile(self, store: Store, folder: Path) -> Outcome:
        """See pc_hostile."""
        plan = self._plan
        async with self._staged(store, folder, [_FEW]) as stage:
            return await Hostile(stage, plan.logout_rate, plan.before, plan.seconds).run()

    def _staged(
        self, store: Store, folder: Path, guests: Sequence[int], **more: Any
    ) -> AbstractAsyncContextManager[Stage]:
        plan = self._plan
        size = Size(guests=guests, beside=plan.beside_users, coa_port=free_ports(1)[0], **more)
        return staged(self._reactor, store, folder, size, plan.rate, self._shows)


_PLAYED: dict[str, Callable[[PcSync, Store, Path], Awaitable[Outcome]]] = {
    "logout": PcSync.logout,
    "storm": PcSync.storm,
    "storm-killed": PcSync.storm_killed,
    "logins": PcSync.logins,
    "hostile": PcSync.hostile,
}


def _shared(guests: int, branches: int) -> list[int]:
    """So many for each branch."""
    return [guests // branches + (number < guests % branches) for number in range(branches)]


def measure(plan: Plan, new_store: Callable[[Path], AbstractContextManager[Store]], shows: Any) -> Results:
    """Run it all; `new_store` gives an empty store within `with`. Raises BenchError."""
    from twisted.internet import reactor as twisted_reactor  # noqa: PLC0415 - it is installed by being imported

    reactor: Any = twisted_reactor
    playing = PcSync(reactor, plan, new_store, shows)
    came: list[Any] = []
    done = Deferred.fromCoroutine(playing.run())
    done.addBoth(came.append)
    done.addBoth(lambda _: reactor.callLater(0, reactor.stop))
    with _cancelled_by_signals(reactor, done):
        reactor.run(installSignalHandlers=False)
    (result,) = came
    if isinstance(result, Failure):
        result.raiseException()
    return playing.results


@contextmanager
def _cancelled_by_signals(reactor: Any, done: "Deferred[Any]") -> Iterator[None]:
    """What a signal's handler raises, the reactor would only log: so the run is cancelled, and ends us afterwards."""
    came: list[int] = []

    def cancel(number: int, _: FrameType | None) -> None:
        came.append(number)
        reactor.callFromThread(done.cancel)

    usual = {each: signal.signal(each, cancel) for each in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        if came:
            raise SystemExit(128 + came[0])
