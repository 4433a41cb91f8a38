"""What a larger store costs: the same load on stores of a thousand sessions and of a million."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, define, field, frozen

from radiusd.bench import crowd
from radiusd.bench.crowd import COUNTED, FIRST_ID, Crowd, Shows, Size
from radiusd.bench.figures import Figures
from radiusd.bench.generators import Generator, Load
from radiusd.bench.printing import markdown
from radiusd.bench.processes import cpu_seconds, resident_of
from radiusd.bench.server import Server
from radiusd.bench.stores import Store

SIZES = (1000, 10_000, 100_000, 1_000_000)
COST_GROWS_BY = 1.10
"""A packet may cost so many times as much in the largest store as in the smallest."""
OCTETS_OF_A_SESSION = 2048
TAKEN_OVER_WITHIN = 3.0
_TAKEN_OVER = 100_000
_REPORTS_EVERY = 60  # seconds between two reports of a session
_LEAST_RATE = 200
_WATCHED = 6  # seconds from a start
_PATIENCE = 300  # milliseconds until a router asks again
_UNANSWERED = 4096
_ACTIVE_AT_LEAST = 1000
_VISITED = 1000
_LONGER = 60  # seconds that each report counts more than the last


@frozen(kw_only=True)
class Plan:
    """Stores of so many sessions, every tenth of them active; each kind of load has so many requests in each round."""

    sizes: tuple[int, ...] = SIZES
    rounds: int = 3
    requests: int = 20_000
    in_flight: int = 64
    workers: int = 1

    def size(self, sessions: int) -> Size:
        """A store of this plan; the smallest ones have all their sessions active."""
        return Size(sessions=sessions, active=min(sessions, max(_ACTIVE_AT_LEAST, sessions // 10)))


@frozen(kw_only=True)
class Run:
    """One server on one store. Costs are microseconds of CPU per request, of the server and of the database.

    While the server starts, sessions report at their usual pace, and routers ask again after 300 ms: after
    `first_answer` the first is answered, and after `taken_over` nobody must ask twice any more. Then everybody reports
    as fast as is answered, which takes `all_reported`.
    Interim-Updates and logins are of the same number of devices in each store, again and again; the first logins after
    the start are of as many as there are.
    """

    interim_cost: float
    login_cost: float
    first_login_cost: float
    interims: float
    logins: float
    taken_over: float
    first_answer: float
    all_reported: float
    memory: float
    lost: int


@define
class Results:
    """Every run on the stores of each size; memory is in MB, times in seconds."""

    sizes: dict[int, Size] = field(factory=dict)
    filled_in: dict[int, float] = field(factory=dict)
    runs: dict[int, list[Run]] = field(factory=dict)

    def median(self, sessions: int, of: Callable[[Run], float]) -> float:
        """Over the rounds."""
        return median(of(each) for each in self.runs[sessions])

    @property
    def growth(self) -> dict[str, float]:
        """How many times as much a packet costs in the largest store."""
        least, most = min(self.runs), max(self.runs)
        return {
            name: self.median(most, of) / self.median(least, of)
            for name, of in (("interim", _interim), ("login", _login), ("first login", _first_login))
        }

    @property
    def octets_of_a_session(self) -> float | None:
        """What each active session adds to the server's memory; None where all stores have as many."""
        least, most = min(self.runs), max(self.runs)
        more = self.sizes[most].active - self.sizes[least].active
        if more <= 0:
            return None
        return (self.median(most, _memory) - self.median(least, _memory)) * 1e6 / more

    @property
    def complaints(self) -> list[str]:
        """What was lost, and which aims were missed."""
        found = []
        lost = sum(each.lost for runs in self.runs.values() for each in runs)
        if lost:
            found.append(f"{lost} requests were not answered as they should have been")
        for name, times in self.growth.items():
            if times > COST_GROWS_BY:
                found.append(f"a packet ({name}) costs {times:.2f} times as much in the largest store")
        octets = self.octets_of_a_session
        if octets is not None and octets > OCTETS_OF_A_SESSION:
            found.append(f"an active session takes {octets:.0f} octets of memory, over {OCTETS_OF_A_SESSION}")
        for sessions, size in self.sizes.items():
            took = self.median(sessions, _taken_over)
            if size.active >= _TAKEN_OVER and took > TAKEN_OVER_WITHIN:
                found.append(f"{size.active} active sessions were taken over in {took:.1f} s")
        return found


def _interim(run: Run) -> float:
    return run.interim_cost


def _login(run: Run) -> float:
    return run.login_cost


def _first_login(run: Run) -> float:
    return run.first_login_cost


def _memory(run: Run) -> float:
    return run.memory


def _taken_over(run: Run) -> float:
    return run.taken_over


def measure(
    plan: Plan,
    folder: Path,
    new_store: Callable[[Path], AbstractContextManager[Store]],
    generator: Generator,
    shows: Any,
) -> Results:
    """All stores filled, then every one of them in turn; raises BenchError."""
    results = Results()
    with ExitStack() as stack:
        crowds = [
            _filled(plan, each, folder, stack.enter_context, new_store, generator, shows, results)
            for each in plan.sizes
        ]
        shows.expect(plan.rounds * len(crowds))
        for number in range(plan.rounds):
            for each in crowds if number % 2 == 0 else reversed(crowds):
                shows.doing(f"round {number + 1}: a store of {each.size.sessions} sessions")
                run = _Trial(plan, each, generator, number).run()
                results.runs.setdefault(each.size.sessions, []).append(run)
                shows.one_done()
    return results


def _filled(
    plan: Plan,
    sessions: int,
    folder: Path,
    enter: Callable[[AbstractContextManager[Store]], Store],
    new_store: Callable[[Path], AbstractContextManager[Store]],
    generator: Generator,
    shows: Shows,
    results: Results,
) -> Crowd:
    size, began = plan.size(sessions), time.monotonic()
    shows.doing(f"making a store of {sessions} sessions, {size.active} of them active")
    place = folder / str(sessions)
    place.mkdir()
    made = crowd.make(enter(new_store(place)), place, size, generator, shows)
    results.sizes[sessions] = size
    results.filled_in[sessions] = time.monotonic() - began
    return made


class _Trial:
    """One server's life on one store."""

    def __init__(self, plan: Plan, on: Crowd, generator: Generator, number: int) -> None:
        self._plan = plan
        self._on = on
        self._generator = generator
        # Reports count more each time, and devices have not used these Acct-Session-Ids before.
        self._elapsed = COUNTED + number * 100 * _LONGER
        visits = 2 + plan.requests // _VISITED
        self._first_id = FIRST_ID + (1 + number * visits) * on.size.chain.users_of_a_router

    def run(self) -> Run:
        """Started on a crowd that is online already and goes on reporting; then reports of all, then logins."""
        server = Server(self._on.folder, self._on.store.url, self._plan.workers)
        began = time.monotonic()
        with server.launched():
            asked_after = time.monotonic() - began
            taken = self._ask(server, self._at_their_pace())
            everybody = self._ask(server, self._everybody())
            memory = resident_of(server.pid)
            self._ask(server, self._interims(_VISITED))
            interims, interim_cost = self._counted(server, self._interims(self._plan.requests))
            first, first_login_cost = self._counted(server, self._first_logins())
            logins, login_cost = self._counted(server, self._logins())
        return Run(
            interim_cost=interim_cost,
            login_cost=login_cost,
            first_login_cost=first_login_cost,
            interims=interims.rps,
            logins=logins.rps,
            taken_over=asked_after + max(taken.first_after, taken.last_repeated_after),
            first_answer=asked_after + taken.first_after,
            all_reported=everybody.took,
            memory=memory,
            lost=sum(each.lost + each.wrong for each in (taken, everybody, interims, first, logins)),
        )

    def _counted(self, server: Server, load: Load) -> tuple[Figures, float]:
        pids = (server.pid, *(self._on.store.pids or ()))
        before = cpu_seconds(pids)
        figures = self._ask(server, load)
        return figures, (cpu_seconds(pids) - before) / max(1, figures.requests) * 1e6

    def _ask(self, server: Server, load: Load) -> Figures:
        figures = self._generator.run(server.target, load, server.must_live)
        server.must_live()
        return figures

    def _at_their_pace(self) -> Load:
        """Reports of one session after the other; sent again and again, for there is nobody yet to hear the first."""
        rate = max(_LEAST_RATE, self._on.size.active // _REPORTS_EVERY)
        how: dict[str, Any] = {"in_flight": _UNANSWERED, "timeout": _PATIENCE, "resends": 1000}
        return self._load("interims", rate * _WATCHED, rate=rate, **how)

    def _everybody(self) -> Load:
        """A report of each session."""
        self._elapsed += 10 * _LONGER
        return self._load("interims", self._on.size.chain.users, in_flight=512)

    def _interims(self, count: int) -> Load:
        self._elapsed += _LONGER * (1 + count // _VISITED)
        return self._load("interims", count, in_flight=self._plan.in_flight, visited=_VISITED)

    def _first_logins(self) -> Load:
        """Each device once."""
        count = min(self._plan.requests, self._on.size.chain.users)
        return self._load("auth-pap", count, in_flight=self._plan.in_flight, first_id=self._first_id)

    def _logins(self) -> Load:
        """Some of them again, and again."""
        again = self._first_id + self._on.size.chain.users_of_a_router
        how: dict[str, Any] = {"in_flight": self._plan.in_flight, "first_id": again, "visited": _VISITED}
        return self._load("auth-pap", self._plan.requests, **how)

    def _load(self, scenario: str, sessions: int, **how: Any) -> Load:
        users = self._on.size.chain.users
        reports = scenario == "interims"
        return Load(
            scenario=scenario,
            sessions=sessions,
            chain=self._on.size.chain,
            devices=users,
            elapsed=self._elapsed,
            classes=self._on.classes if reports else None,
            **how,
        )


def table(results: Results) -> str:
    """The figures of each size, and what follows from them."""
    headings = (
        "sessions",
        "active",
        "filled in s",
        "interim, us CPU",
        "login, us CPU",
        "first login, us CPU",
        "interims/s",
        "logins/s",
        "taken over in s",
        "first answer after s",
        "all reported in s",
        "MB",
    )
    rows = []
    for sessions, size in results.sizes.items():
        medians = [
            results.median(sessions, of)
            for of in (_interim, _login, _first_login, lambda run: run.interims, lambda run: run.logins)
        ]
        times = [
            results.median(sessions, of)
            for of in (_taken_over, lambda run: run.first_answer, lambda run: run.all_reported)
        ]
        rows.append(
            (
                str(sessions),
                str(size.active),
                f"{results.filled_in[sessions]:.0f}",
                *(f"{each:.0f}" for each in medians),
                *(f"{each:.2f}" for each in times),
                f"{results.median(sessions, _memory):.0f}",
            )
        )
    octets = results.octets_of_a_session
    memory = "" if octets is None else f"; {octets:.0f} octets of memory for each active session"
    growth = ", ".join(f"{name} {times:.2f}" for name, times in results.growth.items())
    return f"{markdown(headings, rows, 0)}\n\ncost in the largest store, times that in the smallest: {growth}{memory}"


def as_json(results: Results) -> dict[str, Any]:
    """The same for programs, with every round."""
    return {
        "growth": results.growth,
        "octets_of_a_session": results.octets_of_a_session,
        "lost": sum(each.lost for runs in results.runs.values() for each in runs),
        "sizes": [
            {
                "sessions": sessions,
                "active": size.active,
                "filled_in": results.filled_in[sessions],
                **{name: results.median(sessions, _named(name)) for name in asdict(results.runs[sessions][0])},
                "rounds": [asdict(each) for each in results.runs[sessions]],
            }
            for sessions, size in results.sizes.items()
        ],
        "complaints": results.complaints,
    }


def _named(name: str) -> Callable[[Run], float]:
    return lambda run: float(getattr(run, name))


def sizes_up_to(largest: int) -> Sequence[int]:
    """The usual sizes, the largest being this one."""
    return [*(each for each in SIZES if each < largest), largest]
