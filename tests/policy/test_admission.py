"""Who gets in, on which pass, with what; and who does not, and why."""

import pytest
from attrs import evolve

from policy.accounts import Account, Device
from policy.admission import Refused, admit
from policy.connection import Closing, ConnectionState
from policy.effects import Disconnect, SessionEnded
from policy.facts import explain
from policy.holding import Holding, cut_session
from policy.package import Clock, Hours, Rate
from policy.passes import Pass
from policy.quantities import DAY, HOUR, MINUTE, BitsPerSecond, Instant, Octets, Seconds
from policy.session import EndReason, Phase, Session
from tests.policy.given import (
    BRANCH,
    LAPTOP,
    NOON,
    PHONE,
    TABLET,
    a_holding,
    a_package,
    a_question,
    ask,
    at,
    figures,
    interim,
    log_in,
    refusal,
    start,
    stop,
)


def test_the_first_login_starts_the_clock_and_the_session() -> None:
    holding, accepted = log_in(a_holding(), when=at(600))
    assert holding.bought.first_login_at == at(600)
    assert holding.session(1).phase is Phase.ACTIVE
    assert (accepted.session_id, accepted.time) == (1, HOUR)


def test_nobody_began_before_the_first_login_whichever_server_was_quicker() -> None:
    holding, _ = log_in(a_holding(devices=2), when=at(1))
    holding, accepted = log_in(holding, TABLET, NOON)
    assert holding.session(accepted.session_id).started_at == at(1)


def test_a_wall_clock_runs_while_nobody_is_online() -> None:
    holding, _ = log_in(a_holding())
    _, accepted = log_in(holding, when=at(1200))
    assert accepted.time == 2400


def test_what_is_left_is_rounded_down() -> None:
    holding, _ = log_in(a_holding())
    _, accepted = log_in(holding, when=at(0.001))
    assert accepted.time == 3599


def test_nobody_gets_in_with_less_than_a_second_left() -> None:
    holding, _ = log_in(a_holding())
    _, admission = ask(holding, when=at(3599.5))
    assert refusal(admission).reason == "pass_time_spent"


def test_after_the_end_the_session_is_expired_by_the_very_question() -> None:
    holding, _ = log_in(a_holding())
    holding, admission = ask(holding, when=at(3601))
    assert refusal(admission).reason == "pass_time_spent"
    assert (holding.session(1).phase, holding.session(1).end_reason) == (Phase.EXPIRED, EndReason.TIME_EXPIRED)
    assert holding.session(1).ended_at == at(3600)


def test_time_online_stands_still_while_nobody_is_online() -> None:
    holding, accepted = log_in(a_holding(clock=Clock.ONLINE))
    holding, _ = start(holding, accepted.connection_id, NOON)
    holding, _ = stop(holding, accepted.connection_id, at(600), figures(600), cause=4)
    _, accepted = log_in(holding, when=at(7200))
    assert accepted.time == 3000


def test_a_package_without_limits_sends_none() -> None:
    _, accepted = log_in(a_holding(time=None))
    assert (accepted.time, accepted.data, accepted.rate) == (None, None, None)


def test_a_pass_not_used_in_time_is_refused_and_expired() -> None:
    holding, admission = ask(a_holding(validity=DAY), when=at(DAY))
    assert refusal(admission).reason == "pass_unused_too_long"
    assert holding.session(1).phase is Phase.EXPIRED


def test_validity_no_longer_matters_after_the_first_login() -> None:
    holding, _ = log_in(a_holding(validity=HOUR, time=2 * HOUR), when=at(3599))
    _, accepted = log_in(holding, when=at(3700))
    assert accepted.time == 7200 - 101


def test_with_no_data_left_the_answer_is_no() -> None:
    holding, accepted = log_in(a_holding(data=Octets(1000)))
    holding, _ = interim(holding, accepted.connection_id, at(60), figures(60, 400, 600))
    assert holding.session(1).is_active
    _, admission = ask(holding, when=at(61))
    assert refusal(admission).reason == "pass_data_spent"


def test_the_data_left_is_granted() -> None:
    holding, accepted = log_in(a_holding(data=Octets(1000)))
    assert accepted.data == 1000
    holding, _ = interim(holding, accepted.connection_id, at(60), figures(60, 100, 200))
    _, accepted = log_in(holding, when=at(61))
    assert accepted.data == 700


def test_outside_its_hours_a_package_is_refused() -> None:
    hours = Hours(Seconds(8 * HOUR), Seconds(12 * HOUR))
    _, admission = ask(a_holding(hours=hours))
    refused = refusal(admission)
    assert (refused.reason, refused.text) == ("out_of_hours", "Your package is good from 08:00 to 12:00.")
    assert explain(admission.facts[-1]).endswith("is good from 08:00 to 12:00 only")


def test_within_its_hours_a_login_lasts_no_longer_than_they_do() -> None:
    hours = Hours(Seconds(8 * HOUR), Seconds(12 * HOUR + 30 * MINUTE))
    _, accepted = log_in(a_holding(hours=hours))
    assert accepted.time == 30 * MINUTE


def test_hours_are_those_of_the_branch() -> None:
    hours = Hours(Seconds(18 * HOUR), Seconds(20 * HOUR))
    branch = evolve(BRANCH, utc_offset=Seconds(7 * HOUR))  # noon in UTC is 19:00 there
    _, accepted = log_in(a_holding(hours=hours), branch=branch)
    assert accepted.time == HOUR


def test_hours_may_span_midnight() -> None:
    night = Hours(Seconds(22 * HOUR), Seconds(6 * HOUR))
    assert [night.until_closing(Seconds(hour * HOUR)) for hour in (21, 22, 0, 6)] == [0, 8 * HOUR, 6 * HOUR, 0]


def test_a_full_package_refuses_the_next_guest_but_not_those_within() -> None:
    holding = a_holding(max_users=2)
    _, admission = ask(holding, users={"1h": 2})
    assert refusal(admission).reason == "pass_full"
    inside, _ = log_in(holding, users={"1h": 1})
    log_in(inside, when=at(5), users={"1h": 2})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"account": Account(1, "nora", 1, is_blocked=True)}, "account_blocked"),
        ({"device": Device(PHONE, is_blocked=True)}, "device_blocked"),
        ({"account": Account(1, "nora", 2)}, "other_branch"),
    ],
)
def test_who_may_not_be_here_is_refused(more: dict[str, object], reason: str) -> None:
    admission = admit(evolve(a_question(), **more), (a_holding(),))
    assert refusal(admission).reason == reason
    assert not admission.steps


def test_without_a_pass_the_guest_is_told_to_buy_one() -> None:
    admission = admit(a_question(), ())
    assert refusal(admission) == Refused("no_pass", "No package left. Please buy one at the counter.")


# Devices


def test_the_same_device_comes_back_to_its_session() -> None:
    holding, first = log_in(a_holding(), acct_session_id="80100001")
    holding, again = log_in(holding, when=at(60), acct_session_id="80100002")
    assert again.session_id == first.session_id
    assert again.connection_id != first.connection_id


def test_a_request_asked_again_means_the_same_connection() -> None:
    holding, first = log_in(a_holding(), acct_session_id="80100001")
    _, again = log_in(holding, when=at(1), acct_session_id="80100001")
    assert again.connection_id == first.connection_id


def test_with_one_place_the_new_device_cuts_the_old_one() -> None:
    holding, first = log_in(a_holding())
    holding, admission = ask(holding, TABLET, at(60))
    old = holding.session(1)
    assert (old.phase, old.end_reason) == (Phase.TERMINATED, EndReason.DEVICE_CONFLICT)
    effects = admission.steps[0][1]
    assert [type(each) for each in effects] == [SessionEnded, Disconnect]
    assert effects[1] == Disconnect(first.connection_id)


def test_a_login_asked_again_after_its_place_was_taken_is_not_hit_by_the_order_for_the_first_answer() -> None:
    holding, first = log_in(a_holding(), acct_session_id="80100001")
    holding, _ = log_in(holding, TABLET, at(1), acct_session_id="80100002")
    holding, again = log_in(holding, PHONE, at(2), acct_session_id="80100001")
    assert again.connection_id != first.connection_id
    assert holding.connection(first.connection_id).closing is Closing.NEVER_STARTED


def test_a_line_that_began_is_cut_whatever_is_asked_under_its_id() -> None:
    holding, first = log_in(a_holding(), acct_session_id="80100001")
    holding, _ = start(holding, first.connection_id, at(1), acct_session_id="80100001")
    holding, _ = log_in(holding, TABLET, at(2), acct_session_id="80100002")
    holding, _ = log_in(holding, PHONE, at(3), acct_session_id="80100001")
    assert holding.connection(first.connection_id).state is ConnectionState.CUTTING


def test_what_is_left_goes_on_in_the_new_devices_session() -> None:
    holding, _ = log_in(a_holding())
    holding, accepted = log_in(holding, TABLET, at(1000))
    assert accepted.time == 2600
    assert accepted.session_id != 1
    assert holding.session(accepted.session_id).device == TABLET


def test_with_two_places_the_third_device_is_told_who_holds_them() -> None:
    holding, _ = log_in(a_holding(devices=2))
    holding, _ = log_in(holding, TABLET, at(1))
    _, admission = ask(holding, LAPTOP, at(2))
    assert refusal(admission).reason == "device_limit"
    assert PHONE in refusal(admission).text
    assert TABLET in refusal(admission).text


def test_a_device_that_is_gone_gives_up_its_place() -> None:
    holding, first = log_in(a_holding(devices=2))
    holding, _ = start(holding, first.connection_id, NOON)
    holding, _ = stop(holding, first.connection_id, at(10), figures(10), cause=4)
    holding, _ = log_in(holding, TABLET, at(20))
    holding, accepted = log_in(holding, LAPTOP, at(30))
    assert holding.session(1).end_reason is EndReason.DEVICE_CONFLICT
    assert holding.session(accepted.session_id).slot == 1


def test_a_device_accepted_and_never_started_holds_its_place_for_five_minutes() -> None:
    holding, _ = log_in(a_holding(devices=2))
    holding, _ = log_in(holding, TABLET, at(1))
    _, admission = ask(holding, LAPTOP, at(299))
    assert refusal(admission).reason == "device_limit"
    log_in(holding, LAPTOP, at(302))


# Several passes


def test_the_pass_that_runs_is_used_before_the_one_that_waits() -> None:
    first, _ = log_in(a_holding(), PHONE)
    second = Holding(
        Pass(id=2, account_id=1, terms=a_package(), sold_at=Instant(NOON - 1)),
        (Session(id=2, pass_id=2, created_at=NOON),),
    )
    admission = admit(a_question(TABLET, at(5)), (second, first))
    assert explain(admission.facts[0]).startswith("pass 1,")


def test_when_the_running_pass_is_used_up_the_next_begins() -> None:
    first, _ = log_in(a_holding(), PHONE)
    second = Holding(
        Pass(id=2, account_id=1, terms=a_package(), sold_at=NOON), (Session(id=2, pass_id=2, created_at=NOON),)
    )
    admission = admit(a_question(PHONE, at(3700)), (first, second))
    assert not isinstance(admission.answer, Refused)
    assert (admission.answer.session_id, admission.answer.time) == (2, HOUR)


# Held


def test_after_a_cut_by_the_staff_no_device_gets_in_on_that_pass() -> None:
    holding, _ = log_in(a_holding())
    holding, effects = cut_session(holding, 1, "smoking", at(10))
    assert holding.session(1).end_reason is EndReason.ADMIN_ACTION
    assert any(isinstance(each, Disconnect) for each in effects)
    for device in (PHONE, TABLET):
        assert refusal(ask(holding, device, at(11))[1]).reason == "pass_held"


def test_devices_that_are_in_may_come_back_while_the_pass_is_held() -> None:
    holding, _ = log_in(a_holding(devices=2))
    holding, other = log_in(holding, TABLET, at(1))
    holding, _ = cut_session(holding, 1, "lost phone", at(10))
    log_in(holding, TABLET, at(11))
    assert refusal(ask(holding, PHONE, at(12))[1]).reason == "pass_held"
    assert holding.session(other.session_id).is_active


def test_what_is_granted_is_what_was_sold() -> None:
    rate = Rate(BitsPerSecond(2_000_000), BitsPerSecond(10_000_000))
    _, accepted = log_in(a_holding(rate=rate, devices=3))
    assert (accepted.rate, accepted.devices) == (rate, 3)


def test_every_refusal_and_every_grant_can_be_told_in_words() -> None:
    holding, _ = log_in(a_holding())
    for admission in (ask(holding, TABLET, at(5))[1], ask(holding, PHONE, at(4000))[1]):
        assert all("{" not in explain(each) for each in admission.facts)
