"""What cafés played in a month, for the studios' invoices."""

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from radiusd.icafectl import settlement
from tests.icafectl.arcade import Arcade
from tests.icafectl.counter import Counter


@pytest.fixture
def arcade(counter: Counter) -> Arcade:
    return Arcade(counter)


def at(text: str) -> int:
    """An instant in UTC, as in `2026-11-05 12:00`."""
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def exported(counter: Counter, *options: str, month: str = "2026-11") -> dict[str, Any]:
    """The settlement of Sky as JSON."""
    counter.run("settlement", "export", "--month", month, "--game", "Sky", "--format", "json", *options)
    found: dict[str, Any] = json.loads(counter.stdout)
    return found


def rows(counter: Counter, *options: str) -> list[dict[str, str]]:
    """The settlement of Sky as CSV."""
    counter.run("settlement", "export", "--month", "2026-11", "--game", "Sky", *options)
    return list(csv.DictReader(counter.stdout.splitlines()))


def sums(record: dict[str, Any]) -> tuple[Any, ...]:
    names = ("sessions", "play_seconds", "unbilled_seconds", "abnormal_sessions", "abnormal_seconds", "open_sessions")
    return tuple(record[name] for name in names)


def test_each_cafe_has_a_row_and_all_have_one(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Riverside", "--timezone", "UTC")
    counter.run("branch", "add", "Quiet", "--timezone", "UTC")
    noon = at("2026-11-05 12:00")
    arcade.played(noon, 60.999)
    arcade.played(noon, 120, "heartbeat_timeout")
    arcade.played(noon, 300, "charge_exhausted", branch="Riverside", grace_from=noon + 180_000, unpaid_for=10_000)
    first, second, total = rows(counter)
    assert (first["row"], first["branch"], *sums(first)) == ("cafe", "Centre", "2", "180", "0", "1", "120", "0")
    assert (second["row"], second["branch"], *sums(second)) == ("cafe", "Riverside", "1", "300", "130", "0", "0", "0")
    assert (total["row"], total["branch"], *sums(total)) == ("total", "", "3", "480", "130", "1", "120", "0")
    assert {each["month"] for each in (first, total)} == {"2026-11"}
    assert {each["game"] for each in (first, total)} == {"Sky"}
    assert (first["begins_at"], first["ends_at"]) == ("2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z")


def test_json_says_the_same_as_csv(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Riverside", "--timezone", "UTC")
    arcade.played(at("2026-11-05 12:00"), 60, "launcher_timeout")
    arcade.played(at("2026-11-05 12:00"), 61, branch="Riverside")
    found, (*cafes, total) = exported(counter), rows(counter)
    assert [list(map(str, sums(each))) for each in found["cafes"]] == [list(sums(each)) for each in cafes]
    assert list(map(str, sums(found["total"]))) == list(sums(total))
    assert [each["branch"] for each in found["cafes"]] == ["Centre", "Riverside"]
    assert "sessions" not in found
    assert (found["game"], found["month"], found["not_counted"]) == ("Sky", "2026-11", [])


def test_a_session_belongs_to_the_month_in_which_it_began_by_its_cafes_clock(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Saigon", "--timezone", "Asia/Ho_Chi_Minh")
    for branch in ("Centre", "Saigon"):
        for text in ("2026-10-31 16:59:59.999", "2026-10-31 17:00", "2026-11-30 16:59:59.999", "2026-11-30 17:00"):
            arcade.played(at(text), 60, branch=branch)
    assert [each["sessions"] for each in rows(counter)] == ["2", "2", "4"]
    found = exported(counter, "--sessions")
    assert [(each["branch"], each["started_at"]) for each in found["sessions"]] == [
        ("Saigon", "2026-10-31T17:00:00.000Z"),
        ("Centre", "2026-11-30T16:59:59.999Z"),
        ("Saigon", "2026-11-30T16:59:59.999Z"),
        ("Centre", "2026-11-30T17:00:00.000Z"),
    ]


def test_every_session_is_in_exactly_one_month_also_over_the_end_of_the_year(counter: Counter, arcade: Arcade) -> None:
    starts = ["2026-11-30 23:59:59.999", "2026-12-01 00:00", "2026-12-31 23:59:59.999", "2027-01-01 00:00"]
    for each in starts:
        arcade.played(at(each), 7200)
    counted = [exported(counter, month=each)["total"]["sessions"] for each in ("2026-11", "2026-12", "2027-01")]
    assert counted == [1, 2, 1]


def test_what_is_not_over_is_listed_apart_and_not_counted(counter: Counter, arcade: Arcade) -> None:
    noon = at("2026-11-05 12:00")
    live = arcade.put(started_at=noon)
    grace = arcade.put(started_at=noon + 1, phase="GRACE", grace_from=noon + 2)
    ending = arcade.put(started_at=noon + 2, phase="ENDING", ended_at=noon + 5002, end_reason="normal")
    over = arcade.played(noon, 60)
    found = exported(counter, "--sessions")
    assert sums(found["total"]) == (1, 60, 0, 0, 0, 3)
    assert [each["id"] for each in found["sessions"]] == [over]
    assert [(each["id"], each["play_seconds"]) for each in found["not_counted"]] == [
        (live, None),
        (grace, None),
        (ending, 5),
    ]
    assert [each["id"] for each in exported(counter)["not_counted"]] == [live, grace, ending]
    assert rows(counter)[0]["open_sessions"] == "3"
    assert "not counted" in counter.run("settlement", "export", "--month", "2026-11", "--game", "Sky")


def test_a_session_is_told_with_all_that_an_invoice_may_be_disputed_by(counter: Counter, arcade: Arcade) -> None:
    began = at("2026-11-05 12:00")
    arcade.played(began, 90.5, "launcher_timeout", client_seconds=99, unpaid_for=2500)
    assert exported(counter, "--sessions")["sessions"] == [
        {
            "id": "gs_0001",
            "branch": "Centre",
            "provider_user_id": "9001",
            "phase": "ENDED",
            "started_at": "2026-11-05T12:00:00.000Z",
            "ended_at": "2026-11-05T12:01:30.500Z",
            "end": "launcher_timeout",
            "is_abnormal": True,
            "play_seconds": 90,
            "unbilled_seconds": 2,
            "client_seconds": 99,
        }
    ]


def test_another_game_or_another_branch_is_left_out(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Riverside", "--timezone", "UTC")
    counter.run("game", "add", "Maze", "--place-id", "2")
    noon = at("2026-11-05 12:00")
    arcade.played(noon, 10)
    arcade.played(noon, 100, branch="Riverside")
    arcade.played(noon, 1000, game="Maze")
    assert exported(counter)["total"]["play_seconds"] == 110
    assert exported(counter, "--branch", "Riverside")["total"]["play_seconds"] == 100


def test_a_month_without_play_is_a_total_of_nothing(counter: Counter, arcade: Arcade) -> None:
    assert [each["row"] for each in rows(counter)] == ["total"]
    assert exported(counter, "--sessions") == {
        "game": "Sky",
        "month": "2026-11",
        "sessions": [],
        "not_counted": [],
        "cafes": [],
        "total": exported(counter)["total"],
    }


def test_a_month_that_is_not_over_somewhere_is_told(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Honolulu", "--timezone", "Pacific/Honolulu")
    counter.at = at("2026-12-01 00:00")  # type: ignore[assignment]
    told = counter.run("settlement", "export", "--month", "2026-11", "--game", "Sky")
    assert "the month is not over at Honolulu: " in told
    counter.at = at("2026-12-01 10:00")  # type: ignore[assignment]
    assert "not over" not in counter.run("settlement", "export", "--month", "2026-11", "--game", "Sky")


def test_a_file_is_written_and_never_replaced_unasked(counter: Counter, arcade: Arcade, tmp_path: Path) -> None:
    target = tmp_path / "sky.csv"
    words = ("settlement", "export", "--month", "2026-11", "--game", "Sky", "--output", str(target))
    arcade.played(at("2026-11-05 12:00"), 60)
    assert "sessions: 1, cafés: 1, play: 1 min" in counter.run(*words)
    before = target.read_text()
    assert before.startswith("row,month,")
    arcade.played(at("2026-11-05 12:00"), 60)
    assert "--force" in counter.run(*words, status=1)
    assert target.read_text() == before
    counter.run(*words, "--force")
    assert target.read_text() != before
    assert target.stat().st_mode & 0o077 == 0o044 & ~_umask()


def _umask() -> int:
    found = Path("/proc/self/status").read_text().split("Umask:\t")[1].split("\n")[0]
    return int(found, 8)


def test_a_failure_in_the_middle_leaves_no_file(
    counter: Counter, arcade: Arcade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        yield None
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(settlement.stored, "lines", broken)
    folder = tmp_path / "out"
    folder.mkdir()
    words = ("--month", "2026-11", "--game", "Sky", "--format", "json", "--output", str(folder / "a.json"))
    assert "Input/output error" in counter.run("settlement", "export", *words, status=2)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told", "status"),
    [
        (("--month", "2026-13", "--game", "Sky"), "as in 2026-11", 2),
        (("--month", "11/2026", "--game", "Sky"), "as in 2026-11", 2),
        (("--month", "2026-11", "--game", "Skye"), "did you mean Sky?", 1),
        (("--month", "2026-11", "--game", "Sky", "--branch", "Center"), "did you mean Centre?", 1),
        (("--month", "2026-11", "--game", "Sky", "--sessions"), "--format json", 2),
        (("--month", "2026-11", "--game", "Sky", "--force"), "--output FILE", 2),
    ],
)
def test_what_cannot_be_is_told(counter: Counter, arcade: Arcade, options: list[str], told: str, status: int) -> None:
    assert told in counter.run("settlement", "export", *options, status=status)


def test_more_sessions_than_are_read_at_once_are_all_counted(
    counter: Counter, arcade: Arcade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radiusd.store.settlement._AT_ONCE", 3)
    monkeypatch.setattr(settlement, "_AT_ONCE", 3)
    for number in range(10):
        arcade.played(at("2026-11-05 12:00") + number % 2, number)
    found = exported(counter, "--sessions")
    assert (found["total"]["sessions"], found["total"]["play_seconds"]) == (10, 45)
    assert len({each["id"] for each in found["sessions"]}) == 10
