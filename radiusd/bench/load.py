"""How much a server can take: rounds of the same loads, on every store, FreeRADIUS in turn with ours."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from attrs import define, evolve, field, frozen

from radiusd.app import wall_clock
from radiusd.bench import freeradius
from radiusd.bench.chain import Chain
from radiusd.bench.figures import Figures, Ratio, median_of, ratio
from radiusd.bench.filling import fill_chain
from radiusd.bench.generators import FIRST, INTERIMS, REQUESTS_OF_A_SESSION, Generator, Load, Target
from radiusd.bench.processes import cpu_seconds
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store.database import Database
from radiusd.vault import Vault, make_key_file, read_key_file

OURS = "icafe-radiusd"
AT_PEERS_RATE = " at the peer's rate"
_OF_KNOWN_DEVICES = {"auth-pap", "auth-chap"}
_ENDS_SESSIONS = {"acct", "mixed"}
_LOGINS = (FIRST, "auth-pap", "auth-chap")
_PACED = ("auth-pap", "acct")


class Shows(Protocol):
    """Who is told how far it is."""

    def expect(self, runs: int) -> None: ...
    def doing(self, what: str) -> None: ...
    def one_done(self) -> None: ...
    def filling(self, done: int, total: int) -> None: ...


@frozen(kw_only=True)
class Plan:
    """What to measure.

    `workers` says how many processes ours has, each number in turn. With a peer, ours is also measured at the rate at
    which the peer answered.
    """

    scenarios: tuple[str, ...]
    rounds: int
    requests: int
    users: int
    in_flight: int
    workers: tuple[int, ...] = (1,)
    with_peer: bool = False

    @property
    def chain(self) -> Chain:
        """Whose guests are in the store."""
        return Chain.of(self.users)

    def sessions(self, scenario: str) -> int:
        """How many sessions make about so many requests; everybody comes for the first time once."""
        count = max(1, self.requests // REQUESTS_OF_A_SESSION[scenario])
        return min(count, self.chain.users) if scenario == FIRST else count


def name_of(workers: int) -> str:
    """What ours is called in tables."""
    return OURS if workers == 1 else f"{OURS}, {workers} workers"


def _can(configuration: str, scenario: str) -> bool:
    # What answers accounting without storing it is no measure for what stores it.
    return configuration != freeradius.MEMORY or scenario in _LOGINS


def name_of_peer(configuration: str) -> str:
    """What FreeRADIUS is called in tables."""
    return f"FreeRADIUS {configuration}"


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
    server: str
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

    def note(self, line: Line, figures: Figures) -> None:
        """A run more."""
        self.runs.setdefault(line, []).append(figures)

    @property
    def lost(self) -> int:
        """What was not answered, or not as it should have been, by whomever."""
        return sum(each.lost + each.wrong for runs in self.runs.values() for each in runs)

    @property
    def is_clean(self) -> bool:
        """Whether every request of every run got its answer."""
        return self.lost == 0


@define(kw_only=True, eq=False)
class Contestant:
    """A running server; `must_live` raises BenchError when it runs no more.

    `database_pids` is None where the database has no process of its own, or an unknown one. `next_id` is where the
    Acct-Session-Ids go on, so that every login is a new one. `does` says whether a scenario makes sense for it.
    `knows_devices` while all are logged in, `has_seen_all_leave` once each was here and logged out.
    """

    name: str
    target: Target
    pids: tuple[int, ...]
    database_pids: tuple[int, ...] | None
    must_live: Callable[[], None]
    does: Callable[[str], bool] = lambda _: True
    knows_devices: bool = False
    has_seen_all_leave: bool = False
    next_id: int = 1


@frozen
class _Filled:
    """The stores of ours and of the peer."""

    ours: Store
    peers: Store | None


class Measurement:
    """Makes the runs of one plan on one store after the other; `results` grows with every run."""

    def __init__(self, plan: Plan, generator: Generator, shows: Shows) -> None:
        self._plan = plan
        self._generator = generator
        self._shows = shows
        self.results = Results()

    def on(self, store: Store) -> None:
        """Measure on one store; raises BenchError when that cannot be done."""
        with TemporaryDirectory(prefix="icafe-bench.") as name, ExitStack() as stack:
            filled = _Filled(store, stack.enter_context(store.another()) if self._plan.with_peer else None)
            self._fill(filled, Path(name))
            for number in range(self._plan.rounds):
                self._round(number, filled, Path(name))
            self._compare(store.name)

    def runs_on(self, store_name: str) -> int:
        """How many runs that takes."""
        plan, ours = self._plan, len(self._plan.workers)
        peers = sum(_can(peer, scenario) for peer in self._peers(store_name) for scenario in plan.scenarios)
        paced = ours * len([each for each in _PACED if each in plan.scenarios]) if plan.with_peer else 0
        return plan.rounds * (len(plan.scenarios) * ours + peers + paced)

    def _peers(self, store_name: str) -> tuple[str, ...]:
        return freeradius.CONFIGURATIONS[store_name] if self._plan.with_peer else ()

    def _fill(self, filled: _Filled, folder: Path) -> None:
        chain, store = self._plan.chain, filled.ours
        self._shows.doing(f"{store.name}: making {chain.users} guests")
        make_key_file(folder / "key")
        vault = Vault(read_key_file(folder / "key"))
        database = Database(store.url)
        try:
            fill_chain(database, vault, chain, wall_clock(), lambda done: self._shows.filling(done, chain.users))
        finally:
            database.close()
        store.filled()
        if filled.peers is not None:
            self._shows.doing(f"{store.name}: the same for FreeRADIUS")
            told = self._shows.filling
            freeradius.fill(freeradius.find(), filled.peers, chain, lambda done: told(done, chain.users))

    def _round(self, number: int, filled: _Filled, folder: Path) -> None:
        """Every scenario once, on servers and stores as they were before the first round."""
        with ExitStack() as running:
            ours = [running.enter_context(self._ours(filled.ours, folder, each)) for each in self._plan.workers]
            peers = [running.enter_context(self._peer(filled, folder, each)) for each in self._peers(filled.ours.name)]
            in_turn = [*ours, *peers]
            # In every other round the other way about, so that what comes first is not always the same.
            if number % 2:
                in_turn.reverse()
            for scenario in self._plan.scenarios:
                for each in [each for each in in_turn if each.does(scenario)]:
                    self._measure(number, filled.ours.name, each, scenario)
                if peers and scenario in _PACED:
                    self._measure_at_the_rate_of(peers[0], ours, number, filled.ours.name, scenario)

    @contextmanager
    def _ours(self, store: Store, folder: Path, workers: int) -> Iterator[Contestant]:
        with store.copy() as url, Server(folder, url, workers, f"radiusd-{workers}") as server:
            yield Contestant(
                name=name_of(workers),
                target=server.target,
                pids=(server.pid,),
                database_pids=store.pids,
                must_live=server.must_live,
            )

    @contextmanager
    def _peer(self, filled: _Filled, folder: Path, configuration: str) -> Iterator[Contestant]:
        assert filled.peers is not None  # noqa: S101 - there are peers only then
        with (
            filled.peers.copy() as url,
            TemporaryDirectory(dir=folder) as name,
            freeradius.running(freeradius.find(), configuration, Path(name), url, self._plan.chain) as peer,
        ):
            yield Contestant(
                name=name_of_peer(configuration),
                target=peer.target,
                pids=(peer.pid,),
                database_pids=filled.ours.pids,
                must_live=peer.must_live,
                does=partial(_can, configuration),
            )

    def _measure(self, number: int, store: str, contestant: Contestant, scenario: str) -> None:
        self._shows.doing(f"{store}, round {number + 1}: {scenario}, {contestant.name}")
        self._make_ready(contestant, scenario)
        figures = self._counted(contestant, scenario, rate=0)
        contestant.knows_devices = scenario not in _ENDS_SESSIONS
        self.results.note(Line(store, contestant.name, scenario), figures)
        self._shows.one_done()

    def _make_ready(self, contestant: Contestant, scenario: str) -> None:
        """Not measured: that devices are logged in, or that no login is left of which nothing more was heard."""
        users = self._plan.chain.users
        if scenario in _OF_KNOWN_DEVICES and not contestant.knows_devices:
            self._run(contestant, FIRST, users)
        elif scenario == "acct" and not contestant.has_seen_all_leave:
            self._run(contestant, "mixed", users, interims=0)
            contestant.has_seen_all_leave = True

    def _measure_at_the_rate_of(
        self, peer: Contestant, ours: Sequence[Contestant], number: int, store: str, scenario: str
    ) -> None:
        """What a guest waits at ours when it has as much to do as the peer could do at most."""
        peak = self.results.runs[Line(store, peer.name, scenario)][-1].rps
        for each in ours:
            self._shows.doing(f"{store}, round {number + 1}: {scenario}{AT_PEERS_RATE}, {each.name}")
            rate = max(1, int(peak / REQUESTS_OF_A_SESSION[scenario]))
            self.results.note(Line(store, each.name, scenario + AT_PEERS_RATE), self._counted(each, scenario, rate))
            self._shows.one_done()

    def _counted(self, contestant: Contestant, scenario: str, rate: int) -> Figures:
        """A run, and the CPU time it took."""
        server, database = contestant.pids, contestant.database_pids
        before, before_in_database = cpu_seconds(server), cpu_seconds(database or ())
        figures = self._run(contestant, scenario, self._plan.sessions(scenario), rate)
        return evolve(
            figures,
            server_cpu=cpu_seconds(server) - before,
            database_cpu=None if database is None else cpu_seconds(database) - before_in_database,
        )

    def _run(
        self, contestant: Contestant, scenario: str, sessions: int, rate: int = 0, interims: int = INTERIMS
    ) -> Figures:
        chain = self._plan.chain
        load = Load(
            scenario=scenario,
            sessions=sessions,
            chain=chain,
            devices=chain.users,
            # A closed loop waits with as many as are told; an open one must never have to wait for itself.
            in_flight=4096 if rate else self._plan.in_flight,
            first_id=contestant.next_id,
            rate=rate,
            interims=interims,
        )
        # So many times every device came; each time it had an Acct-Session-Id of its own.
        contestant.next_id += chain.users_of_a_router * -(-sessions // chain.users)
        figures = self._generator.run(contestant.target, load, contestant.must_live)
        contestant.must_live()
        return figures

    def _compare(self, store: str) -> None:
        for line, ours in list(self.results.runs.items()):
            if line.store != store or not line.server.startswith(OURS):
                continue
            # The peer's rate is that of the first: the one with the same database.
            paced = line.scenario.endswith(AT_PEERS_RATE)
            for configuration in self._peers(store)[: 1 if paced else None]:
                peer = name_of_peer(configuration)
                theirs = self.results.runs.get(Line(store, peer, line.scenario.removesuffix(AT_PEERS_RATE)))
                found = None if theirs is None else ratio(ours, theirs)
                if found is not None:
                    self.results.compared.append(
                        Compared(store=store, server=line.server, peer=peer, scenario=line.scenario, ratio=found)
                    )
