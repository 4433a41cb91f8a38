"""The evening peak: a branch's guests are back at once after a power cut, while all else goes on."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

from attrs import asdict, define, field, frozen

from radiusd.app import wall_clock
from radiusd.bench.chain import Chain
from radiusd.bench.errors import BenchError
from radiusd.bench.figures import Figures
from radiusd.bench.filling import fill_chain
from radiusd.bench.generators import REQUESTS_OF_A_SESSION, Generator, Load
from radiusd.bench.printing import markdown
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store.database import Database
from radiusd.vault import Vault, make_key_file, read_key_file

P50_AT_MOST = 200
P99_AT_MOST = 500
BACK, OTHERS, NEIGHBOURS = "back after the power cut", "other branches", "the branch's other guests"
_BEFORE = 3.0  # seconds of ordinary traffic before the guests are back
_AFTER = 3
_NEXT_EVENING = 500_000  # where Acct-Session-Ids of the measured part begin


@frozen(kw_only=True)
class Plan:
    """`guests` of one branch are back within `seconds`; rates are requests a second.

    A router asks again after `timeout` milliseconds, three times.
    """

    guests: int = 500
    seconds: int = 10
    rate_of_others: int = 500
    rate_of_neighbours: int = 50
    timeout: int = 300
    rounds: int = 3
    workers: int = 1

    @property
    def chain(self) -> Chain:
        """Eight branches; the first half of the first one's routers are those whose power was cut."""
        return Chain.of(8 * 2 * self.guests)


@define
class Results:
    """What each kind of guest met with, round by round."""

    rounds: dict[str, list[Figures]] = field(factory=dict)

    @property
    def lost(self) -> int:
        """What was not answered in spite of all resends, or wrongly."""
        return sum(each.lost + each.wrong for runs in self.rounds.values() for each in runs)

    def p50(self, who: str) -> float:
        """Its median over the rounds, in ms."""
        return median(each.p50 for each in self.rounds[who])

    def p99(self, who: str) -> float:
        """Its median over the rounds, in ms."""
        return median(each.p99 for each in self.rounds[who])

    @property
    def complaints(self) -> list[str]:
        """Which aims were missed."""
        found = [f"{self.lost} requests were lost"] if self.lost else []
        for value, most, name in ((self.p50(BACK), P50_AT_MOST, "p50"), (self.p99(BACK), P99_AT_MOST, "p99")):
            if value > most:
                found.append(f"{name} of those who were back is {value:.0f} ms, at most {most}")
        return found


def measure(store: Store, folder: Path, plan: Plan, generator: Generator, shows: Any) -> Results:
    """All rounds, each on a fresh copy of the store; raises BenchError."""
    chain, results = plan.chain, Results()
    shows.doing(f"{store.name}: making {chain.users} guests")
    make_key_file(folder / "key")
    database = Database(store.url)
    try:
        vault = Vault(read_key_file(folder / "key"))
        fill_chain(database, vault, chain, wall_clock(), lambda done: shows.filling(done, chain.users))
    finally:
        database.close()
    store.filled()
    shows.expect(plan.rounds)
    for number in range(plan.rounds):
        with store.copy() as url, Server(folder, url, plan.workers) as server:
            shows.doing(f"round {number + 1}: everybody comes online")
            _run(server, generator, Load(scenario="returns", sessions=chain.users, chain=chain))
            shows.doing(f"round {number + 1}: the power is back")
            for who, figures in _evening(server, generator, plan).items():
                results.rounds.setdefault(who, []).append(figures)
        shows.one_done()
    return results


def _evening(server: Server, generator: Generator, plan: Plan) -> dict[str, Figures]:
    """All kinds of guests at once."""
    loads, ended = _loads(plan), Event()
    with ThreadPoolExecutor(len(loads)) as pool:

        def ask(who: str) -> Figures:
            # Should another fail, nobody waits for this one's turn.
            if who == BACK and ended.wait(_BEFORE):
                raise BenchError("the evening ended before its guests were back")
            return _run(server, generator, loads[who])

        asked = {who: pool.submit(ask, who) for who in loads}
        try:
            return {who: each.result() for who, each in asked.items()}
        finally:
            ended.set()


def _run(server: Server, generator: Generator, load: Load) -> Figures:
    figures = generator.run(server.target, load, server.must_live)
    server.must_live()
    return figures


def _loads(plan: Plan) -> dict[str, Load]:
    chain = plan.chain
    whole = int(_BEFORE) + plan.seconds + _AFTER
    branch = chain.users_of_branch(0)
    back, neighbours = range(plan.guests), range(plan.guests, branch.stop)
    return {
        BACK: Load(
            scenario="returns",
            sessions=len(back),
            chain=chain,
            first_user=back.start,
            users=len(back),
            first_id=_NEXT_EVENING,
            boot=2,
            rate=max(1, plan.guests // plan.seconds),
            in_flight=4096,
            timeout=plan.timeout,
        ),
        OTHERS: _ordinary(plan, range(branch.stop, chain.users), plan.rate_of_others, whole),
        NEIGHBOURS: _ordinary(plan, neighbours, plan.rate_of_neighbours, whole),
    }


def _ordinary(plan: Plan, users: range, rate: int, seconds: int) -> Load:
    """Logins and whole sessions, so many requests a second."""
    sessions_a_second = max(1, round(rate / REQUESTS_OF_A_SESSION["mixed"]))
    return Load(
        scenario="mixed",
        sessions=sessions_a_second * seconds,
        devices=len(users),
        chain=plan.chain,
        first_user=users.start,
        users=len(users),
        first_id=_NEXT_EVENING,
        rate=sessions_a_second,
        in_flight=4096,
        timeout=plan.timeout,
    )


def table(results: Results) -> str:
    """The medians of all rounds."""
    rows = [
        (
            who,
            str(sum(each.requests for each in runs)),
            f"{results.p50(who):.1f}",
            f"{results.p99(who):.1f}",
            str(sum(each.lost for each in runs)),
            str(sum(each.wrong for each in runs)),
        )
        for who, runs in results.rounds.items()
    ]
    return markdown(("guests", "requests", "p50 ms", "p99 ms", "lost", "wrong"), rows)


def as_json(results: Results) -> dict[str, Any]:
    """The same for programs, with every round."""
    return {
        "guests": [
            {
                "who": who,
                "p50": results.p50(who),
                "p99": results.p99(who),
                "curve": _middle(runs).curve,
                "rounds": [asdict(each) for each in runs],
            }
            for who, runs in results.rounds.items()
        ],
        "lost": results.lost,
        "complaints": results.complaints,
    }


def _middle(runs: Sequence[Figures]) -> Figures:
    """The round whose p99 is the median."""
    return sorted(runs, key=lambda each: each.p99)[len(runs) // 2]
