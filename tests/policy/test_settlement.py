"""What a session counts in a settlement."""

from typing import Any

import pytest

from policy.game import GameEnd, GamePhase, GameSession
from policy.quantities import Instant
from policy.settlement import Tally, tally

NOON = Instant(1_795_262_400_000)


def a_session(milliseconds: int = 90_000, end: GameEnd = GameEnd.NORMAL, **more: Any) -> GameSession:
    phase = GamePhase.EXPIRED if end is GameEnd.HEARTBEAT_TIMEOUT else GamePhase.ENDED
    settled = {"phase": phase, "ended_at": NOON + milliseconds, "end": end}
    return GameSession(id="gs_1", started_at=NOON, last_heartbeat_at=NOON, **{**settled, **more})


def test_each_sessions_seconds_are_rounded_down_before_they_are_added() -> None:
    both = tally(a_session(1_999)) + tally(a_session(1_999))
    assert (both.sessions, both.play_seconds) == (2, 2)


def test_what_was_not_billed_is_the_lifted_graces_and_the_last_one() -> None:
    session = a_session(300_000, GameEnd.CHARGE_EXHAUSTED, grace_from=NOON + 180_000, unpaid_for=15_999)
    counted = tally(session)
    assert (counted.play_seconds, counted.unbilled_seconds) == (300, 136)  # of 164.001 s, 164 are paid


@pytest.mark.parametrize("end", GameEnd)
def test_abnormal_is_what_nobody_told_the_end_of(end: GameEnd) -> None:
    is_abnormal = end in (GameEnd.HEARTBEAT_TIMEOUT, GameEnd.LAUNCHER_TIMEOUT)
    counted = tally(a_session(60_000, end))
    assert counted.sessions == 1
    assert (counted.abnormal_sessions, counted.abnormal_seconds) == ((1, 60) if is_abnormal else (0, 0))


@pytest.mark.parametrize("phase", [GamePhase.ACTIVE, GamePhase.GRACE, GamePhase.ENDING])
def test_what_can_still_change_is_counted_apart_and_nowhere_else(phase: GamePhase) -> None:
    is_live = phase.is_live
    ended = {"ended_at": None, "end": None} if is_live else {}
    assert tally(a_session(60_000, phase=phase, grace_from=NOON, **ended)) == Tally(open_sessions=1)


def test_tallies_add_up_side_by_side() -> None:
    one = Tally(
        sessions=1, play_seconds=2, unbilled_seconds=3, abnormal_sessions=4, abnormal_seconds=5, open_sessions=6
    )
    assert one + one == Tally(
        sessions=2, play_seconds=4, unbilled_seconds=6, abnormal_sessions=8, abnormal_seconds=10, open_sessions=12
    )
    assert one + Tally() == one
