"""A meter does exactly what the whole machine would have done, or says that the machine must be asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.connection import Closing, Connection, ConnectionState, InterimUpdate
from policy.holding import Holding, gathered, report, settled, wake_at
from policy.meter import (
    Meter,
    Taken,
    counted_from,
    is_ordinary,
    is_shared,
    metered,
    octets_allowed,
    quiet_until,
)
from policy.package import Clock, Hours
from policy.quantities import HOUR, Instant, Octets, Seconds
from policy.usage import Counters, Report, Usage
from tests.policy.given import (
    BRANCH,
    LAPTOP,
    NOON,
    PHONE,
    TABLET,
    a_connection,
    a_holding,
    at,
    figures,
    interim,
    log_in,
    start,
    stop,
)

DEVICES = (PHONE, TABLET, LAPTOP)


def a_meter(holding: Holding, connection_id: int, when: Instant) -> Meter:
    """The meter of an ordinary connection, whose pass was last looked at as a whole at `when`."""
    line = holding.connection(connection_id)
    used = line.counters.used
    return Meter(
        connection_id=line.id,
        opened_at=line.opened_at,
        last_at=line.last_at,
        uploaded=used.uploaded,
        downloaded=used.downloaded,
        seconds=used.seconds,
        octets_allowed=octets_allowed(holding, line),
        quiet_until=quiet_until(holding, wake_at(holding, BRANCH, when)),
        counted_from=counted_from(holding, line),
    )


def meters_of(holding: Holding, when: Instant) -> dict[int, Meter]:
    return {each.id: a_meter(holding, each.id, when) for each in holding.connections if is_ordinary(each)}


def parts(holding: Holding) -> tuple[Any, ...]:
    """A holding in which the order of sessions and connections does not count."""
    return (
        holding.bought,
        {each.id: each for each in holding.sessions},
        {each.id: each for each in holding.connections},
    )


def an_evening(guests: int, **terms: Any) -> tuple[Holding, list[int], Instant]:
    """A pass that so many devices are on, one after the other, their connections, and when the last began."""
    holding = a_holding(**terms)
    lines = []
    when = NOON
    for number, device in enumerate(DEVICES[:guests]):
        when = at(number * 1.3)
        holding, accepted = log_in(holding, device, when, acct_session_id=f"8010000{number}")
        holding, _ = start(holding, accepted.connection_id, when, acct_session_id=f"8010000{number}")
        lines.append(accepted.connection_id)
    return holding, lines, when


# Every kind of pass, and reports that are prompt or late, honest or not

TIMES = st.sampled_from([None, 40, 600, 3600])
passes = st.fixed_dictionaries(
    {
        "time": TIMES.map(lambda seconds: None if seconds is None else Seconds(seconds)),
        "data": st.sampled_from([None, Octets(1), Octets(3000), Octets(5_000_000_000)]),
        "clock": st.sampled_from(list(Clock)),
        "hours": st.sampled_from([None, Hours(Seconds(8 * HOUR), Seconds(12 * HOUR + 90))]),
    }
).map(lambda terms: {**terms, "clock": Clock.WALL} if terms["time"] is None else terms)
milliseconds = st.one_of(st.integers(-2_000, 100_000), st.integers(580_000, 620_000), st.integers(3_590_000, 3_602_000))
octets = st.one_of(st.integers(0, 4_000), st.sampled_from([0, 1, 2999, 3000, 3001, 2**32 - 1, 2**32, 5_000_000_001]))
seconds = st.one_of(st.integers(-4, 4), st.just(-100_000), st.just(100_000))
"""How much more a report says than the clock does."""
interims = st.lists(st.tuples(st.integers(0, 2), milliseconds, octets, octets, seconds), min_size=1, max_size=8)


@given(passes, st.integers(1, 3), st.integers(1, 3), interims)
def test_what_a_meter_takes_is_what_the_machine_would_have_made_of_it(
    terms: dict[str, Any], devices: int, places: int, reports: list[tuple[int, int, int, int, int]]
) -> None:
    holding, lines, when = an_evening(min(devices, places), devices=places, **terms)
    meters = meters_of(holding, when)
    for which, after, uploaded, downloaded, ahead in reports:
        line = lines[which % len(lines)]
        reported_at = Instant(NOON + after)
        counted = max(0, (reported_at - holding.connection(line).opened_at) // 1000 + ahead)
        event = InterimUpdate(at=reported_at, report=figures(counted, uploaded, downloaded))
        expected, effects = report(holding, line, event, BRANCH)
        taken = Taken.NOT_ORDINARY
        if line in meters:
            taken = meters[line].take(reported_at, uploaded, downloaded, counted)
        if taken is Taken.NOT_ORDINARY:
            holding, meters = expected, meters_of(expected, reported_at)
            continue
        assert effects == ()
        assert (parts(expected) == parts(holding)) == (taken is Taken.NOTHING_NEW)
        holding = metered(holding, meters[line])
        assert parts(holding) == parts(expected)


@pytest.mark.parametrize("clock", list(Clock))
def test_an_ordinary_evening_never_needs_the_machine(clock: Clock) -> None:
    holding, (line,), when = an_evening(1, clock=clock, data=Octets(10_000_000))
    meter = a_meter(holding, line, when)
    assert [meter.take(at(60 * minute + 0.5), 100 * minute, 1000 * minute, 60 * minute) for minute in range(1, 59)] == [
        Taken.COUNTED
    ] * 58
    assert metered(holding, meter).bought.used == Usage(Octets(5_800), Octets(58_000), Seconds(58 * 60))


def test_what_was_reported_before_is_nothing_new() -> None:
    holding, (line,), when = an_evening(1)
    meter = a_meter(holding, line, when)
    assert meter.take(at(60), 10, 20, 60) is Taken.COUNTED
    assert meter.take(at(60), 10, 20, 60) is Taken.NOTHING_NEW
    assert meter.take(at(30), 5, 10, 30) is Taken.NOTHING_NEW
    assert (meter.uploaded, meter.downloaded, meter.seconds, meter.last_at) == (10, 20, 60, at(60))


def test_a_meter_that_says_it_is_not_ordinary_has_counted_nothing() -> None:
    holding, (line,), when = an_evening(1, data=Octets(1000))
    meter = a_meter(holding, line, when)
    assert meter.take(at(60), 500, 501, 60) is Taken.NOT_ORDINARY
    assert meter.take(at(3600), 1, 1, 60) is Taken.NOT_ORDINARY
    assert metered(holding, meter) is holding


def test_the_last_octet_of_a_pass_is_ordinary_and_one_more_is_not() -> None:
    holding, (line,), when = an_evening(1, data=Octets(1000))
    assert a_meter(holding, line, when).take(at(60), 400, 600, 60) is Taken.COUNTED
    assert a_meter(holding, line, when).take(at(60), 400, 601, 60) is Taken.NOT_ORDINARY


def test_data_that_an_earlier_connection_used_is_not_allowed_again() -> None:
    holding, (line,), _ = an_evening(1, data=Octets(1000))
    holding, _ = stop(holding, line, at(60), figures(60, 0, 900), cause=2)
    holding, accepted = log_in(holding, when=at(90), acct_session_id="80100009")
    holding, _ = start(holding, accepted.connection_id, at(90), acct_session_id="80100009")
    meter = a_meter(holding, accepted.connection_id, at(90))
    assert meter.octets_allowed == 100


def test_where_another_connection_may_use_the_data_up_the_machine_is_asked() -> None:
    shared, lines, when = an_evening(2, devices=2, data=Octets(1000))
    assert is_shared(shared.bought)
    assert a_meter(shared, lines[0], when).take(at(60), 0, 1, 60) is Taken.NOT_ORDINARY
    roamed, (line,), _ = an_evening(1, data=Octets(1000))
    roamed, accepted = log_in(roamed, when=at(30), router_id=2, acct_session_id="80100009")
    roamed, _ = interim(roamed, accepted.connection_id, at(40), figures(10, 1, 1))  # its Start was lost
    for each in (line, accepted.connection_id):
        assert is_ordinary(roamed.connection(each))
        assert a_meter(roamed, each, at(40)).take(at(60), 0, 5, 30) is Taken.NOT_ORDINARY


def test_seconds_online_that_run_ahead_of_the_clock_are_looked_at() -> None:
    holding, (line,), _ = an_evening(1, clock=Clock.ONLINE)
    holding, _ = interim(holding, line, at(600), figures(0, 1, 1))
    meter = a_meter(holding, line, at(600))
    assert meter.take(at(660), 2, 2, 660) is Taken.NOT_ORDINARY
    assert meter.take(at(660), 2, 2, 62) is Taken.COUNTED


def test_a_pass_whose_time_or_data_several_devices_use_is_shared() -> None:
    assert is_shared(a_holding(devices=2, data=Octets(1)).bought)
    assert is_shared(a_holding(devices=2, clock=Clock.ONLINE).bought)
    assert not is_shared(a_holding(devices=2).bought)
    assert not is_shared(a_holding(data=Octets(1), clock=Clock.ONLINE).bought)


@pytest.mark.parametrize(
    ("reports", "expected"),
    [((), False), ((figures(60, 1, 1),), True), ((Report(Octets(1), Octets(1), Seconds(1), False),), False)],
)
def test_a_connection_is_ordinary_once_it_runs_and_its_counters_are_whole(
    reports: tuple[Report, ...], expected: bool
) -> None:
    holding, accepted = log_in(a_holding())
    for each in reports:
        holding, _ = interim(holding, accepted.connection_id, at(60), each)
    assert is_ordinary(holding.connection(accepted.connection_id)) is expected


# What is kept of usage, and with whom


@given(
    st.tuples(*[st.builds(Usage, *[st.integers(0, 9)] * 3)] * 4),
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=4, max_size=4),
)
def test_gathering_and_settling_are_each_others_inverse(used: tuple[Usage, ...], kinds: list[tuple[int, bool]]) -> None:
    holding, _, _ = an_evening(3, devices=3)
    lines = [
        a_line(number, usage, holding.sessions[which].id, is_open=is_open)
        for number, (usage, (which, is_open)) in enumerate(zip(used, kinds, strict=True))
    ]
    whole = gathered(holding.bought, holding.sessions, lines)
    open_lines = [each for each in lines if each.is_open]
    assert settled(whole.bought.used, open_lines) == holding.bought.used
    for before, after in zip(holding.sessions, whole.sessions, strict=True):
        mine = [each for each in open_lines if each.session_id == before.id]
        assert settled(after.used, mine) == before.used
        assert after.used.octets == before.used.octets + sum(each.counters.used.octets for each in mine)


def a_line(number: int, used: Usage, session: int, *, is_open: bool) -> Connection:
    """A connection of one of the sessions, of which so much was reported."""
    closed = {} if is_open else {"state": ConnectionState.CLOSED, "closed_at": NOON, "closing": Closing.STOPPED}
    return a_connection(id=number, session_id=session, counters=Counters(used), **closed)
