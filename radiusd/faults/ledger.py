"""What must be in the store, worked out from what the clients were told alone: a model that knows nothing of ours.

A report that was answered counts, and so may one that was not. Counters are cumulative, so a line stands at one of its
reports: the last that was answered, or a later one. Each token that was verified is one charge, each event one row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from radiusd.faults.told import TOLD

Used = tuple[int, int, int]
"""Octets up, octets down, seconds."""
NOTHING: Used = (0, 0, 0)


@define
class Line:
    """One Acct-Session-Id: all that was reported of it, and how far that was acknowledged."""

    reports: list[Used] = field(factory=lambda: [NOTHING])
    acknowledged: int = 0
    was_let_in: bool = False
    was_begun: bool = False
    end_asked: bool = False
    end_told: bool = False

    def take(self, entry: Mapping[str, Any]) -> None:
        """A report."""
        used: Used = (entry["up"], entry["down"], entry["seconds"])
        if used not in self.reports:
            self.reports.append(used)
        is_told, is_stop = entry["which"] == TOLD, entry["status"] == "Stop"
        self.end_asked |= is_stop
        if is_told:
            self.was_begun = True
            self.end_told |= is_stop
            self.acknowledged = max(self.acknowledged, self.reports.index(used))

    def allows(self, used: Used) -> bool:
        """Whether it may stand there."""
        return used in self.reports[self.acknowledged :]


@define
class Ledger:
    """Everything that was asked and told."""

    lines: dict[str, Line] = field(factory=dict)
    events: dict[str, int | None] = field(factory=dict)
    """By their names; None for one that nobody heard of, else how many sessions it was told to have ended."""
    charges: set[str] = field(factory=set)
    tokens_in_doubt: int = 0
    put: int = 0

    def take(self, entry: Mapping[str, Any]) -> None:
        """One line of the diary."""
        is_told = entry["which"] == TOLD
        match entry["kind"]:
            case "login":
                self.lines.setdefault(entry["line"], Line()).was_let_in |= is_told
            case "report":
                self.lines.setdefault(entry["line"], Line()).take(entry)
            case "event":
                self.events.setdefault(entry["name"], None)
                if is_told:
                    self.events[entry["name"]] = entry["ended"]
            case "verify":
                self.tokens_in_doubt += -1 if is_told else 1
                if is_told and entry["session"] is not None:
                    self.charges.add(entry["session"])
            case "top-up" if is_told:
                self.put += entry["amount"]


def replay(entries: Iterable[Mapping[str, Any]]) -> Ledger:
    """The ledger of a diary."""
    ledger = Ledger()
    for each in entries:
        ledger.take(each)
    return ledger
