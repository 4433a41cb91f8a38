"""An Acct-Session-Id is used again; a report must not land on the wrong connection."""

from attrs import evolve

from policy.connection import AccountingStart, AccountingStop, Closing, ConnectionState, InterimUpdate, finish
from policy.matching import is_about
from tests.policy.given import a_connection, at, figures

OPEN = a_connection(acct_session_id="8050005a")
STOPPED = a_connection(
    acct_session_id="8050005a", state=ConnectionState.CLOSED, closing=Closing.STOPPED, closed_at=at(600)
)


def a_start(when: float, *, is_dated: bool = True) -> AccountingStart:
    return AccountingStart(at=at(when), acct_session_id="8050005A", is_dated=is_dated)


def test_hexadecimal_digits_match_in_either_case() -> None:
    assert is_about(OPEN, a_start(0), by_class=False)


def test_another_name_is_another_connection_even_under_our_class() -> None:
    assert not is_about(OPEN, InterimUpdate(at=at(60), acct_session_id="80500060"), by_class=True)


def test_a_connection_not_named_yet_takes_any_name() -> None:
    assert is_about(a_connection(), a_start(0), by_class=True)


def test_a_start_from_before_the_stop_is_the_old_one_come_late() -> None:
    assert is_about(STOPPED, a_start(10), by_class=False)


def test_a_start_after_the_stop_opens_a_new_line_under_the_old_name() -> None:
    assert not is_about(STOPPED, a_start(605), by_class=True)


def test_a_start_within_what_servers_may_differ_by_is_the_old_one_come_late() -> None:
    assert is_about(STOPPED, a_start(601), by_class=True)


def test_an_undated_start_after_the_stop_is_taken_for_late_under_our_class_only() -> None:
    assert is_about(STOPPED, a_start(900, is_dated=False), by_class=True)
    assert not is_about(STOPPED, a_start(900, is_dated=False), by_class=False)


def test_a_report_of_a_line_begun_after_the_stop_is_another_lines() -> None:
    later = InterimUpdate(at=at(900), acct_session_id="8050005a", report=figures(60))
    assert not is_about(STOPPED, later, by_class=False)


def test_a_late_report_and_a_repeated_stop_belong_to_the_stopped_line() -> None:
    assert is_about(STOPPED, InterimUpdate(at=at(610), acct_session_id="8050005a", report=figures(590)), by_class=False)
    assert is_about(
        STOPPED, AccountingStop(at=at(620), acct_session_id="8050005a", report=figures(600)), by_class=False
    )


def test_the_stop_that_was_recorded_is_known_by_its_counters_whenever_it_seems_to_be_of() -> None:
    counted = figures(1, 54150, 541500)
    stopped = finish(OPEN, AccountingStop(at=at(1), acct_session_id="8050005a", report=counted))
    stopped = evolve(stopped, state=ConnectionState.CLOSED)
    again = AccountingStop(at=at(5), acct_session_id="8050005a", report=counted)
    assert is_about(stopped, again, by_class=False)
    assert not is_about(stopped, evolve(again, report=figures(1, 54150, 541501)), by_class=False)
