"""Figures of the runs with a PC system: a name, a value, and what it should be at most."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from attrs import define, field, frozen

from radiusd.bench.machine import Machine


@frozen(kw_only=True)
class Figure:
    """One value of one run. `aim` is the most it should be, or with `is_least` the least; None where nothing is."""

    name: str
    value: float
    unit: str = "ms"
    aim: float | None = None
    is_least: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether the aim is."""
        return self.aim is not None and (self.value < self.aim if self.is_least else self.value > self.aim)


@define
class Outcome:
    """What one run of a part came to. `broken` is what must never be, however slow the machine."""

    figures: list[Figure] = field(factory=list)
    broken: list[str] = field(factory=list)

    def note(self, name: str, value: float, **more: Any) -> None:
        """A figure more."""
        self.figures.append(Figure(name=name, value=value, **more))

    def note_times(self, name: str, times: Iterable[float], aim: float | None = None) -> None:
        """p50, p99 and worst of some milliseconds; `aim` is that of p99."""
        ordered = sorted(times)
        self.note(f"{name}, p50", part_of(ordered, 0.5))
        self.note(f"{name}, p99", part_of(ordered, 0.99), aim=aim)
        self.note(f"{name}, worst", part_of(ordered, 1))

    def must(self, is_so: object, otherwise: str) -> None:
        """Tell what is broken unless it is so."""
        if not is_so:
            self.broken.append(otherwise)


def part_of(ordered: Sequence[float], part: float) -> float:
    """The value under which that part of them lies; 0 for none at all."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


@define
class Results:
    """Every run of every part."""

    runs: dict[str, list[Outcome]] = field(factory=dict)

    @property
    def broken(self) -> list[str]:
        """What must never be, in all runs."""
        return [f"{part}: {each}" for part, runs in self.runs.items() for run in runs for each in run.broken]

    @property
    def missed(self) -> list[str]:
        """Aims that the medians miss."""
        found = ((part, each) for part, figures in self.medians().items() for each, _ in figures)
        return [f"{part}: {each.name} is {told(each)}, {_told_aim(each)}" for part, each in found if each.is_missed]

    def medians(self) -> dict[str, list[tuple[Figure, list[float]]]]:
        """For each part its figures, of each the median and the values of all rounds."""
        return {
            part: [_median([run.figures for run in runs], at) for at in _places(runs)]
            for part, runs in self.runs.items()
        }


def _places(runs: Sequence[Outcome]) -> range:
    return range(min(len(each.figures) for each in runs))


def _median(runs: Sequence[Sequence[Figure]], at: int) -> tuple[Figure, list[float]]:
    values = [figures[at].value for figures in runs]
    first = runs[0][at]
    middle = Figure(name=first.name, value=median(values), unit=first.unit, aim=first.aim, is_least=first.is_least)
    return middle, values


def told(figure: Figure) -> str:
    """As it is shown."""
    return f"{_number(figure.value)} {figure.unit}".strip()


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.1f}"


def _told_aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    return f"at {'least' if figure.is_least else 'most'} {_number(figure.aim)}"


def table(results: Results) -> str:
    """Medians as a table in Markdown, beside them every round where there were several."""
    rows = [
        (part, each.name, told(each), " · ".join(map(_number, values)), _told_aim(each))
        for part, figures in results.medians().items()
        for each, values in figures
    ]
    has_rounds = any(len(runs) > 1 for runs in results.runs.values())
    headings = ("part", "figure", "median" if has_rounds else "value", "rounds", "aim")
    shown = [index for index in range(len(headings)) if has_rounds or headings[index] != "rounds"]
    widths = [max(len(row[index]) for row in (headings, *rows)) for index in range(len(headings))]
    to_the_right = {2}

    def line(row: Sequence[str]) -> str:
        cells = (
            row[index].rjust(widths[index]) if index in to_the_right else row[index].ljust(widths[index])
            for index in shown
        )
        return f"| {' | '.join(cells)} |"

    rules = ("-" * (widths[index] - 1) + ":" if index in to_the_right else "-" * widths[index] for index in shown)
    return "\n".join([line(headings), f"| {' | '.join(rules)} |", *map(line, rows)])


def as_json(results: Results, machine: Machine, circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """The same for programs, every round included."""
    return {
        "machine": {name: getattr(machine, name) for name in ("cpu", "cores", "python", "kernel", "sqlite")},
        **circumstances,
        "parts": {
            part: {
                each.name: {"value": each.value, "unit": each.unit, "aim": each.aim, "rounds": values}
                for each, values in figures
            }
            for part, figures in results.medians().items()
        },
        "broken": results.broken,
        "missed": results.missed,
    }
