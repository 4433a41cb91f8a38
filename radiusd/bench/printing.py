"""Results on paper: a table that is Markdown too, and JSON."""

from collections.abc import Sequence
from typing import Any

from attrs import asdict, frozen

from radiusd.bench.figures import Figures
from radiusd.bench.load import OURS, Compared, Line, Plan, Results
from radiusd.bench.machine import Machine

_HEADINGS = (
    "store",
    "server",
    "scenario",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "lost",
    "wrong",
    "CPU s",
    "database CPU s",
)
_RATIO_HEADINGS = ("store", "server", "compared with", "scenario", "requests/s, times", "p99, times")
_WORDS = 3  # the columns before the numbers


@frozen(kw_only=True)
class Circumstances:
    """What the figures depend on."""

    machine: Machine
    generator: str
    plan: Plan

    def lines(self) -> tuple[str, ...]:
        """As they are told before a table."""
        plan = self.plan
        rounds = "1 round" if plan.rounds == 1 else f"medians of {plan.rounds} rounds"
        return (
            str(self.machine),
            f"driven by {self.generator}; {rounds} of {plan.requests} requests, "
            f"{plan.chain.users} users of {plan.chain.branches} branches, {plan.in_flight} in flight",
        )


def table(results: Results) -> str:
    """Figures, and under them how ours compare with those of others."""
    hidden = ("server",) if {line.server for line in results.runs} == {OURS} else ()
    rows = [_row(line, figures) for line, figures in results.medians().items()]
    parts = [markdown(_HEADINGS, rows, _WORDS, hidden)]
    if results.compared:
        rows = [_ratio_row(each) for each in results.compared]
        parts.append(markdown(_RATIO_HEADINGS, rows, _WORDS + 1))
    return "\n\n".join(parts)


def _row(line: Line, figures: Figures) -> tuple[str, ...]:
    return (
        line.store,
        line.server,
        line.scenario,
        f"{figures.rps:.0f}",
        f"{figures.p50:.1f}",
        f"{figures.p99:.1f}",
        str(figures.lost),
        str(figures.wrong),
        _seconds(figures.server_cpu),
        _seconds(figures.database_cpu),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _ratio_row(compared: Compared) -> tuple[str, ...]:
    found = compared.ratio
    return compared.store, compared.server, compared.peer, compared.scenario, f"{found.rps:.2f}", f"{found.p99:.2f}"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1, hidden: Sequence[str] = ()) -> str:
    """A table with its columns aligned: the first ones, so many of `words`, to the left, and numbers to the right."""
    shown = [index for index, heading in enumerate(headings) if heading not in hidden]
    widths = {index: max(len(row[index]) for row in (headings, *rows)) for index in shown}

    def told(row: Sequence[str]) -> str:
        cells = (
            row[index].ljust(widths[index]) if index < words else row[index].rjust(widths[index]) for index in shown
        )
        return f"| {' | '.join(cells)} |"

    rules = ("-" * widths[index] if index < words else "-" * (widths[index] - 1) + ":" for index in shown)
    return "\n".join([told(headings), f"| {' | '.join(rules)} |", *map(told, rows)])


def as_json(results: Results, circumstances: Circumstances) -> dict[str, Any]:
    """Everything, each round included."""
    plan = circumstances.plan
    return {
        "machine": asdict(circumstances.machine),
        "generator": circumstances.generator,
        "rounds": plan.rounds,
        "users": plan.chain.users,
        "branches": plan.chain.branches,
        "in_flight": plan.in_flight,
        "requests": plan.requests,
        "figures": [
            {**asdict(line), **asdict(figures), "rounds": [asdict(each) for each in results.runs[line]]}
            for line, figures in results.medians().items()
        ],
        "ratios": [
            {
                "store": each.store,
                "server": each.server,
                "peer": each.peer,
                "scenario": each.scenario,
                **asdict(each.ratio),
            }
            for each in results.compared
        ],
        "lost": sum(each.lost for runs in results.runs.values() for each in runs),
        "wrong": sum(each.wrong for runs in results.runs.values() for each in runs),
    }
