"""The reasons of a decision, as data: stored with it, and told in plain words when somebody asks why."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cache, partial
from string import Formatter
from typing import Any

from attrs import field, frozen

from policy.telling import UNLIMITED, told_instant, told_octets, told_seconds, told_speed, told_time_of_day
from policy.words import WORDS


@frozen
class Fact:
    """One link of the chain. `code` is stable; `values` fill its sentence in `policy.words`."""

    code: str
    values: Mapping[str, Any] = field(factory=dict)


def fact(code: str, **values: Any) -> Fact:
    """A fact of this code."""
    return Fact(code, values)


def explain(each: Fact, zone: tzinfo = UTC) -> str:
    """The fact in one plain sentence, with the time of `zone`; a code of a newer version is shown as it is."""
    sentence = WORDS.get(each.code)
    return f"{each.code} {dict(each.values)}" if sentence is None else filled(sentence, each.values, zone)


def filled(sentence: str, values: Mapping[str, Any], zone: tzinfo = UTC) -> str:
    """A sentence of `policy.words` with its values in the words of a café."""
    return _sentences(zone).vformat(sentence, (), values)


def _plain(value: Any) -> str:
    return UNLIMITED if value is None else str(value)


_TELLING: Mapping[str, Callable[[Any], str]] = {
    "": _plain,
    "seconds": told_seconds,
    "octets": told_octets,
    "speed": told_speed,
    "clock": told_time_of_day,
}


class _Sentences(Formatter):
    """`{used:octets}` and the like; what an older version did not keep, or kept otherwise, spoils no sentence."""

    def __init__(self, zone: tzinfo) -> None:
        self._telling: Mapping[str, Callable[[Any], str]] = {**_TELLING, "instant": partial(told_instant, zone=zone)}

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        is_number = value is None or isinstance(value, int)
        return self._telling[format_spec if is_number else ""](value)


@cache
def _sentences(zone: tzinfo) -> _Sentences:
    return _Sentences(zone)
