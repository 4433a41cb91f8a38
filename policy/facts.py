"""The reasons of a decision, as data: stored with it, and told in plain words when somebody asks why."""

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any

from attrs import field, frozen

from policy.telling import UNLIMITED, told_instant, told_octets, told_seconds, told_speed
from policy.words import WORDS


@frozen
class Fact:
    """One link of the chain. `code` is stable; `values` fill its sentence in `policy.words`."""

    code: str
    values: Mapping[str, Any] = field(factory=dict)


def fact(code: str, **values: Any) -> Fact:
    """A fact of this code."""
    return Fact(code, values)


def explain(each: Fact) -> str:
    """The fact in one plain sentence; an unknown code, written by a newer version, is shown as it is."""
    sentence = WORDS.get(each.code)
    if sentence is None:
        return f"{each.code} {dict(each.values)}"
    return _SENTENCES.vformat(sentence, (), each.values)


def _plain(value: Any) -> str:
    return UNLIMITED if value is None else str(value)


_TELLING: Mapping[str, Callable[[Any], str]] = {
    "": _plain,
    "seconds": told_seconds,
    "octets": told_octets,
    "speed": told_speed,
    "instant": told_instant,
}


class _Sentences(Formatter):
    """`{used:octets}` and the like; what an older version did not keep, or kept otherwise, spoils no sentence."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        is_number = value is None or isinstance(value, int)
        return _TELLING[format_spec if is_number else ""](value)


_SENTENCES = _Sentences()
