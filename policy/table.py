"""Transition tables: what a machine does in each state upon each event, as data that can be read, drawn and tested."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

from attrs import frozen

from policy.errors import PolicyError

S = TypeVar("S", bound=Enum)
M = TypeVar("M")
E = TypeVar("E")


@frozen
class Row(Generic[S, M]):
    """In `state`, upon an event of type `event`, do `doing` and be in `target`."""

    state: S
    event: type
    target: S
    doing: Callable[[M, Any], M]


def on(state: S, event: type[E], target: S, doing: Callable[[M, E], M]) -> Row[S, M]:
    """One row; the type checker refuses a function that does not take this event."""
    return Row(state, event, target, doing)


def table(*rows: Row[S, M]) -> Mapping[tuple[S, type], Row[S, M]]:
    """The rows by state and event; raises PolicyError when two rows answer one pair."""
    result: dict[tuple[S, type], Row[S, M]] = {}
    for row in rows:
        if (row.state, row.event) in result:
            raise PolicyError(f"two rows for {row.state.name} upon {row.event.__name__}")
        result[row.state, row.event] = row
    return result


def ignore(machine: M, event: object) -> M:
    """Nothing to do."""
    return machine
