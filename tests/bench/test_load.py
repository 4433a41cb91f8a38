"""How many sessions a run has, who is at which router, and what is kept."""

import pytest

from radiusd.bench.chain import Chain
from radiusd.bench.generators import Load, VirtualRouters
from radiusd.bench.load import Line, Measurement, Plan, Results
from tests.bench.given import figures


def plan(users: int = 1000, *scenarios: str, **changed: object) -> Plan:
    """A plan without a peer."""
    fields: dict[str, object] = {"rounds": 3, "requests": 600, "users": users, "in_flight": 64, **changed}
    return Plan(scenarios=scenarios or ("acct",), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scenario", "sessions"), [("first", 600), ("auth-pap", 600), ("auth-chap", 600), ("acct", 120), ("mixed", 100)]
)
def test_sessions_make_about_the_requests_wanted(scenario: str, sessions: int) -> None:
    assert plan().sessions(scenario) == sessions


def test_everybody_comes_for_the_first_time_only_once() -> None:
    assert plan(users=10).sessions("first") == 10
    assert plan(users=10).sessions("auth-pap") == 600


def test_there_is_always_a_session() -> None:
    assert plan(requests=2).sessions("mixed") == 1


def test_a_run_may_take_long_but_not_for_ever() -> None:
    assert _load(sessions=1).limit == 20
    assert _load(sessions=1_000_000).limit == 600


def _load(sessions: int) -> Load:
    return Load(scenario="mixed", sessions=sessions, chain=Chain.of(10))


def test_one_lost_answer_spoils_all_rounds() -> None:
    line = Line("sqlite", "ours", "acct")
    assert Results({line: [figures(), figures()]}).is_clean
    assert not Results({line: [figures(), figures(lost=1)]}).is_clean


def test_virtual_routers_live_whole_evenings_only() -> None:
    assert VirtualRouters().scenarios == ("mixed",)


class Nobody:
    """Is told how far it is, and does not care."""

    def expect(self, runs: int) -> None: ...
    def doing(self, what: str) -> None: ...
    def one_done(self) -> None: ...
    def filling(self, done: int, total: int) -> None: ...


def test_the_runs_to_come_are_those_of_every_server_and_scenario_that_makes_sense() -> None:
    alone = Measurement(plan(1000, "first", "acct"), VirtualRouters(), Nobody())
    assert alone.runs_on("sqlite") == 3 * 2
    beside = Measurement(plan(1000, "first", "acct", workers=(1, 2), with_peer=True), VirtualRouters(), Nobody())
    # Two of ours and the peer do both, and ours does acct again at the peer's rate; guests in memory are for logins.
    assert beside.runs_on("sqlite") == 3 * (2 * 3 + 2)
    assert beside.runs_on("postgresql") == 3 * (2 * 3 + 1 + 2)


# Who is where


@pytest.mark.parametrize("users", [1, 10, 40, 199, 200, 999, 1000, 20_000, 100_001])
def test_every_user_is_at_one_router_of_one_branch(users: int) -> None:
    chain = Chain.of(users)
    assert users <= chain.users < users + chain.routers
    assert [each for router in range(chain.routers) for each in chain.users_at(router)] == list(range(chain.users))
    of_branches = [each for branch in range(chain.branches) for each in chain.users_of_branch(branch)]
    assert of_branches == list(range(chain.users))


def test_routers_have_addresses_of_their_own() -> None:
    chain = Chain.of(20_000)
    assert [str(chain.address_of(each)) for each in (0, 1, 31)] == ["127.0.1.1", "127.0.1.2", "127.0.1.32"]
    assert (chain.branch_of(0), chain.branch_of(3), chain.branch_of(4), chain.branch_of(31)) == (0, 0, 1, 7)
