"""The two machines answer every event in every state, and final phases are final."""

from itertools import product
from typing import get_args

import pytest

from policy import connection, session
from policy.connection import ConnectionEvent, ConnectionState
from policy.errors import PolicyError
from policy.session import ENDINGS, Admitted, Metered, Phase
from policy.table import ignore, on, table


def test_a_connection_answers_every_event_in_every_state() -> None:
    assert set(connection.TRANSITIONS) == set(product(ConnectionState, get_args(ConnectionEvent)))


def test_a_session_answers_every_event_in_every_phase() -> None:
    assert set(session.TRANSITIONS) == set(product(Phase, (Admitted, Metered, *ENDINGS)))


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
