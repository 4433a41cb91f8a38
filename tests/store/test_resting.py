"""A pass that was put to rest is the same when it is woken."""

from typing import Any

import pytest
from attrs import evolve

from policy.accounts import Account
from policy.connection import Closing, Connection, ConnectionState
from policy.holding import Holding
from policy.package import Package
from policy.passes import Pass
from policy.quantities import Instant, Octets, Seconds
from policy.session import EndReason, Phase, Session
from policy.usage import Counters, Sample, Usage
from radiusd.store.resting import Awake, found_by, put_to_rest, woken

NOON = Instant(1_700_000_000_000)
TERMS = Package(name="1h", time=Seconds(3600))
BOUGHT = Pass(id=1, account_id=2, terms=TERMS, sold_at=NOON)
SESSION = Session(id=3, pass_id=1, created_at=NOON)
LINE = Connection(id=4, session_id=3, router_id=5, user_name="nora", device="", opened_at=NOON, last_at=NOON)
USED = Usage(Octets(1 << 40), Octets(7), Seconds(9))
SAMPLES = (Sample(Seconds(1), Octets(2), Octets(3)), Sample(Seconds(4), Octets(5), Octets(6)))


def asleep_and_awake(**parts: Any) -> tuple[Awake, Awake]:
    """A pass, and what it is after its sleep."""
    holding = Holding(parts.pop("bought", BOUGHT), parts.pop("sessions", ()), parts.pop("connections", ()))
    versions = {each.id: each.id + 7 for each in holding.connections}
    state: dict[str, Any] = {"wake_at": None, "is_open": True, "version": 0, **parts}
    before = Awake(holding, Account(2, "nora", 1), versions=versions, **state)
    return before, woken(put_to_rest(before), holding.bought.terms)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"wake_at": NOON, "is_open": False, "version": 300, "guests": [("nora", "02:00:00:00:00:01")]},
        {"bought": evolve(BOUGHT, first_login_at=NOON, used=USED, held="no", paused_at=NOON, paused_for=Seconds(3))},
        {"bought": evolve(BOUGHT, extra_time=Seconds(60), extra_data=Octets(1 << 33))},
        {"sessions": (SESSION, evolve(SESSION, id=8, phase=Phase.ACTIVE, device="d", slot=1, started_at=NOON))},
        {"sessions": (evolve(SESSION, phase=Phase.EXPIRED, end_reason=EndReason.TIME_EXPIRED, ended_at=NOON),)},
        {"connections": (LINE, evolve(LINE, id=9, nas="r1", nas_address="10.0.0.1", acct_session_id="a1", boot="3"))},
        {"connections": (evolve(LINE, state=ConnectionState.CUTTING, started_at=NOON, framed_ip_address="10.5.0.1"),)},
        {"connections": (evolve(LINE, closing=Closing.GONE, closed_at=NOON, terminate_cause=1, session_id=None),)},
        {"connections": (evolve(LINE, counters=Counters(USED)),)},
        {"connections": (evolve(LINE, counters=Counters(USED, SAMPLES[0], SAMPLES)),)},
    ],
    ids=str,
)
def test_nothing_is_lost_while_it_is_at_rest(parts: dict[str, Any]) -> None:
    before, after = asleep_and_awake(**parts)
    assert (after.holding, after.account, after.versions) == (before.holding, before.account, before.versions)
    assert (after.wake_at, after.is_open, after.version) == (before.wake_at, before.is_open, before.version)
    assert [tuple(each) for each in after.guests] == list(before.guests)


def test_by_whom_it_is_found_is_told_without_waking_it() -> None:
    before, _ = asleep_and_awake(sessions=(SESSION, evolve(SESSION, id=8)), guests=[("nora", "d")])
    session_ids, guests = found_by(put_to_rest(before))
    assert (list(session_ids), list(guests)) == ([3, 8], [("nora", "d")])
