"""What a fault test found, and whether that is good enough."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import field, frozen

GREEN, RED = "green", "RED"
_SHOWN = 3


@frozen(kw_only=True)
class Figure:
    """Something that was counted or measured, and what it should have been."""

    name: str
    value: float
    unit: str = ""
    aim: str = ""
    is_met: bool = True

    @property
    def told(self) -> str:
        """The value, with its unit."""
        value = f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:,.4g}"
        return f"{value} {self.unit}".rstrip()


def at_most(name: str, value: float, limit: float, unit: str = "") -> Figure:
    """A figure that must not exceed `limit`."""
    return Figure(name=name, value=value, unit=unit, aim=f"<= {limit:g}", is_met=value <= limit)


def at_least(name: str, value: float, limit: float, unit: str = "") -> Figure:
    """A figure that must reach `limit`."""
    return Figure(name=name, value=value, unit=unit, aim=f">= {limit:g}", is_met=value >= limit)


@frozen(kw_only=True)
class Report:
    """What one run of a fault test came to; `complaints` are single cases, in words."""

    figures: Sequence[Figure] = ()
    complaints: Sequence[str] = ()

    @property
    def is_green(self) -> bool:
        """Whether nothing is wrong."""
        return not self.complaints and all(each.is_met for each in self.figures)


@frozen(kw_only=True)
class Verdict:
    """One line of the table's block: a fault on a store, or its control with the product broken by `switch`."""

    fault: str
    title: str
    store: str
    seconds: float
    report: Report = field(factory=Report)
    switch: str | None = None
    proof: str | None = None
    """Of a control: the figure that must be missed."""
    trouble: str | None = None

    @property
    def is_as_it_should(self) -> bool:
        """A fault must be green, and a control red; what could not be run at all is neither."""
        if self.trouble is not None:
            return False
        return self.report.is_green if self.switch is None else self._is_proven

    @property
    def word(self) -> str:
        """As it is told."""
        if self.trouble is not None:
            return "DID NOT RUN"
        if self.switch is None:
            return GREEN if self.report.is_green else RED
        return "red, as it must be" if self._is_proven else "PROVES NOTHING"

    @property
    def _is_proven(self) -> bool:
        return any(each.name == self.proof and not each.is_met for each in self.report.figures)


_HEADINGS = ("test", "store", "figure", "value", "aim", "seconds", "verdict")


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: a row for each figure of the faults, one row for each control."""
    rows = [row for each in verdicts for row in _rows(each)]
    widths = [max(len(row[index]) for row in (_HEADINGS, *rows)) for index in range(len(_HEADINGS))]
    lines = [_HEADINGS, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in lines
    )


def _rows(verdict: Verdict) -> Iterable[tuple[str, ...]]:
    end = (f"{verdict.seconds:.0f}", verdict.word)
    if verdict.switch is not None:
        yield f"{verdict.fault} control", verdict.store, verdict.switch, _proven(verdict), "red", *end
        return
    figures = verdict.report.figures or (Figure(name="-", value=0),)
    for number, each in enumerate(figures):
        aim = each.aim if each.is_met else f"{each.aim} MISSED"
        yield (
            verdict.fault if number == 0 else "",
            verdict.store if number == 0 else "",
            each.name,
            each.told,
            aim,
            *(end if number == 0 else ("", "")),
        )


def _proven(verdict: Verdict) -> str:
    found = [each for each in verdict.report.figures if each.name == verdict.proof]
    return f"{found[0].name}: {found[0].told}" if found else "-"


def complaints(verdicts: Iterable[Verdict]) -> list[str]:
    """In sentences, what is not as it should be."""
    found = []
    for each in verdicts:
        name = f"{each.fault} on {each.store}"
        if each.trouble is not None:
            found.append(f"{name} did not run: {each.trouble}")
        elif each.switch is not None and not each.is_as_it_should:
            found.append(
                f"{name} is not red with the product broken ({each.switch}): `{each.proof}` is met all the same"
            )
        elif each.switch is None:
            missed = [one for one in each.report.figures if not one.is_met]
            found += [f"{name}: {one.name} is {one.told}, and should be {one.aim}" for one in missed]
            found += [f"{name}: {text}" for text in each.report.complaints[:_SHOWN]]
            if len(each.report.complaints) > _SHOWN:
                found.append(f"{name}: and {len(each.report.complaints) - _SHOWN} complaints more (see --json)")
    return found


def as_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Everything."""
    return [
        {
            "fault": each.fault,
            "title": each.title,
            "store": each.store,
            "switch": each.switch,
            "seconds": round(each.seconds, 1),
            "verdict": each.word,
            "is_as_it_should": each.is_as_it_should,
            "trouble": each.trouble,
            "figures": [
                {"name": one.name, "value": one.value, "unit": one.unit, "aim": one.aim, "is_met": one.is_met}
                for one in each.report.figures
            ],
            "complaints": list(each.report.complaints),
        }
        for each in verdicts
    ]
