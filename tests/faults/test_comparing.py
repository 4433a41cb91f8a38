"""A store against what clients were told."""

from typing import Any

import pytest
from attrs import evolve

from radiusd.faults.comparing import DOUBLED, INVARIANT, LOST, WRONG, Stored, StoredLine, compare, read
from radiusd.faults.ledger import replay
from radiusd.store.database import Database
from tests.faults.test_ledger import a_report, an_entry

LINE = "80000001"
PROMISED = replay(
    [
        an_entry("asked", "login", line=LINE), an_entry("told", "login", line=LINE),
        a_report("asked", 100), a_report("told", 100), a_report("asked", 200),
        an_entry("asked", "event", name="USER_LOGOUT nora 1"),
        an_entry("told", "event", name="USER_LOGOUT nora 1", ended=1),
        an_entry("asked", "verify"), an_entry("told", "verify", session="gs_1"),
        an_entry("asked", "top-up", amount=50), an_entry("told", "top-up", amount=50),
    ]
)  # fmt: skip
ROW = StoredLine(name=LINE, session_id=1, is_closed=False, is_begun=True, used=(100, 0, 0))
KEPT = Stored(
    lines=[ROW],
    events=[("USER_LOGOUT nora 1", 1)],
    movements=[("top-up:first", 50), ("charge:gs_1:1", -7)],
    games=frozenset({"gs_1"}),
)


def kinds(stored: Stored) -> list[str]:
    """What is wrong with it."""
    return [each.kind for each in compare(PROMISED, stored)]


def test_a_store_that_kept_everything_is_right() -> None:
    assert kinds(KEPT) == []


def test_what_was_asked_and_not_answered_may_have_come_to_be() -> None:
    assert kinds(evolve(KEPT, lines=[evolve(ROW, used=(200, 0, 0))])) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"lines": []}, [LOST]),
        ({"lines": [evolve(ROW, used=(0, 0, 0))]}, [LOST]),
        ({"lines": [evolve(ROW, is_begun=False)]}, [LOST]),
        ({"lines": [evolve(ROW, used=(150, 0, 0))]}, [WRONG]),
        ({"lines": [evolve(ROW, session_id=None)]}, [WRONG]),
        ({"lines": [ROW, ROW]}, [DOUBLED]),
        ({"lines": [ROW, evolve(ROW, name="80000002")]}, [WRONG]),
        ({"events": []}, [LOST]),
        ({"events": [("USER_LOGOUT nora 1", 0)]}, [WRONG]),
        ({"events": [("USER_LOGOUT nora 1", 1)] * 2}, [DOUBLED]),
        ({"events": [("USER_LOGOUT nora 1", 1), ("USER_LOGIN nora 2", 0)]}, [WRONG]),
        ({"movements": [("charge:gs_1:1", -7)]}, [LOST]),
        ({"movements": [("top-up:first", 50)]}, [LOST]),
        ({"movements": [*KEPT.movements, ("charge:gs_1:1", -7)]}, [DOUBLED]),
        ({"movements": [*KEPT.movements, ("charge:gs_2:1", -7)]}, [DOUBLED]),
        ({"games": frozenset()}, [LOST]),
        ({"violations": ["S1: two on one place"]}, [INVARIANT]),
    ],
)
def test_every_fault_is_found_and_named(changed: dict[str, Any], expected: list[str]) -> None:
    assert kinds(evolve(KEPT, **changed)) == expected


def test_a_stop_that_was_told_must_have_ended_the_line() -> None:
    promised = replay([a_report("asked", 100, "Stop"), a_report("told", 100, "Stop")])
    stored = Stored(lines=[ROW])
    assert [each.kind for each in compare(promised, stored)] == [LOST]


@pytest.mark.store
def test_an_empty_store_can_be_read(database: Database) -> None:
    with database.reading() as connection:
        stored = read(connection)
    assert stored == Stored(lines=[], events=[], movements=[], violations=[])
