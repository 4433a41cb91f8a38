"""The program on the page for makers of PC systems: what it sends again, what it renews, and what it lets go."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.docs import pages
from tests.pc_sync.given import KEY, NOW, TOKEN

PAGE = pages.DOCS / "integrator" / "pc-sync.md"
SETTINGS = {"location_id": "loc_centre", "token": TOKEN, "signing_key": KEY.decode(), "url": "http://server.invalid"}


class World:
    """The clock, and a server that answers what it is told; sleeping takes no time."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW / 1000
        self.answers: list[int] = []
        self.sent: list[bytes] = []
        self.slept: list[float] = []
        (source,) = (each.text for each in pages.blocks(PAGE) if "class Events" in each.text)
        found = re.search(r"<<'END'\n(.*)^END$", source, re.MULTILINE | re.DOTALL)
        assert found is not None
        names: dict[str, Any] = {}
        exec(compile(found[1], "pc_events.py", "exec"), names)  # noqa: S102 - the page's own text
        names.update(time=self, datetime=SimpleNamespace(now=lambda zone: datetime.fromtimestamp(self.now, zone)))
        self.events = names["Events"](SETTINGS, str(folder / "events.sqlite3"))
        self.events._post = self._post

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def _post(self, body: bytes) -> tuple[int, str]:
        self.sent.append(body)
        return (self.answers.pop(0) if self.answers else 200), ""

    @property
    def told(self) -> list[tuple[str, str]]:
        """Type and user of what was sent."""
        return [(event["event_type"], event["pc_user_id"]) for event in map(json.loads, self.sent)]

    def kept(self) -> int:
        """How many events wait."""
        return int(self.events.kept.execute("SELECT count(*) FROM events").fetchone()[0])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.events.kept.close()


def test_what_is_not_answered_is_sent_again_to_the_letter(world: World) -> None:
    world.events.happened("USER_LOGOUT", "nora_01")
    world.answers = [0, 503, 500, 429]
    world.events.deliver()
    assert len(world.sent) == 5
    assert len(set(world.sent)) == 1
    assert (world.slept, world.kept()) == ([1, 2, 4, 8], 0)


def test_each_keeps_its_place(world: World) -> None:
    for kind in ("USER_LOGOUT", "USER_LOGIN", "USER_LOGOUT"):
        world.events.happened(kind, "nora_01")
        world.now += 1
    world.answers = [200, 503]
    world.events.deliver()
    assert [kind for kind, _ in world.told] == ["USER_LOGOUT", "USER_LOGIN", "USER_LOGIN", "USER_LOGOUT"]


def test_after_four_minutes_only_how_things_stand_is_told_with_the_present_time(world: World) -> None:
    world.events.happened("USER_LOGOUT", "nora_01")
    world.events.happened("USER_LOGIN", "nora_01")
    world.events.happened("BALANCE_UPDATE", "nora_01")
    world.events.happened("USER_LOGOUT", "minh_02")
    world.answers = [0] * 12
    world.events.deliver()
    assert sorted(world.told[-2:]) == [("USER_LOGIN", "nora_01"), ("USER_LOGOUT", "minh_02")]
    for body in world.sent[-2:]:
        happened = datetime.fromisoformat(json.loads(body)["timestamp"])
        assert abs(happened.timestamp() - world.now) < 240
    assert world.kept() == 0


def test_a_mistake_is_not_repeated_and_holds_nobody_up(world: World) -> None:
    world.events.happened("USER_LOGOUT", "")
    world.events.happened("USER_LOGOUT", "minh_02")
    world.answers = [400]
    world.events.deliver()
    assert world.told == [("USER_LOGOUT", ""), ("USER_LOGOUT", "minh_02")]


def test_who_is_not_believed_asks_once_a_minute_and_never_with_what_is_too_old(world: World) -> None:
    world.events.happened("USER_LOGOUT", "nora_01")
    world.answers = [401] * 10
    ages: list[float] = []
    plain = world.events._post

    def post(body: bytes) -> tuple[int, str]:
        ages.append(world.now - datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp())
        answer: tuple[int, str] = plain(body)
        return answer

    world.events._post = post
    world.events.deliver()
    assert world.slept == [60] * 10
    assert max(ages) <= 300


def test_it_writes_the_time_as_the_page_says(world: World) -> None:
    world.events.happened("USER_LOGIN", "nora_01")
    world.events.deliver()
    assert json.loads(world.sent[0])["timestamp"] == datetime.fromtimestamp(NOW / 1000, UTC).isoformat(
        timespec="milliseconds"
    )
