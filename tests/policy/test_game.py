"""A game session: how each end counts its time, when time alone ends it, and what a one-time token is good for."""

from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from policy.game import (
    Beat,
    BeatRenewed,
    BeatUnpaid,
    ChargeStopped,
    EndCalled,
    FellSilent,
    GameEnd,
    GameEvent,
    GamePhase,
    GameSession,
    GraceOver,
    LateChargeStopped,
    LauncherDied,
    Ott,
    OttRefusal,
    Replaced,
    SeatLeft,
    advance,
    consequence,
    is_launcher_dead,
    periods_begun,
    refusal,
    stopped,
    wake_at,
)
from policy.quantities import Instant, Seconds
from tests.policy.given import NOON, at

GAME, OTHER_GAME = 1, 2
MILLISECONDS = st.integers(0, 600_000)


def a_session(*events: GameEvent) -> GameSession:
    """What began at noon, after these events."""
    session = GameSession(id="gs_1", started_at=NOON, last_heartbeat_at=NOON)
    for each in events:
        session = advance(session, each)
    return session


def a_token(**more: Instant) -> Ott:
    """Issued at noon for GAME."""
    return Ott(game_id=GAME, **{"issued_at": NOON, **more})


# How long it was played


@pytest.mark.parametrize(
    ("event", "end", "played"),
    [
        (EndCalled(at(300)), GameEnd.NORMAL, 300),
        (Replaced(at(300)), GameEnd.SESSION_REPLACED, 300),
        (SeatLeft(at(300)), GameEnd.PC_LOGOUT, 300),
        (FellSilent(at(500)), GameEnd.HEARTBEAT_TIMEOUT, 120),
        (LauncherDied(at(300)), GameEnd.LAUNCHER_TIMEOUT, 120),
    ],
)
def test_each_end_counts_its_own_time(event: GameEvent, end: GameEnd, played: int) -> None:
    session = a_session(BeatRenewed(at(120)), event)
    assert (session.phase, session.end, session.played(at(9_999))) == (GamePhase.ENDING, end, played)
    assert session.unbilled == 0


def test_a_grace_counts_to_its_end_whenever_that_was_noticed() -> None:
    session = a_session(BeatRenewed(at(120)), BeatUnpaid(at(200)), GraceOver(at(900)))
    assert (session.end, session.ended_at) == (GameEnd.CHARGE_EXHAUSTED, at(320))
    assert (session.played(at(900)), session.payable(at(900)), session.unbilled) == (320, 200, 120)


@pytest.mark.parametrize(
    ("event", "played", "unbilled"),
    [
        (EndCalled(at(260)), 260, 60),
        (Replaced(at(260)), 260, 60),
        (SeatLeft(at(260)), 260, 60),
        (LauncherDied(at(260)), 230, 30),
        (FellSilent(at(470)), 230, 30),
    ],
)
def test_whatever_ends_it_in_the_grace_only_the_play_in_the_grace_is_unbilled(
    event: GameEvent, played: int, unbilled: int
) -> None:
    session = a_session(BeatUnpaid(at(200)), BeatUnpaid(at(230)), event)
    assert (session.played(at(999)), session.unbilled, session.payable(at(999))) == (played, unbilled, 200)


def test_the_grace_counts_from_the_first_refusal_whatever_comes_after() -> None:
    session = a_session(BeatUnpaid(at(100)), BeatUnpaid(at(150)), Beat(at(160)), BeatUnpaid(at(219)))
    assert (session.phase, session.grace_from) == (GamePhase.GRACE, at(100))


def test_a_lifted_grace_is_never_paid_later() -> None:
    session = a_session(BeatUnpaid(at(100)), BeatRenewed(at(150)), EndCalled(at(200)))
    assert (session.played(at(200)), session.payable(at(200)), session.unbilled) == (200, 150, 50)


def test_a_renewal_in_the_grace_lifts_it() -> None:
    session = a_session(BeatUnpaid(at(100)), BeatRenewed(at(150)))
    assert (session.phase, session.grace_from) == (GamePhase.ACTIVE, None)


def test_play_is_counted_in_whole_seconds_and_is_none_at_the_start() -> None:
    session = a_session()
    assert [session.played(Instant(NOON + each)) for each in (0, 999, 1_000, 1_999, 2_000)] == [0, 0, 1, 1, 2]


def test_clocks_of_other_servers_that_are_behind_make_no_time_negative() -> None:
    session = a_session(Beat(at(-2)))
    assert (session.played(at(-5)), session.last_heartbeat_at) == (0, NOON)
    ended = advance(session, EndCalled(at(-1)))
    assert (ended.ended_at, ended.played(at(10)), ended.unbilled) == (NOON, 0, 0)


EVENTS = st.sampled_from([Beat, BeatRenewed, BeatUnpaid])
ENDS = st.sampled_from([EndCalled, Replaced, SeatLeft, LauncherDied, FellSilent])


def evenings(began: Instant = NOON) -> st.SearchStrategy[list[GameEvent]]:
    """Heartbeats at rising instants, paid or not."""

    def placed(steps: list[tuple[int, type[Beat]]]) -> list[GameEvent]:
        events: list[GameEvent] = []
        when = began
        for pause, kind in steps:
            when = Instant(when + pause)
            events.append(kind(when))
        return events

    return st.lists(st.tuples(st.integers(0, 119_999), EVENTS), max_size=12).map(placed)


@given(evenings(), ENDS, MILLISECONDS)
def test_what_was_played_is_what_is_to_be_paid_and_what_is_not(
    beats: list[GameEvent], ending: type, pause: int
) -> None:
    session = a_session(*beats)
    when = Instant(session.last_heartbeat_at + pause)
    ended = advance(session, ending(when))
    assert ended.payable(when) + ended.unbilled == ended.played(when)
    assert 0 <= ended.unbilled <= ended.played(when)


@given(evenings())
def test_unpaid_time_is_that_between_refusals_and_renewals(beats: list[GameEvent]) -> None:
    # An independent count: between two heartbeats nothing is to be paid if the last that could tell was refused.
    unpaid, is_refused = 0, False
    for before, after in pairwise([Beat(NOON), *beats]):
        is_refused = (is_refused or isinstance(before, BeatUnpaid)) and not isinstance(before, BeatRenewed)
        unpaid += (after.at - before.at) if is_refused else 0
    session = a_session(*beats)
    when = session.last_heartbeat_at
    assert session.payable(when) == (when - NOON - unpaid) // 1000


@given(evenings(), st.lists(MILLISECONDS))
def test_neither_what_was_played_nor_what_is_to_be_paid_ever_falls(beats: list[GameEvent], pauses: list[int]) -> None:
    session, told, payable = a_session(), 0, 0
    for event in [*beats, *(EndCalled(Instant(NOON + each)) for each in pauses[:1])]:
        when = max(event.at, session.last_heartbeat_at)
        session = advance(session, event)
        if session.phase.is_live:
            assert session.played(when) >= told
            assert session.payable(when) >= payable
            told, payable = session.played(when), session.payable(when)


def test_since_when_nobody_could_tell_is_kept_until_somebody_can() -> None:
    session = a_session(Beat(at(100)), Beat(at(200)))
    assert session.unrenewed_since == at(100)
    assert advance(session, BeatRenewed(at(300))).unrenewed_since is None
    assert advance(session, BeatUnpaid(at(300))).unrenewed_since is None


# Ends


@pytest.mark.parametrize("second", [EndCalled, Replaced, SeatLeft, LauncherDied, FellSilent, GraceOver])
@pytest.mark.parametrize("first", [EndCalled, Replaced, SeatLeft, LauncherDied, FellSilent])
def test_only_the_first_end_counts(first: type, second: type) -> None:
    ended = a_session(first(at(50)))
    assert advance(ended, second(at(60))) == ended
    assert advance(ended, BeatRenewed(at(70))) == ended


def test_only_silence_expires_a_session_once_its_charge_is_stopped() -> None:
    silent, closed = a_session(FellSilent(at(240))), a_session(EndCalled(at(240)))
    assert isinstance(stopped(silent, at(241)), LateChargeStopped)
    assert isinstance(stopped(closed, at(241)), ChargeStopped)
    assert advance(silent, stopped(silent, at(241))).phase is GamePhase.EXPIRED
    assert advance(closed, stopped(closed, at(241))).phase is GamePhase.ENDED


def test_an_acknowledged_stop_changes_no_figure() -> None:
    ending = a_session(BeatUnpaid(at(100)), EndCalled(at(150)))
    ended = advance(ending, stopped(ending, at(400)))
    assert evolve(ended, phase=GamePhase.ENDING) == ending


# What follows from the time alone


@pytest.mark.parametrize(("after", "is_over"), [(239.999, False), (240, True), (240.001, True)])
def test_without_a_heartbeat_it_is_over_after_240_s(after: float, is_over: bool) -> None:
    session = a_session(BeatRenewed(at(1_000)))
    event = consequence(session, at(1_100), at(1_000 + after))
    assert isinstance(event, FellSilent) is is_over


@pytest.mark.parametrize(("after", "is_dead"), [(239.999, False), (240, False), (240.001, True)])
def test_a_launcher_is_dead_after_more_than_240_s(after: float, is_dead: bool) -> None:
    session = a_session(BeatRenewed(at(1_100)))
    assert is_launcher_dead(at(1_000), at(1_000 + after)) is is_dead
    assert isinstance(consequence(session, at(1_000), at(1_000 + after)), LauncherDied) is is_dead


@pytest.mark.parametrize(("after", "is_over"), [(119.999, False), (120, True), (120.001, True)])
def test_a_grace_is_over_after_120_s(after: float, is_over: bool) -> None:
    session = a_session(BeatUnpaid(at(1_000)), BeatUnpaid(at(1_100)))
    assert isinstance(consequence(session, at(1_100), at(1_000 + after)), GraceOver) is is_over


@pytest.mark.parametrize(
    ("launcher_seen", "grace_from", "end"),
    [
        (at(30), at(200), LauncherDied),  # 270.001, before the grace's 320 and the silence's 440
        (at(150), at(100), GraceOver),
        (at(500), None, FellSilent),
        (None, at(100), LauncherDied),
    ],
)
def test_of_several_that_are_due_the_first_to_come_is_the_end(
    launcher_seen: Instant | None, grace_from: Instant | None, end: type
) -> None:
    session = evolve(a_session(BeatRenewed(at(200))), grace_from=grace_from)
    assert isinstance(consequence(session, launcher_seen, at(5_000)), end)


def test_a_launcher_that_is_gone_ends_it_at_once() -> None:
    session = a_session(BeatRenewed(at(120)))
    assert isinstance(consequence(session, None, at(121)), LauncherDied)
    woken = wake_at(session, None)
    assert woken is not None
    assert woken <= at(121)


@pytest.mark.parametrize("phase", [GamePhase.ENDING, GamePhase.ENDED, GamePhase.EXPIRED])
def test_nothing_follows_for_what_has_ended(phase: GamePhase) -> None:
    session = evolve(a_session(EndCalled(at(10))), phase=phase)
    assert consequence(session, at(0), at(99_999)) is None
    assert wake_at(session, at(0)) is None


@given(evenings(), st.one_of(st.none(), MILLISECONDS), MILLISECONDS)
def test_nothing_follows_before_the_time_to_wake_and_something_does_then(
    beats: list[GameEvent], seen: int | None, early: int
) -> None:
    session = a_session(*beats)
    launcher_seen_at = None if seen is None else Instant(NOON + seen)
    woken = wake_at(session, launcher_seen_at)
    assert woken is not None
    assert consequence(session, launcher_seen_at, woken) is not None
    if launcher_seen_at is not None:
        assert consequence(session, launcher_seen_at, Instant(woken - 1 - early)) is None


@given(evenings(), MILLISECONDS, MILLISECONDS)
def test_what_follows_ends_it_and_nothing_follows_after_that(beats: list[GameEvent], seen: int, late: int) -> None:
    session = a_session(*beats)
    launcher_seen_at = Instant(NOON + seen)
    when = Instant(max(wake_at(session, launcher_seen_at) or 0, session.last_heartbeat_at) + late)
    event = consequence(session, launcher_seen_at, when)
    assert event is not None
    ended = advance(session, event)
    assert ended.phase is GamePhase.ENDING
    assert ended.ended_at is not None
    assert ended.ended_at <= when
    assert consequence(ended, launcher_seen_at, Instant(when + 10**9)) is None


@given(evenings(), MILLISECONDS, MILLISECONDS, MILLISECONDS)
def test_how_late_somebody_looks_changes_neither_the_end_nor_the_time(
    beats: list[GameEvent], seen: int, late: int, later_still: int
) -> None:
    session, launcher_seen_at = a_session(*beats), Instant(NOON + seen)
    woken = wake_at(session, launcher_seen_at)
    assert woken is not None
    ends = []
    for when in (Instant(woken + late), Instant(woken + late + later_still)):
        event = consequence(session, launcher_seen_at, when)
        assert event is not None
        ends.append(advance(session, event))
    assert ends[0] == ends[1]


# One-time tokens


@pytest.mark.parametrize(("age", "why"), [(59.999, None), (60, OttRefusal.EXPIRED), (61, OttRefusal.EXPIRED)])
def test_a_token_is_good_for_less_than_60_s(age: float, why: OttRefusal | None) -> None:
    assert refusal(a_token(), GAME, at(0), at(age)) is why


def test_a_token_that_nobody_issued_counts_as_expired() -> None:
    assert refusal(None, GAME, None, NOON) is OttRefusal.EXPIRED


@pytest.mark.parametrize(("silent_for", "why"), [(240, None), (240.001, OttRefusal.EXPIRED)])
def test_a_dead_launchers_token_counts_as_expired(silent_for: float, why: OttRefusal | None) -> None:
    assert refusal(a_token(), GAME, at(10 - silent_for), at(10)) is why


def test_the_token_of_a_launcher_that_ended_counts_as_expired() -> None:
    assert refusal(a_token(), GAME, None, at(1)) is OttRefusal.EXPIRED


@pytest.mark.parametrize(
    ("spent", "age", "game", "why"),
    [
        (True, 1, GAME, OttRefusal.ALREADY_USED),
        (True, 61, GAME, OttRefusal.ALREADY_USED),
        (True, 61, OTHER_GAME, OttRefusal.ALREADY_USED),
        (False, 61, OTHER_GAME, OttRefusal.EXPIRED),
        (False, 1, OTHER_GAME, OttRefusal.GAME_MISMATCH),
    ],
)
def test_used_goes_before_expired_and_expired_before_mismatch(
    spent: bool, age: float, game: int, why: OttRefusal
) -> None:
    token = a_token(spent_at=NOON) if spent else a_token()
    assert refusal(token, game, None, at(age)) is why


def test_a_mismatch_goes_before_a_launcher_that_is_gone() -> None:
    assert refusal(a_token(), OTHER_GAME, None, at(1)) is OttRefusal.GAME_MISMATCH


# Charging


def test_a_period_is_begun_at_its_first_second() -> None:
    assert [periods_begun(Seconds(each), Seconds(60)) for each in (0, 59, 60, 119, 120)] == [1, 1, 2, 2, 3]
