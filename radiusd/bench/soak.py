"""Hours of ordinary traffic: whether memory, descriptors or latencies grow."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from attrs import asdict, define, field, frozen

from radiusd.app import wall_clock
from radiusd.bench.chain import Chain
from radiusd.bench.filling import fill_chain
from radiusd.bench.generators import FIRST, REQUESTS_OF_A_SESSION, Generator, Load
from radiusd.bench.printing import markdown
from radiusd.bench.processes import open_files, resident_of
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store.database import Database
from radiusd.vault import Vault, make_key_file, read_key_file

_MORE_FILES = 20
_MORE_MEMORY = 1.1
_SHOWN = 12


@frozen(kw_only=True)
class Plan:
    """`rate` requests a second for so many minutes; looked at every `window` seconds."""

    minutes: float = 30
    rate: int = 600
    window: int = 10
    users: int = 8000
    workers: int = 1

    @property
    def windows(self) -> int:
        """How many looks that makes."""
        return max(2, round(self.minutes * 60 / self.window))


@frozen(kw_only=True)
class Sample:
    """How it stood after so many minutes: memory in MB, latencies of the last window in ms."""

    minutes: float
    memory: float
    files: int
    p50: float
    p99: float
    lost: int


@define
class Results:
    """All samples, in their order."""

    samples: list[Sample] = field(factory=list)

    @property
    def lost(self) -> int:
        """What was not answered, or wrongly."""
        return sum(each.lost for each in self.samples)

    @property
    def complaints(self) -> list[str]:
        """What grew, from the second quarter to the last, and what was lost."""
        found = [f"{self.lost} requests were lost"] if self.lost else []
        quarter = max(1, len(self.samples) // 4)
        early, late = self.samples[quarter : 2 * quarter] or self.samples[:1], self.samples[-quarter:]
        if median(each.memory for each in late) > _MORE_MEMORY * median(each.memory for each in early):
            found.append("memory grew by more than a tenth in the second half")
        if max(each.files for each in late) > max(each.files for each in early) + _MORE_FILES:
            found.append("the number of open descriptors grew")
        return found


def measure(store: Store, folder: Path, plan: Plan, generator: Generator, shows: Any) -> Results:
    """One long run; raises BenchError."""
    chain, results = Chain.of(plan.users), Results()
    shows.doing(f"{store.name}: making {chain.users} guests")
    make_key_file(folder / "key")
    database = Database(store.url)
    try:
        vault = Vault(read_key_file(folder / "key"))
        fill_chain(database, vault, chain, wall_clock(), lambda done: shows.filling(done, chain.users))
    finally:
        database.close()
    store.filled()
    with Server(folder, store.url, plan.workers) as server:
        shows.doing("everybody logs in")
        generator.run(server.target, Load(scenario=FIRST, sessions=chain.users, chain=chain), server.must_live)
        shows.doing(f"{plan.rate} requests a second for {plan.minutes:g} minutes")
        began = time.monotonic()
        for number in range(plan.windows):
            figures = generator.run(server.target, _window(plan, chain, number), server.must_live)
            server.must_live()
            results.samples.append(
                Sample(
                    minutes=(time.monotonic() - began) / 60,
                    memory=resident_of(server.pid),
                    files=open_files(server.pid),
                    p50=figures.p50,
                    p99=figures.p99,
                    lost=figures.lost + figures.wrong,
                )
            )
            shows.step("soaked", number + 1, plan.windows)
    return results


def _window(plan: Plan, chain: Chain, number: int) -> Load:
    sessions_a_second = max(1, round(plan.rate / REQUESTS_OF_A_SESSION["mixed"]))
    sessions = sessions_a_second * plan.window
    return Load(
        scenario="mixed",
        sessions=sessions,
        chain=chain,
        devices=chain.users,
        seed=number + 1,
        first_id=(number + 2) * chain.users_of_a_router * -(-sessions // chain.users),
        rate=sessions_a_second,
        in_flight=4096,
    )


def table(results: Results) -> str:
    """Some of the samples, the first and the last among them."""
    every = max(1, len(results.samples) // _SHOWN)
    shown = [*results.samples[:-1:every], results.samples[-1]]
    rows = [
        (
            f"{each.minutes:.1f}",
            f"{each.memory:.0f}",
            str(each.files),
            f"{each.p50:.1f}",
            f"{each.p99:.1f}",
            str(each.lost),
        )
        for each in shown
    ]
    return markdown(("minutes", "memory, MB", "descriptors", "p50 ms", "p99 ms", "lost"), rows, 0)


def as_json(results: Results) -> dict[str, Any]:
    """The same for programs."""
    return {
        "samples": [asdict(each) for each in results.samples],
        "lost": results.lost,
        "complaints": results.complaints,
    }
