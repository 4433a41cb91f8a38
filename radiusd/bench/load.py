"""How much a server can take: rounds of the same loads, on every store, a peer in turn with ours."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from attrs import define, evolve, field, frozen

from radiusd.app import wall_clock
from radiusd.bench import peer as peers
from radiusd.bench.figures import Figures, Ratio, median_of, ratio
from radiusd.bench.filling import DEVICES, fill
from radiusd.bench.generators import REQUESTS_OF_A_SESSION, Generator, Load, Target
from radiusd.bench.processes import cpu_seconds
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store.database import Database
from radiusd.vault import Vault, make_key_file, read_key_file

OURS = "icafe-radiusd"
LOGINS_BEFORE = {"auth-pap", "auth-chap", "acct"}
"""Before these everybody logs in, unmeasured: so devices that log in are known, and what is counted has begun."""
_PROBE = 2000  # requests that tell how many fill the seconds wanted


class Shows(Protocol):
    """Who is told how far it is."""

    def expect(self, runs: int) -> None: ...
    def doing(self, what: str) -> None: ...
    def one_done(self) -> None: ...
    def filling(self, done: int, total: int) -> None: ...


@frozen(kw_only=True)
class Plan:
    """What to measure. Where `seconds` are given, a run has as many requests as ours answers in that time."""

    scenarios: tuple[str, ...]
    rounds: int
    requests: int
    seconds: float | None
    users: int
    in_flight: int
    peer_script: Path | None

    def sessions(self, scenario: str, requests: float) -> int:
        """How many sessions make about so many requests; no user has more devices than the package allows."""
        return max(1, min(int(requests) // REQUESTS_OF_A_SESSION[scenario], self.users * DEVICES))

    @property
    def users_are_too_few(self) -> bool:
        """Whether some runs will have fewer requests than were wanted."""
        most = self.users * DEVICES
        return any(self.requests // REQUESTS_OF_A_SESSION[each] > most for each in self.scenarios)


@frozen
class Line:
    """What a line of the table is about."""

    store: str
    server: str
    scenario: str


@frozen(kw_only=True)
class Compared:
    """The median of ours to the peer's, round by round."""

    store: str
    peer: str
    scenario: str
    ratio: Ratio


@define
class Results:
    """Every run, and what they come to."""

    runs: dict[Line, list[Figures]] = field(factory=dict)
    compared: list[Compared] = field(factory=list)

    def medians(self) -> dict[Line, Figures]:
        """One line of the table for each."""
        return {line: median_of(runs) for line, runs in self.runs.items()}

    @property
    def is_clean(self) -> bool:
        """Whether every request of every run got its answer."""
        return all(each.is_clean for runs in self.runs.values() for each in runs)


@frozen(kw_only=True)
class Contestant:
    """A running server; `must_live` raises BenchError when it runs no more.

    `database_pids` is None where the database has no process of its own, or an unknown one.
    """

    name: str
    target: Target
    pids: tuple[int, ...]
    database_pids: tuple[int, ...] | None
    must_live: Callable[[], None]


class Measurement:
    """Makes the runs of one plan on one store after the other; `results` grows with every run."""

    def __init__(self, plan: Plan, generator: Generator, shows: Shows) -> None:
        self._plan = plan
        self._generator = generator
        self._shows = shows
        self._sessions: dict[str, int] = {}
        self.results = Results()

    def on(self, store: Store) -> None:
        """Measure on one store; raises BenchError when that cannot be done."""
        self._sessions.clear()
        with TemporaryDirectory(prefix="icafe-bench.") as name, ExitStack() as running:
            self._fill(store, Path(name))
            contestants = [running.enter_context(self._peer(each)) for each in self._peers(store.name)]
            for number in range(self._plan.rounds):
                self._round(number, store, Path(name), contestants)
            for each in contestants:
                self._compare(store, each)

    def runs_on(self, store_name: str) -> int:
        """How many runs that takes."""
        return self._plan.rounds * len(self._plan.scenarios) * (1 + len(self._peers(store_name)))

    def _peers(self, store_name: str) -> tuple[str, ...]:
        return () if self._plan.peer_script is None else peers.CONFIGURATIONS[store_name]

    def _fill(self, store: Store, folder: Path) -> None:
        users = self._plan.users
        self._shows.doing(f"{store.name}: making {users} guests")
        make_key_file(folder / "key")
        vault = Vault(read_key_file(folder / "key"))
        database = Database(store.url)
        try:
            fill(database, vault, users, wall_clock(), lambda done: self._shows.filling(done, users))
        finally:
            database.close()
        store.filled()

    @contextmanager
    def _peer(self, configuration: str) -> Iterator[Contestant]:
        assert self._plan.peer_script is not None  # noqa: S101 - there are peers only then
        self._shows.doing(f"starting FreeRADIUS ({configuration})")
        with peers.running(self._plan.peer_script, configuration, self._plan.users) as peer:
            yield Contestant(
                name=f"FreeRADIUS {configuration}",
                target=peer.target,
                pids=(peer.pid,),
                database_pids=(peer.database_pid,) if peer.database_pid else None,
                must_live=peer.must_live,
            )

    def _round(self, number: int, store: Store, folder: Path, others: Sequence[Contestant]) -> None:
        """Every scenario once, on a server and a store as they were before the first round."""
        with store.copy() as url, Server(folder, url) as server:
            ours = Contestant(
                name=OURS,
                target=server.target,
                pids=(server.pid,),
                database_pids=store.pids,
                must_live=server.must_live,
            )
            # In every other round the other way about, so that what comes first is not always the same.
            in_turn = [ours, *others] if number % 2 == 0 else [*reversed(others), ours]
            self._decide_how_many(ours)
            for scenario in self._plan.scenarios:
                for each in in_turn:
                    self._shows.doing(f"{store.name}, round {number + 1}: {scenario}, {each.name}")
                    figures = self._measure(each, scenario)
                    self.results.runs.setdefault(Line(store.name, each.name, scenario), []).append(figures)
                    self._shows.one_done()

    def _decide_how_many(self, ours: Contestant) -> None:
        """How many sessions a run has: as many of `requests`, or as ours answers in `seconds`."""
        plan = self._plan
        for scenario in plan.scenarios:
            if scenario not in self._sessions:
                requests = float(plan.requests)
                if plan.seconds is not None:
                    requests = plan.seconds * self._run(ours, scenario, plan.sessions(scenario, _PROBE)).rps
                self._sessions[scenario] = plan.sessions(scenario, requests)

    def _measure(self, contestant: Contestant, scenario: str) -> Figures:
        tag = secrets.token_hex(4)
        sessions = self._sessions[scenario]
        if scenario in LOGINS_BEFORE:
            # Accounting is about the very connections that were let in, a login is a new one.
            self._run(contestant, "auth-pap", sessions, tag if scenario == "acct" else None)
        server, database = contestant.pids, contestant.database_pids
        before, before_in_database = cpu_seconds(server), cpu_seconds(database or ())
        figures = self._run(contestant, scenario, sessions, tag)
        return evolve(
            figures,
            server_cpu=cpu_seconds(server) - before,
            database_cpu=None if database is None else cpu_seconds(database) - before_in_database,
        )

    def _run(self, contestant: Contestant, scenario: str, sessions: int, tag: str | None = None) -> Figures:
        load = Load(
            scenario=scenario,
            sessions=sessions,
            users=self._plan.users,
            in_flight=self._plan.in_flight,
            tag=tag or secrets.token_hex(4),
        )
        figures = self._generator.run(contestant.target, load, contestant.must_live)
        contestant.must_live()
        return figures

    def _compare(self, store: Store, other: Contestant) -> None:
        runs = self.results.runs
        for scenario in self._plan.scenarios:
            ours = runs[Line(store.name, OURS, scenario)]
            found = ratio(ours, runs[Line(store.name, other.name, scenario)])
            if found is not None:
                self.results.compared.append(
                    Compared(store=store.name, peer=other.name, scenario=scenario, ratio=found)
                )
