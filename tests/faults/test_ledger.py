"""What must be in a store, worked out from what clients were told."""

from typing import Any

from radiusd.faults.ledger import NOTHING, Ledger, replay


def a_report(which: str, up: int, status: str = "other", line: str = "80000001") -> dict[str, Any]:
    """An entry of a diary."""
    return {"which": which, "kind": "report", "line": line, "status": status, "up": up, "down": 0, "seconds": 0}


def an_entry(which: str, kind: str, **fields: Any) -> dict[str, Any]:
    """An entry of a diary."""
    return {"which": which, "kind": kind, **fields}


def of(*entries: dict[str, Any]) -> Ledger:
    """Their ledger."""
    return replay(entries)


def test_a_line_stands_at_its_last_acknowledged_report_or_at_a_later_one() -> None:
    line = of(
        a_report("asked", 100),
        a_report("told", 100),
        a_report("asked", 200),
        a_report("told", 200),
        a_report("asked", 300),
    ).lines["80000001"]
    assert [line.allows((up, 0, 0)) for up in (0, 100, 200, 300, 400)] == [False, False, True, True, False]


def test_a_line_whose_reports_nobody_acknowledged_may_stand_at_any_of_them_or_at_none() -> None:
    line = of(a_report("asked", 100), a_report("asked", 200)).lines["80000001"]
    assert all(line.allows(each) for each in (NOTHING, (100, 0, 0), (200, 0, 0)))


def test_acknowledgements_that_come_in_another_order_do_not_take_anything_back() -> None:
    line = of(a_report("asked", 100), a_report("asked", 200), a_report("told", 200), a_report("told", 100)).lines[
        "80000001"
    ]
    assert not line.allows((100, 0, 0))


def test_an_unanswered_stop_may_have_ended_the_line_and_an_answered_one_has() -> None:
    asked = of(a_report("asked", 1, "Stop")).lines["80000001"]
    told = of(a_report("asked", 1, "Stop"), a_report("told", 1, "Stop")).lines["80000001"]
    assert (asked.end_asked, asked.end_told) == (True, False)
    assert (told.end_asked, told.end_told) == (True, True)


def test_tokens_whose_verification_nobody_heard_of_are_in_doubt() -> None:
    ledger = of(
        an_entry("asked", "verify"), an_entry("asked", "verify"), an_entry("asked", "verify"),
        an_entry("told", "verify", session="gs_1"), an_entry("told", "verify", session=None),
    )  # fmt: skip
    assert (ledger.charges, ledger.tokens_in_doubt) == ({"gs_1"}, 1)


def test_only_money_that_was_told_to_be_there_is_counted() -> None:
    ledger = of(
        an_entry("asked", "top-up", amount=5),
        an_entry("told", "top-up", amount=5),
        an_entry("asked", "top-up", amount=9),
    )
    assert ledger.put == 5


def test_an_event_is_known_with_what_it_was_told_to_have_ended() -> None:
    ledger = of(
        an_entry("asked", "event", name="a"),
        an_entry("asked", "event", name="b"),
        an_entry("told", "event", name="b", ended=1),
    )
    assert ledger.events == {"a": None, "b": 1}
