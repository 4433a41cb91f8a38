"""How many sessions a run has, who comes first, and what is kept."""

import pytest

from radiusd.bench.generators import Load, VirtualRouters
from radiusd.bench.load import Line, Plan, Results
from tests.bench.given import figures


def plan(users: int = 1000) -> Plan:
    """A plan without a peer."""
    return Plan(scenarios=("acct",), rounds=3, requests=600, seconds=None, users=users, in_flight=64, peer_script=None)


@pytest.mark.parametrize(
    ("scenario", "sessions"), [("auth-pap", 600), ("auth-chap", 600), ("acct", 120), ("mixed", 100)]
)
def test_sessions_make_about_the_requests_wanted(scenario: str, sessions: int) -> None:
    assert plan().sessions(scenario, 600) == sessions


def test_nobody_has_more_devices_than_the_package_allows() -> None:
    assert plan(users=10).sessions("auth-pap", 600) == 50
    assert plan(users=10).users_are_too_few
    assert not plan(users=1000).users_are_too_few


def test_there_is_always_a_session() -> None:
    assert plan().sessions("mixed", 2) == 1


def test_a_run_may_take_long_but_not_for_ever() -> None:
    assert _load(sessions=1).limit == 20
    assert _load(sessions=1_000_000).limit == 600


def _load(sessions: int) -> Load:
    return Load(scenario="mixed", sessions=sessions, users=10, in_flight=4, tag="t")


def test_one_lost_answer_spoils_all_rounds() -> None:
    line = Line("sqlite", "ours", "acct")
    assert Results({line: [figures(), figures()]}).is_clean
    assert not Results({line: [figures(), figures(lost=1)]}).is_clean


def test_virtual_routers_live_whole_evenings_only() -> None:
    assert VirtualRouters().scenarios == ("mixed",)
