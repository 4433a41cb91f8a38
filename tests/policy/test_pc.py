"""Logging off the gaming PC: which sessions end, what is left of the pass, and when its clock stands still."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from policy.admission import Accepted
from policy.connection import FoundGone
from policy.effects import Disconnect, SessionEnded
from policy.holding import Holding, cut_session, expire, is_spent, left, lose_connection, wake_at
from policy.package import Clock
from policy.passes import time_left
from policy.pc import LoggedOff, Presence, Resume, log_off, resume
from policy.quantities import HOUR, Instant, Seconds
from policy.session import EndReason, Phase
from tests.policy.given import (
    BRANCH,
    NOON,
    PHONE,
    TABLET,
    a_holding,
    ask,
    at,
    figures,
    interim,
    log_in,
    refusal,
    start,
    stop,
)

HERE, ELSEWHERE = 1, 2
A_DAY = st.integers(0, 86_400_000)


def logged_off(when: Instant, *, heard: Instant | None = None) -> LoggedOff:
    """Nora's PC was logged off; heard of at once, unless told otherwise."""
    return LoggedOff(
        at=when if heard is None else heard, happened_at=when, pc_user="nora_01", branch="q1", router_ids={HERE}
    )


def after_logout(holding: Holding, when: Instant, rule: Resume = Resume.AFTER_PC_LOGIN) -> Holding:
    """As it is once the PC was logged off, which ended somebody's session."""
    after, _, ended = log_off(holding, logged_off(when), rule, is_of_branch=True)
    assert ended
    return after


def online_since_noon(**terms: object) -> tuple[Holding, int]:
    holding, accepted = log_in(a_holding(**terms))
    return start(holding, accepted.connection_id, NOON)[0], accepted.connection_id


def rest(holding: Holding, when: Instant) -> Seconds:
    found = left(holding, BRANCH, when)
    assert found is not None
    return found


# Which sessions end


def test_a_logout_ends_the_session_and_cuts_its_connection() -> None:
    holding, line = online_since_noon()
    holding, effects, ended = log_off(holding, logged_off(at(60)), Resume.FREE, is_of_branch=True)
    session = holding.session(1)
    assert ended == 1
    assert (session.phase, session.end_reason, session.ended_at) == (Phase.TERMINATED, EndReason.PC_LOGOUT, at(60))
    told, cut = effects
    assert cut == Disconnect(line)
    assert isinstance(told, SessionEnded)
    assert [each.code for each in told.facts] == ["ended", "pc_logged_off"]
    assert told.facts[1].values == {"pc_user": "nora_01", "branch": "q1"}


def test_both_devices_end() -> None:
    holding, phone = online_since_noon(devices=2)
    holding, tablet = log_in(holding, TABLET, at(1))
    holding, effects, ended = log_off(holding, logged_off(at(60)), Resume.AFTER_PC_LOGIN, is_of_branch=True)
    assert ended == 2
    assert {each for each in effects if isinstance(each, Disconnect)} == {
        Disconnect(phone),
        Disconnect(tablet.connection_id),
    }
    assert not any(holding.active())
    assert holding.bought.paused_at == at(60)


def test_nobody_online_is_nothing_to_end_and_nothing_to_hold() -> None:
    for holding in (a_holding(), after_logout(online_since_noon()[0], at(60))):
        assert log_off(holding, logged_off(at(90)), Resume.AFTER_PC_LOGIN, is_of_branch=True) == (holding, (), 0)


def test_a_session_that_began_after_the_event_stays() -> None:
    holding, _ = log_in(a_holding(), when=at(60))
    late = logged_off(at(59), heard=at(120))
    assert log_off(holding, late, Resume.AFTER_PC_LOGIN, is_of_branch=True) == (holding, (), 0)


def test_a_session_that_began_with_the_event_ends() -> None:
    holding, _ = log_in(a_holding(), when=at(60))
    assert log_off(holding, logged_off(at(60)), Resume.FREE, is_of_branch=True)[2] == 1


def test_a_session_that_stays_keeps_the_clock_running() -> None:
    holding, _ = online_since_noon(devices=2)
    holding, _ = log_in(holding, TABLET, at(60))
    holding, _, ended = log_off(holding, logged_off(at(30), heard=at(90)), Resume.AFTER_PC_LOGIN, is_of_branch=True)
    assert ended == 1
    assert [each.device for each in holding.active()] == [TABLET]
    assert (holding.bought.held, holding.bought.paused_at) == (None, None)


def test_what_is_online_at_another_branchs_router_stays() -> None:
    holding, _ = log_in(a_holding(), router_id=ELSEWHERE)
    for is_of_branch in (True, False):
        event = logged_off(at(60))
        assert log_off(holding, event, Resume.AFTER_PC_LOGIN, is_of_branch=is_of_branch) == (holding, (), 0)


def test_of_two_devices_only_the_one_at_this_branch_ends() -> None:
    holding, _ = online_since_noon(devices=2)
    holding, _ = log_in(holding, TABLET, at(1), router_id=ELSEWHERE)
    holding = after_logout(holding, at(60))
    assert [each.device for each in holding.active()] == [TABLET]
    assert holding.bought.held is None


def test_a_session_without_a_connection_is_where_its_pass_was_bought() -> None:
    holding, line = online_since_noon()
    holding = lose_connection(holding, line, FoundGone(at(30)))
    assert holding.session(1).is_active
    assert log_off(holding, logged_off(at(60)), Resume.FREE, is_of_branch=False)[2] == 0
    assert log_off(holding, logged_off(at(60)), Resume.FREE, is_of_branch=True)[2] == 1


# What is left of the pass


def test_free_lets_the_guest_in_again_at_once() -> None:
    holding = after_logout(online_since_noon()[0], at(60), Resume.FREE)
    assert isinstance(ask(holding, PHONE, at(61))[1].answer, Accepted)


def test_never_holds_the_pass_while_its_clock_runs_on() -> None:
    holding = after_logout(online_since_noon()[0], at(60), Resume.NEVER)
    assert refusal(ask(holding, PHONE, at(61))[1]).reason == "pass_held"
    assert holding.bought.paused_at is None
    assert rest(holding, at(600)) == 3000


def test_after_pc_login_the_guest_is_told_what_the_pass_waits_for() -> None:
    holding = after_logout(online_since_noon()[0], at(60))
    answer = refusal(ask(holding, PHONE, at(61))[1])
    assert answer.reason == "pass_waits_for_pc"
    assert "Log in at a PC" in answer.text


def test_the_clock_stands_still_from_when_we_heard_of_it_for_until_then_the_guest_was_online() -> None:
    holding, _ = online_since_noon()
    holding, _, _ = log_off(holding, logged_off(at(60), heard=at(90)), Resume.AFTER_PC_LOGIN, is_of_branch=True)
    assert rest(holding, at(600)) == 3510
    assert holding.bought.held == "the gaming PC of nora_01 was logged off"


def test_a_pass_that_waits_is_neither_spent_nor_woken() -> None:
    holding = after_logout(online_since_noon()[0], at(60))
    late = at(10 * HOUR)
    assert rest(holding, late) == 3540
    assert not is_spent(holding, late)
    assert wake_at(holding, BRANCH, late) is None
    assert expire(holding, BRANCH, late) == (holding, ())


def test_once_resumed_the_guest_gets_in_on_what_was_left() -> None:
    holding = resume(after_logout(online_since_noon()[0], at(60)), at(10 * HOUR))
    holding, accepted = log_in(holding, when=at(10 * HOUR))
    assert accepted.time == 3540
    assert wake_at(holding, BRANCH, at(10 * HOUR)) == at(10 * HOUR + 3540)
    holding, _ = expire(holding, BRANCH, at(10 * HOUR + 3540))
    assert {each.end_reason for each in holding.sessions} == {EndReason.PC_LOGOUT, EndReason.TIME_EXPIRED}


def test_a_pass_whose_time_was_over_gets_none_by_waiting() -> None:
    holding = after_logout(online_since_noon()[0], Instant(at(HOUR) + 300))
    resumed = resume(holding, Instant(at(5 * HOUR) + 299))
    assert rest(resumed, Instant(at(5 * HOUR) + 299)) == 0
    assert refusal(ask(resumed, PHONE, at(5 * HOUR + 1))[1]).reason == "pass_time_spent"


def test_what_the_administrator_holds_stays_held() -> None:
    holding, _ = online_since_noon(devices=2)
    holding, _ = log_in(holding, TABLET, at(1))
    holding, _ = cut_session(holding, 1, "shouting", at(30))
    for rule in Resume:
        bought = after_logout(holding, at(60), rule).bought
        assert (bought.held, bought.paused_at) == ("shouting", None)


def test_resuming_a_pass_that_only_staff_held_moves_no_clock() -> None:
    holding = after_logout(online_since_noon()[0], at(60), Resume.NEVER)
    resumed = resume(holding, at(600))
    assert (resumed.bought.held, resumed.bought.paused_for) == (None, 0)
    assert rest(resumed, at(600)) == 3000


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    holding = after_logout(online_since_noon()[0], at(600))
    assert resume(holding, at(500)).bought.paused_for == 0


@given(st.lists(st.tuples(A_DAY, A_DAY), min_size=1, max_size=8))
def test_a_wall_clock_has_as_much_left_after_every_pause_as_before(stretches: list[tuple[int, int]]) -> None:
    holding, now = a_holding(time=Seconds(40 * HOUR)), NOON
    for online, away in stretches:
        holding, admission = ask(holding, when=now)
        if not isinstance(admission.answer, Accepted):
            assert rest(holding, now) == 0
            return
        now = Instant(now + online)
        before = rest(holding, now)
        holding = after_logout(holding, now)
        assert rest(holding, Instant(now + away)) == before
        now = Instant(now + away)
        holding = resume(holding, now)
        # In the guest's favour, and by less than a second.
        assert before <= rest(holding, now) <= before + 1


@given(st.lists(A_DAY, min_size=1, max_size=20))
def test_many_pauses_give_away_less_than_a_second_each(pauses: list[int]) -> None:
    bought, now = evolve(a_holding().bought, first_login_at=NOON), NOON
    for away in pauses:
        paused = evolve(bought, held="the PC is off", paused_at=now)
        now = Instant(now + away)
        bought = resume(Holding(paused), now).bought
    found = time_left(bought, Seconds(0), now)
    assert found is not None
    assert HOUR <= found < HOUR + len(pauses)


@given(st.lists(st.tuples(st.integers(0, 900), A_DAY), min_size=1, max_size=4))
def test_a_clock_of_time_online_has_as_much_left_after_every_pause(stretches: list[tuple[int, int]]) -> None:
    holding, now, used = a_holding(time=HOUR, clock=Clock.ONLINE), NOON, 0
    for online, away in stretches:
        if used == HOUR:
            return
        holding, accepted = log_in(holding, when=now)
        holding, _ = start(holding, accepted.connection_id, now)
        now = Instant(now + online * 1000)
        if online + used < HOUR:
            holding, _ = interim(holding, accepted.connection_id, now, figures(online))
        holding, _, _ = log_off(holding, logged_off(now), Resume.AFTER_PC_LOGIN, is_of_branch=True)
        holding, _ = stop(holding, accepted.connection_id, now, figures(online))
        used += online
        now = Instant(now + away)
        assert rest(holding, now) == HOUR - used
        holding = resume(holding, now)
        assert rest(holding, now) == HOUR - used


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_an_event_ends_exactly_what_was_online_when_it_happened(began: int, happened: int) -> None:
    holding, _ = log_in(a_holding(), when=Instant(NOON + began))
    event = logged_off(Instant(NOON + happened), heard=at(60))
    assert log_off(holding, event, Resume.FREE, is_of_branch=True)[2] == (1 if began <= happened else 0)


# Presence

EVENTS = st.lists(st.tuples(st.booleans(), A_DAY.map(lambda ms: Instant(NOON + ms))), max_size=6)


def seen(events: list[tuple[bool, Instant]]) -> Presence:
    presence = Presence()
    for is_login, when in events:
        presence = presence.with_login(when) if is_login else presence.with_logout(when)
    return presence


@given(EVENTS.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_presence_is_the_same_in_whatever_order_events_come(orders: tuple[list[object], list[object]]) -> None:
    one, another = orders
    assert seen(one) == seen(another)  # type: ignore[arg-type]


@given(EVENTS, A_DAY.map(lambda ms: Instant(NOON + ms)))
def test_an_event_is_overtaken_by_what_happened_after_it_and_by_nothing_else(
    events: list[tuple[bool, Instant]], when: Instant
) -> None:
    presence = seen(events)
    assert presence.is_older_than_login(when) == any(is_login and each > when for is_login, each in events)
    assert presence.is_older_than_logout(when) == any(not is_login and each > when for is_login, each in events)


def test_nobody_seen_overtakes_nothing() -> None:
    assert not Presence().is_older_than_login(NOON)
    assert not Presence().is_older_than_logout(NOON)


def test_what_happens_in_the_same_instant_overtakes_nothing() -> None:
    assert not Presence().with_login(NOON).is_older_than_login(NOON)
    assert not Presence().with_logout(NOON).is_older_than_logout(NOON)
