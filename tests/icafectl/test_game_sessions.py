"""Who plays where since when, and what became of the charge."""

import pytest

from tests.icafectl.arcade import Arcade
from tests.icafectl.counter import Counter


@pytest.fixture
def arcade(counter: Counter) -> Arcade:
    return Arcade(counter)


def test_a_live_session_is_told_with_its_time_by_the_servers_clock(counter: Counter, arcade: Arcade) -> None:
    arcade.put()
    counter.pass_time(61.999)
    (found,) = counter.read("game", "sessions")
    assert (found["game"], found["branch"], found["phase"], found["charge"]) == ("Sky", "Centre", "ACTIVE", "runs")
    assert (found["play_seconds"], found["unbilled_seconds"], found["end"]) == (61, 0, None)
    assert (found["provider_user_id"], found["internal_ip"], found["pc_user_id"]) == ("9001", "10.5.0.1", "nora")
    assert found["started_at"] == "2026-11-21T12:00:00.000Z"
    assert "1 min 1 s" in counter.run("game", "sessions")


def test_an_ended_session_tells_its_end_its_unbilled_time_and_that_its_charge_is_stopped(
    counter: Counter, arcade: Arcade
) -> None:
    arcade.played(counter.at, 300.9, "charge_exhausted", grace_from=counter.at + 200_000, unpaid_for=15_000)
    counter.pass_time(9000)
    (found,) = counter.read("game", "sessions")
    assert (found["phase"], found["end"], found["charge"]) == ("ENDED", "charge_exhausted", "stopped")
    assert (found["play_seconds"], found["unbilled_seconds"]) == (300, 115)


def test_a_charge_that_is_not_stopped_yet_is_told(counter: Counter, arcade: Arcade) -> None:
    ending = arcade.put(phase="ENDING", ended_at=counter.at + 5000, end_reason="normal")
    arcade.stop(ending, attempts=3)
    found = counter.read("game", "session", "show", ending)
    assert found["charge"] == "stopping"
    assert found["charge_stop"]["attempts"] == 3
    assert found["charge_stop"]["done_at"] is None
    shown = counter.run("game", "session", "show", ending)
    assert "stopping" in shown
    assert "2026-11-21 12:00:35 UTC" in shown


def test_an_end_without_an_order_to_stop_is_not_passed_off_as_stopped(counter: Counter, arcade: Arcade) -> None:
    arcade.put(phase="ENDING", ended_at=counter.at, end_reason="normal")
    assert counter.read("game", "sessions")[0]["charge"] == "unknown"


def test_sessions_are_chosen_by_game_branch_and_whether_they_live(counter: Counter, arcade: Arcade) -> None:
    counter.run("branch", "add", "Riverside", "--timezone", "UTC")
    counter.run("game", "add", "Maze", "--place-id", "2")
    live = arcade.put()
    grace = arcade.put(phase="GRACE", grace_from=counter.at, started_at=counter.at - 1)
    away = arcade.put(branch="Riverside", started_at=counter.at - 2)
    maze = arcade.put(game="Maze", started_at=counter.at - 3)
    over = arcade.played(counter.at - 90_000, 30)

    def ids(*options: str) -> list[str]:
        return [each["id"] for each in counter.read("game", "sessions", *options)]

    assert ids() == [live, grace, away, maze, over]
    assert ids("--live") == [live, grace, away, maze]
    assert ids("--branch", "Riverside") == [away]
    assert ids("--game", "Maze", "--live") == [maze]
    assert ids("--limit", "2") == [live, grace]
    assert "--limit 2 was reached" in counter.run("game", "sessions", "--limit", "2")
    assert [each["playing"] for each in counter.read("game", "list")] == [1, 3]


def test_a_session_in_its_grace_tells_since_when(counter: Counter, arcade: Arcade) -> None:
    grace = arcade.put(phase="GRACE", grace_from=counter.at + 1000)
    assert counter.read("game", "session", "show", grace)["unpaid_at"] == "2026-11-21T12:00:01.000Z"
    assert "Out of money since" in counter.run("game", "session", "show", grace)


def test_what_is_not_there_is_told_with_what_to_do(counter: Counter, arcade: Arcade) -> None:
    assert "icafectl game sessions" in counter.run("game", "session", "show", "gs_nope", status=1)
    assert "there is no game 'Skye': did you mean Sky?" in counter.run("game", "sessions", "--game", "Skye", status=1)
    assert "no branch 'Nowhere'" in counter.run("game", "sessions", "--branch", "Nowhere", status=1)
    assert "none" in counter.run("game", "sessions")


def test_stopping_a_game_tells_what_becomes_of_those_who_play(counter: Counter, arcade: Arcade) -> None:
    arcade.put()
    assert "who plays it now (1)" in counter.run("game", "stop", "Sky")


def test_the_period_that_charges_are_counted_in_cannot_change_while_any_runs(counter: Counter, arcade: Arcade) -> None:
    live = arcade.put()
    counter.run("game", "set", "Sky", "--rate", "6", "--period", "60s")
    assert "icafectl game stop" in counter.run("game", "set", "Sky", "--period", "30s", status=1)
    counter.execute("UPDATE game_sessions SET phase = 'ENDING', ended_at = started_at, end_reason = 'normal'")
    arcade.stop(live)
    counter.run("game", "set", "Sky", "--period", "30s", status=1)
    counter.execute("UPDATE charge_stops SET due_at = NULL, done_at = created_at")
    assert "for each begun 30 s" in counter.run("game", "set", "Sky", "--period", "30s")


def test_another_game_that_is_played_keeps_nobody_from_changing_this_one(counter: Counter, arcade: Arcade) -> None:
    counter.run("game", "add", "Maze", "--place-id", "2")
    arcade.put()
    counter.run("game", "set", "Maze", "--period", "30s")
