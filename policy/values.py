"""Changing and making frozen values. The packet path does so a dozen times a packet, and looks at no field's rules.

For each class a function is made once that copies field by field, just as attrs makes the `__init__` of the class; what
changes is written over the copy before anybody else sees it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from attrs import fields

T = TypeVar("T")


@cache
def _maker(kind: type) -> tuple[Callable[[Any], Any], Mapping[str, Callable[[Any, Any], None]]]:
    """What copies a value of an attrs class with slots, and what writes each of its fields."""
    writers = {each.name: getattr(kind, each.name).__set__ for each in fields(kind)}
    names = {f"write_{name}": write for name, write in writers.items()}
    lines = [f"    write_{name}(copy, value.{name})" for name in writers]
    text = "\n".join(["def copied(value):", "    copy = new(kind)", *lines, "    return copy"])
    made: dict[str, Any] = {**names, "new": object.__new__, "kind": kind}
    exec(text, made)  # noqa: S102 - of the names of our own fields
    return made["copied"], writers


def evolve(value: T, **changes: Any) -> T:
    """`value` with `changes`, as attrs.evolve gives it; for classes whose `__init__` takes over what it is given."""
    kind: Any = type(value)
    copied, writers = _maker(kind)
    made: T = copied(value)
    for name, change in changes.items():
        writers[name](made, change)
    return made


def maker(kind: type[T]) -> Callable[..., T]:
    """What makes a value of all its fields in their order, in half the time; for the same classes as `evolve`."""
    declared: Any = kind
    names = [each.name for each in fields(declared)]
    lines = [f"    write_{name}(value, {name})" for name in names]
    text = "\n".join([f"def made({', '.join(names)}):", "    value = new(kind)", *lines, "    return value"])
    made: dict[str, Any] = {f"write_{name}": getattr(kind, name).__set__ for name in names}
    made |= {"new": object.__new__, "kind": kind}
    exec(text, made)  # noqa: S102 - of the names of our own fields
    of_fields: Callable[..., T] = made["made"]
    return of_fields
