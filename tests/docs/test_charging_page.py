"""The page for charging partners: its requests are the ones our client sends, and its answers what it understands."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from policy.game import GameEnd
from radiusd.charging.partner import LIMIT, REPEATS
from radiusd.charging.stops import LONGEST_PAUSE, MOST_AT_ONCE
from radiusd.pc_system.breaker import FAILURES, RESTS
from tests.charging.test_partner import WISHES, Asker
from tests.docs.pages import DOCS, blocks, section
from tests.docs.pages import rows as table

PAGE = DOCS / "integrator" / "charging-partner.md"
_CURL = re.compile(r"/v1/(?P<operation>[\w-]+) .*?--data-raw '(?P<body>[^']+)'")
_KEY = re.compile(r"Idempotency-Key: ([^']+)'")


def shown() -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Operation, fields and Idempotency-Key of every request on the page."""
    for block in blocks(PAGE):
        for line in block.text.splitlines() if block.language == "sh" else ():
            found, key = _CURL.search(line), _KEY.search(line)
            if found is not None:
                yield found["operation"], json.loads(found["body"]), None if key is None else key[1]


def sent(operation: str) -> Any:
    wish, answer, _ = WISHES[operation]
    asker = Asker(answer)
    asker.result(wish)
    return asker.partner.calls[0]


def test_every_request_is_on_the_page() -> None:
    assert {operation for operation, _, _ in shown()} == set(REPEATS)
    assert {each[0] for each in table(PAGE.read_text()) if each[0] in REPEATS} == set(REPEATS)


@pytest.mark.parametrize(("operation", "fields", "key"), list(shown()))
def test_a_request_on_the_page_has_what_ours_has(operation: str, fields: dict[str, Any], key: str | None) -> None:
    call = sent(operation)
    assert {name: type(value) for name, value in fields.items()} == {
        name: type(value) for name, value in call.fields.items()
    }
    (ours,) = call.headers.getRawHeaders("idempotency-key", [None])
    assert (key is None) == (ours is None)
    if key is not None:
        assert re.sub(r"\d+$", "N", key.removeprefix(fields["key"])) == re.sub(
            r"\d+$", "N", ours.removeprefix(call.fields["key"])
        )


def test_every_end_is_on_the_page() -> None:
    text = section(PAGE, "Each request")
    assert {each.value for each in GameEnd} | {"abandoned"} <= set(re.findall(r"`(\w+)`", text))


def test_the_figures_on_the_page_are_those_of_the_program() -> None:
    text = section(PAGE, "What goes wrong")
    assert (LIMIT, FAILURES, RESTS, LONGEST_PAUSE, MOST_AT_ONCE) == (5, 3, 30, 60_000, 20)
    assert all(
        each in text
        for each in ("five seconds", "three failures", "30 seconds", "1, 2, 4 … 60 seconds", "twenty at once")
    )
    assert {operation for operation, times in REPEATS.items() if times == 1} == {"verify-ip", "check", "start"}
