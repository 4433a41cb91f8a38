"""What follows from reports, time and reboots."""

import pytest

from policy.connection import Closing, ConnectionState, CutProven, RouterRebooted
from policy.effects import Disconnect, SessionEnded
from policy.holding import Holding, expire, is_spent, lose_connection, online, reboot, wake_at
from policy.package import Clock, Hours
from policy.quantities import DAY, HOUR, Octets, Seconds
from policy.session import EndReason, Phase
from policy.usage import Report, Usage
from tests.policy.given import (
    BRANCH,
    NOON,
    TABLET,
    a_holding,
    at,
    figures,
    interim,
    log_in,
    start,
    stop,
)


def logged_in(**terms: object) -> tuple[Holding, int]:
    """A phone that is online since noon, and its connection."""
    holding, accepted = log_in(a_holding(**terms), acct_session_id="80100001")
    return start(holding, accepted.connection_id, NOON)[0], accepted.connection_id


# Counting


def test_usage_adds_up_from_connection_to_session_to_pass() -> None:
    holding, line = logged_in()
    holding, _ = interim(holding, line, at(60), figures(60, 100, 900))
    expected = Usage(Octets(100), Octets(900), Seconds(60))
    assert holding.connection(line).counters.used == holding.session(1).used == holding.bought.used == expected


def test_session_time_never_exceeds_wall_time() -> None:
    holding, line = logged_in()
    holding, _ = interim(holding, line, at(60), figures(100_000, 1, 1))
    assert holding.bought.used.seconds == 62


def test_more_than_the_data_limit_expires_the_session_and_cuts() -> None:
    holding, line = logged_in(data=Octets(1000))
    holding, effects = interim(holding, line, at(60), figures(60, 400, 601))
    assert (holding.session(1).phase, holding.session(1).end_reason) == (Phase.EXPIRED, EndReason.DATA_LIMIT)
    assert Disconnect(line) in effects
    assert holding.connection(line).state is ConnectionState.CUTTING


def test_exactly_the_data_limit_does_not() -> None:
    holding, line = logged_in(data=Octets(1000))
    holding, effects = interim(holding, line, at(60), figures(60, 400, 600))
    assert holding.session(1).is_active
    assert not effects


def test_a_cap_beyond_four_gigabytes_is_counted_right() -> None:
    holding, line = logged_in(data=Octets(10_000_000_000))
    holding, _ = interim(holding, line, at(60), figures(60, 0, 10_000_000_000))
    assert holding.session(1).is_active
    holding, _ = interim(holding, line, at(120), figures(120, 0, 10_000_000_001))
    assert holding.session(1).end_reason is EndReason.DATA_LIMIT


def test_the_data_of_all_devices_counts() -> None:
    holding, line = logged_in(data=Octets(1000), devices=2)
    holding, other = log_in(holding, TABLET, at(1))
    holding, _ = interim(holding, line, at(60), figures(60, 600, 0))
    holding, effects = interim(holding, other.connection_id, at(60), figures(59, 0, 600))
    assert {each.phase for each in holding.sessions} == {Phase.EXPIRED}
    assert {each for each in effects if isinstance(each, Disconnect)} == {
        Disconnect(line),
        Disconnect(other.connection_id),
    }


def test_usage_reported_after_the_end_still_counts() -> None:
    holding, line = logged_in(data=Octets(1000))
    holding, _ = interim(holding, line, at(60), figures(60, 0, 2000))
    holding, _ = stop(holding, line, at(61), figures(61, 0, 2500), cause=6)
    assert holding.bought.used.downloaded == 2500
    assert holding.connection(line).closing is Closing.STOPPED


# Stops


def test_a_logout_at_the_router_terminates_the_session() -> None:
    holding, line = logged_in()
    holding, effects = stop(holding, line, at(60), figures(60, 1, 1), cause=1)
    assert (holding.session(1).phase, holding.session(1).end_reason) == (Phase.TERMINATED, EndReason.USER_LOGOUT)
    assert [type(each) for each in effects] == [SessionEnded]


def test_losing_the_signal_leaves_the_session_to_be_taken_up_again() -> None:
    holding, line = logged_in()
    holding, _ = stop(holding, line, at(60), figures(60, 1, 1), cause=2)
    assert holding.session(1).is_active
    _, accepted = log_in(holding, when=at(90))
    assert accepted.session_id == 1


def test_when_the_router_has_counted_the_time_down_the_session_is_expired() -> None:
    holding, line = logged_in()
    holding, _ = stop(holding, line, at(3599), figures(3599, 1, 1), cause=5)
    assert (holding.session(1).phase, holding.session(1).end_reason) == (Phase.EXPIRED, EndReason.TIME_EXPIRED)


def test_when_the_router_cut_at_the_data_limit_the_session_is_expired() -> None:
    holding, line = logged_in(data=Octets(1000))
    holding, _ = stop(holding, line, at(60), figures(60, 0, 1000), cause=10)
    assert holding.session(1).end_reason is EndReason.DATA_LIMIT


def test_a_stop_during_a_cut_is_no_logout() -> None:
    holding, _ = logged_in()
    holding, accepted = log_in(holding, TABLET, at(60))
    old = next(each for each in holding.connections if each.session_id == 1)
    holding, _ = stop(holding, old.id, at(61), figures(61), cause=1)
    assert holding.session(1).end_reason is EndReason.DEVICE_CONFLICT
    assert holding.session(accepted.session_id).is_active


# Time


def test_time_alone_expires_a_session() -> None:
    holding, line = logged_in()
    assert wake_at(holding, BRANCH, at(60)) == at(3600)
    assert expire(holding, BRANCH, at(3599.9)) == (holding, ())
    holding, effects = expire(holding, BRANCH, at(3600))
    assert (holding.session(1).end_reason, holding.session(1).ended_at) == (EndReason.TIME_EXPIRED, at(3600))
    assert Disconnect(line) in effects


def test_time_online_runs_out_while_the_router_is_silent() -> None:
    holding, line = logged_in(clock=Clock.ONLINE)
    holding, _ = interim(holding, line, at(1200), figures(1200))
    assert online(holding, at(1500)) == 1500
    assert wake_at(holding, BRANCH, at(1500)) == at(3600)
    holding, _ = expire(holding, BRANCH, at(3600))
    assert holding.session(1).end_reason is EndReason.TIME_EXPIRED


def test_two_devices_use_time_online_twice_as_fast() -> None:
    holding, _ = logged_in(clock=Clock.ONLINE, devices=2)
    holding, other = log_in(holding, TABLET, NOON, acct_session_id="80100002")
    holding, _ = start(holding, other.connection_id, NOON)
    assert wake_at(holding, BRANCH, NOON) == at(1800)


def test_a_pass_never_used_expires_with_its_validity() -> None:
    holding = a_holding(validity=DAY)
    assert wake_at(holding, BRANCH, NOON) == at(DAY)
    holding, _ = expire(holding, BRANCH, at(DAY))
    assert (holding.session(1).phase, holding.session(1).ended_at) == (Phase.EXPIRED, at(DAY))
    assert is_spent(holding, at(DAY))


def test_at_closing_time_the_session_ends_and_the_pass_stays() -> None:
    holding, line = logged_in(time=None, hours=Hours(Seconds(8 * HOUR), Seconds(13 * HOUR)))
    assert wake_at(holding, BRANCH, at(600)) == at(HOUR)
    holding, effects = expire(holding, BRANCH, at(HOUR))
    assert holding.session(1).end_reason is EndReason.TIME_EXPIRED
    assert Disconnect(line) in effects
    assert not is_spent(holding, at(HOUR))


def test_a_pass_with_nothing_left_is_spent() -> None:
    holding, _ = logged_in()
    assert not is_spent(holding, at(3600))  # its session is still to be ended
    holding, _ = expire(holding, BRANCH, at(3600))
    assert is_spent(holding, at(3600))


# Cuts


def test_an_acknowledged_cut_closes_the_connection() -> None:
    holding, line = logged_in(data=Octets(1))
    holding, _ = interim(holding, line, at(60), figures(60, 1, 1))
    holding = lose_connection(holding, line, CutProven(at(61), Closing.GONE))
    assert (holding.connection(line).state, holding.connection(line).closing) == (
        ConnectionState.CLOSED,
        Closing.GONE,
    )


def test_a_report_after_an_acknowledged_cut_shows_it_was_none_and_cuts_again() -> None:
    holding, line = logged_in(data=Octets(1))
    holding, _ = interim(holding, line, at(60), figures(60, 1, 1))
    holding = lose_connection(holding, line, CutProven(at(61), Closing.GONE))
    holding, effects = interim(holding, line, at(180), figures(180, 5, 5))
    assert holding.connection(line).state is ConnectionState.CUTTING
    assert effects == (Disconnect(line),)


def test_a_late_report_from_before_the_cut_does_not_cut_again() -> None:
    holding, line = logged_in(data=Octets(1))
    holding, _ = interim(holding, line, at(60), figures(60, 1, 1))
    holding = lose_connection(holding, line, CutProven(at(61), Closing.GONE))
    holding, effects = interim(holding, line, at(62), figures(62, 2, 2))
    assert not effects
    assert holding.bought.used.octets == 4


def test_nothing_reopens_a_stopped_connection() -> None:
    holding, line = logged_in()
    holding, _ = stop(holding, line, at(60), figures(60, 1, 1), cause=2)
    holding, _ = interim(holding, line, at(600), figures(600, 2, 2))
    assert holding.connection(line).is_closed


# Reboots


def test_a_reboot_ends_sessions_at_their_last_packet() -> None:
    holding, line = logged_in()
    holding, _ = interim(holding, line, at(120), figures(120, 1, 1))
    holding, effects = reboot(holding, 1, "", None, RouterRebooted(at(900)), "Accounting-On")
    session = holding.session(1)
    assert (session.phase, session.end_reason, session.ended_at) == (
        Phase.TERMINATED,
        EndReason.NAS_REBOOT,
        at(120),
    )
    assert (holding.connection(line).closing, holding.connection(line).closed_at) == (Closing.REBOOTED, at(120))
    assert [type(each) for each in effects] == [SessionEnded]


def test_after_a_reboot_the_guest_gets_back_in_on_what_is_left() -> None:
    holding, _ = logged_in()
    holding, _ = reboot(holding, 1, "", None, RouterRebooted(at(900)), "Accounting-On")
    _, accepted = log_in(holding, when=at(1000))
    assert accepted.time == 2600


def test_another_routers_reboot_does_not_matter() -> None:
    holding, _ = logged_in()
    assert reboot(holding, 2, "", None, RouterRebooted(at(900)), "Accounting-On") == (holding, ())


def test_a_reboot_that_is_told_late_closes_nothing_that_was_opened_since() -> None:
    holding, _ = log_in(a_holding(), when=at(1000))
    assert reboot(holding, 1, "", None, RouterRebooted(at(900)), "Accounting-On") == (holding, ())


def test_connections_of_the_new_boot_stay() -> None:
    holding, accepted = log_in(a_holding(), acct_session_id="80200001", boot="2")
    assert reboot(holding, 1, "", "2", RouterRebooted(at(9)), "boot 2") == (holding, ())
    after, _ = reboot(holding, 1, "", "3", RouterRebooted(at(9)), "boot 3")
    assert after.connection(accepted.connection_id).closing is Closing.REBOOTED


def test_a_report_after_a_wrongly_inferred_reboot_is_cut_off() -> None:
    holding, line = logged_in()
    holding, _ = reboot(holding, 1, "", None, RouterRebooted(at(60)), "guessed")
    holding, effects = interim(holding, line, at(120), figures(120, 9, 9))
    assert effects == (Disconnect(line),)
    assert holding.bought.used.octets == 18


def test_a_start_on_the_same_router_closes_the_line_whose_stop_was_lost() -> None:
    holding, line = logged_in()
    holding, _ = interim(holding, line, at(120), figures(120, 1, 1))
    holding, accepted = log_in(holding, when=at(500), acct_session_id="80100002")
    holding, _ = start(holding, accepted.connection_id, at(501))
    lost = holding.connection(line)
    assert (lost.closing, lost.closed_at) == (Closing.SUPERSEDED, at(120))
    assert holding.session(1).is_active


def test_a_phone_that_roams_keeps_both_lines_open() -> None:
    holding, line = logged_in()
    holding, accepted = log_in(holding, when=at(500), router_id=2, acct_session_id="80100001")
    holding, _ = start(holding, accepted.connection_id, at(501))
    assert not holding.connection(line).is_closed


@pytest.mark.parametrize("report", [Report(), figures(60, 0, 0)])
def test_an_empty_stop_takes_nothing_back(report: Report) -> None:
    holding, line = logged_in()
    holding, _ = interim(holding, line, at(50), figures(50, 100, 200))
    holding, _ = stop(holding, line, at(60), report, cause=2)
    assert holding.bought.used.octets == 300
