"""The machines answer every event in every state, and final phases are final."""

from itertools import product
from typing import get_args

import pytest

from policy import connection, game, session
from policy.connection import ConnectionEvent, ConnectionState
from policy.errors import PolicyError
from policy.game import BeatRenewed, BeatUnpaid, GameEvent, GamePhase
from policy.session import ENDINGS, Admitted, Metered, Phase
from policy.table import ignore, on, table


def test_a_connection_answers_every_event_in_every_state() -> None:
    assert set(connection.TRANSITIONS) == set(product(ConnectionState, get_args(ConnectionEvent)))


def test_a_session_answers_every_event_in_every_phase() -> None:
    assert set(session.TRANSITIONS) == set(product(Phase, (Admitted, Metered, *ENDINGS)))


def test_a_game_session_answers_every_event_in_every_phase() -> None:
    events = (*get_args(GameEvent), BeatRenewed, BeatUnpaid)
    assert set(game.TRANSITIONS) == set(product(GamePhase, events))


@pytest.mark.parametrize(
    ("phases", "lead_to"),
    [
        ({GamePhase.ENDED}, {GamePhase.ENDED}),
        ({GamePhase.EXPIRED}, {GamePhase.EXPIRED}),
        # Who plays is over only once the charge is stopped, and what is ending is never played again.
        ({GamePhase.ACTIVE, GamePhase.GRACE}, {GamePhase.ACTIVE, GamePhase.GRACE, GamePhase.ENDING}),
        ({GamePhase.ENDING}, {GamePhase.ENDING, GamePhase.ENDED, GamePhase.EXPIRED}),
    ],
)
def test_a_game_session_goes_one_way(phases: set[GamePhase], lead_to: set[GamePhase]) -> None:
    assert {row.target for (start, _), row in game.TRANSITIONS.items() if start in phases} == lead_to


def test_a_game_session_has_six_ends_to_play() -> None:
    ends = {event for (start, event), row in game.TRANSITIONS.items() if start.is_live and not row.target.is_live}
    assert ends == {
        game.EndCalled, game.Replaced, game.FellSilent, game.LauncherDied, game.GraceOver, game.SeatLeft
    }  # fmt: skip


@pytest.mark.parametrize("phase", [Phase.EXPIRED, Phase.TERMINATED])
def test_nothing_leads_out_of_a_final_phase(phase: Phase) -> None:
    assert {row.target for (start, _), row in session.TRANSITIONS.items() if start is phase} == {phase}


def test_nothing_leads_back_to_pending() -> None:
    leads_back = [
        key for key, row in session.TRANSITIONS.items() if row.target is Phase.PENDING and key[0] is not Phase.PENDING
    ]
    assert not leads_back


def test_every_end_reason_has_an_event() -> None:
    assert set(ENDINGS.values()) == set(session.EndReason)


def test_two_rows_for_one_pair_are_refused() -> None:
    row = on(Phase.ACTIVE, Metered, Phase.ACTIVE, ignore)
    with pytest.raises(PolicyError, match="two rows for ACTIVE upon Metered"):
        table(row, row)
