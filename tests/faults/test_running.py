"""In which order faults run, and which at the same time."""

import asyncio
from collections.abc import Sequence

from attrs import define, evolve, field

from radiusd.bench.errors import BenchError
from radiusd.faults.catalogue import Fault
from radiusd.faults.places import SQLITE, Places
from radiusd.faults.running import Wish, run_all
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report, at_most


@define
class Told:
    """What was said to whoever looks."""

    said: list[str] = field(factory=list)
    done: int = 0

    def expect(self, runs: int) -> None:
        self.said.append(f"{runs} runs")

    def doing(self, what: str) -> None:
        self.said.append(what)

    def one_done(self) -> None:
        self.done += 1

    def step(self, what: str, done: int, total: int) -> None: ...

    def say(self, text: str) -> None: ...


async def _nothing_lost(stage: Stage) -> Report:
    """As it should be, unless the product is broken."""
    return Report(figures=[at_most("lost", len(stage.switches), 0)])


def fault(name: str, beside: str | None = None) -> Fault:
    return Fault(
        id=name, title="", stores=(SQLITE,), control="broken", proof="lost", control_store=SQLITE, limit=5,
        in_lane=_nothing_lost, at_night=_nothing_lost, as_control=_nothing_lost, beside=beside,
    )  # fmt: skip


def words_of(faults: Sequence[Fault], told: Told) -> list[tuple[str, str | None, str]]:
    with Places() as places:
        found = run_all(Wish(faults=faults, stores=(SQLITE,)), places, told)
    return [(each.fault, each.switch, each.word) for each in found]


def test_each_is_followed_by_its_control() -> None:
    told = Told()
    assert words_of([fault("A"), fault("B")], told) == [
        ("A", None, "green"),
        ("A", "broken", "red, as it must be"),
        ("B", None, "green"),
        ("B", "broken", "red, as it must be"),
    ]
    assert told.said == [
        "4 runs",
        *(f"{each} on sqlite{which}" for each in "AB" for which in ("", ", control: broken")),
    ]
    assert told.done == 4


def test_one_may_run_while_another_waits() -> None:
    is_there = asyncio.Event()

    async def wait(stage: Stage) -> Report:
        await is_there.wait()
        return await _nothing_lost(stage)

    async def come(stage: Stage) -> Report:
        is_there.set()
        return await _nothing_lost(stage)

    waits, comes = evolve(fault("A"), in_lane=wait), evolve(fault("C", beside="A"), in_lane=come)
    found = words_of([waits, fault("B"), comes], Told())
    assert [each for each, switch, word in found if switch is None and word == "green"] == ["A", "B", "C"]


def test_one_runs_alone_if_nothing_else_is_wanted() -> None:
    assert [each for each, _, _ in words_of([fault("C", beside="A")], Told())] == ["C", "C"]


def test_one_that_cannot_run_takes_no_other_with_it() -> None:
    async def fail(_: Stage) -> Report:
        raise BenchError("nothing is there")

    found = words_of([fault("A"), evolve(fault("C", beside="A"), in_lane=fail)], Told())
    assert [word for _, _, word in found] == ["green", "red, as it must be", "DID NOT RUN", "red, as it must be"]
