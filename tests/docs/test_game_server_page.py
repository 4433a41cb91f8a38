"""The page for studios: its fields, answers, codes, timings and curl lines are those of the code."""

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import attrs
import msgspec
import pytest

from policy.game import GRACE, HEARTBEAT_EVERY, OTT_LASTS, SILENT_FOR, GameSession, OttRefusal
from policy.quantities import Instant
from radiusd.jobs.verifying import CLAIM_LASTS
from radiusd.web import rates
from radiusd.web.channel import Limits
from radiusd.web.errors import STATUS_OF
from radiusd.web.games import forms, keys, table
from radiusd.web.games.envelope import GameError
from radiusd.web.routes import Route
from radiusd.web.speaking import as_json
from tests.docs import pages
from tests.docs.pages import rows

PAGE = pages.DOCS / "integrator" / "games.md"
TEXT = PAGE.read_text()
EVERYWHERE = {"NOT_FOUND", "METHOD_NOT_ALLOWED"}
"""What no route has to say of itself."""

CURL = re.compile(r'curl -sS -X (\w+) "\$URL(/game/[\w/]+)" .*--data-raw (\S+)')
ANSWERS: dict[str, type] = {"verify": forms.VerifyData, "heartbeat": forms.HeartbeatReply, "end": forms.EndReply}


def routes() -> dict[str, Route]:
    """The full addresses, by what they are called on the page."""
    served: Any = SimpleNamespace(verify=None, heartbeat=None, end=None)
    found = {each.path: each for each in table.game_routes(served)}
    return {name: found[f"/v1/game/session/{name}"] for name in ("verify", "heartbeat", "end")}


def answers() -> Iterator[tuple[str, str, str]]:
    """Call, status and code of every line of the great table."""
    for call, status, code, *_ in rows(pages.section(PAGE, "Every answer"))[1:]:
        for each in routes() if call == "all" else call.split(", "):
            yield each, status, code


def told(section: str, call: str) -> dict[str, list[str]]:
    """The rows about a call in a table whose first column stays empty where it is that of the row above."""
    found: dict[str, list[str]] = {}
    name = ""
    for first, *rest in rows(pages.section(PAGE, section)):
        name = first or name
        if name == call:
            found[rest[0].strip("`")] = rest[1:]
    return found


@pytest.mark.parametrize("name", ["verify", "heartbeat", "end"])
def test_every_code_is_told_with_its_status(name: str) -> None:
    codes = {*routes()[name].errors, *EVERYWHERE}
    failures = {(code, status) for call, status, code in answers() if call == name and status not in ("200", "none")}
    assert failures == {(code, str(STATUS_OF[code])) for code in codes}


def test_every_outcome_of_the_business_is_told() -> None:
    outcomes = {(call, code) for call, status, code in answers() if status == "200"}
    assert outcomes == {
        ("verify", "is_valid: true"),
        *(("verify", each.value) for each in OttRefusal),
        *(("heartbeat", each) for each in ("OK", "CHARGE_EXHAUSTED", "SESSION_REPLACED")),
        ("end", "SUCCESS"),
    }


@pytest.mark.parametrize("name", ["verify", "heartbeat", "end"])
def test_every_field_is_told_and_whether_it_is_needed(name: str) -> None:
    route = routes()[name]
    assert route.takes is not None
    fields = {
        each.name: "needed" if each.default is attrs.NOTHING else "may be missing" for each in attrs.fields(route.takes)
    }
    sent = told("The three calls", f"{route.method} {route.path}")
    assert {field: need for field, (need, _) in sent.items()} == fields
    assert set(told("The three calls", name)) == {each.name for each in attrs.fields(ANSWERS[name])}
    assert f"{route.largest_body} octets" in TEXT


# The curl lines


def curl_lines() -> Iterator[tuple[str, str, bytes]]:
    """Method, path and body, with something in place of what a shell puts in."""
    for block in pages.blocks_under(PAGE, "The whole flow, with curl"):
        for method, path, body in CURL.findall(block.text):
            filled = body.strip("'").replace("'$OTT'", "6ba7b810-9dad-41d1-80b4-00c04fd430c8")
            yield method, f"/v1{path}", filled.replace("'$SESSION'", "gs_1").encode()


def test_all_three_calls_are_shown_as_the_server_takes_them() -> None:
    shown = list(curl_lines())
    assert {(method, path) for method, path, _ in shown} == {(each.method, each.path) for each in routes().values()}
    for _, path, body in shown:
        route = next(each for each in routes().values() if each.path == path)
        msgspec.json.decode(body, type=route.takes, strict=True)


def test_every_curl_line_is_followed_by_its_answer() -> None:
    for block in pages.blocks_under(PAGE, "The whole flow, with curl"):
        if CURL.search(block.text):
            assert block.prints is not None, str(block)


def test_the_error_shown_has_the_form_of_errors() -> None:
    (shown,) = (each for each in pages.blocks(PAGE) if each.language == "json")
    error = msgspec.json.decode(shown.text, type=GameError)
    assert json.loads(as_json(error)) == json.loads(shown.text)
    assert STATUS_OF[error.error.code] == 410


# Figures


def test_the_timings_are_those_of_the_policy() -> None:
    times = {row[0]: row[1] for row in rows(pages.section(PAGE, "Timings"))[1:]}
    assert times == {
        "a token is good": f"{OTT_LASTS} s",
        "a heartbeat is due": f"every {HEARTBEAT_EVERY} s",
        "a session without heartbeats is over": f"at {SILENT_FOR} s",
        "a launcher without heartbeats counts as gone": f"after {SILENT_FOR} s",
        "the game goes on without coins": f"{GRACE} s",
    }
    assert f"Wait {CLAIM_LASTS} seconds" in " ".join(pages.section(PAGE, "Timings").replace("wait", "Wait").split())


class Counted:
    """A key's calls, one after the other at one instant."""

    def __init__(self) -> None:
        directory: Any = SimpleNamespace(games=None)
        self.keys = keys.Keys(lambda: directory)
        self.game: Any = SimpleNamespace(id=1)

    def many(self, at: int) -> int:
        """How many calls go through at `at`."""
        return sum(_goes(lambda: self.keys.spend(self.game, Instant(at))) for _ in range(2_000))


def _goes(call: Callable[[], None]) -> bool:
    try:
        call()
    except Exception:  # noqa: BLE001 - whatever it is, the call did not go through
        return False
    return True


def test_the_rates_are_those_of_the_code() -> None:
    text = pages.section(PAGE, "How often")
    counted = Counted()
    assert f"{counted.many(0)} at once" in text
    assert f"{counted.many(1_000)} calls a second" in text
    counted.keys.lives("gs_1", Instant(0))
    first_free = next(second for second in range(60) if counted.keys.is_due("gs_1", Instant(second * 1000)))
    assert f"{first_free} seconds have passed" in text
    assert f"Wrong keys: {keys.WRONG_KEYS.most} a minute" in text
    assert keys.WRONG_KEYS.seconds == 60
    assert f"{rates.PC_EVENTS.most} calls in ten seconds" in text
    assert rates.PC_EVENTS.seconds == 10
    assert f"{Limits().connections_per_address} connections" in text


def test_the_short_addresses_are_those_of_the_table() -> None:
    served: Any = SimpleNamespace(verify=None, heartbeat=None, end=None)
    short = {(each.method, each.path) for each in table.game_routes(served) if each.path.startswith("/session/")}
    text = pages.section(PAGE, "Short addresses, and a description for programs")
    assert set(re.findall(r"`([A-Z]+) (/session/\w+)`", text)) == short


def test_play_time_begins_at_nothing_and_is_rounded_down() -> None:
    session = GameSession(id="gs_1", started_at=Instant(0), last_heartbeat_at=Instant(0))
    assert (session.played(Instant(0)), session.played(Instant(1_999))) == (0, 1)
    assert "in whole seconds rounded\ndown" in pages.section(PAGE, "Which play time counts")
