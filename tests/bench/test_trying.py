"""What large stores, evening peaks and long runs complain of."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from radiusd.bench import peak, scale, soak
from radiusd.bench.cli import main
from radiusd.bench.crowd import Size
from tests.bench.given import figures

# Large stores


def a_run(**changed: Any) -> scale.Run:
    """One that cost as little as any."""
    fields: dict[str, Any] = {
        "interim_cost": 50.0,
        "login_cost": 100.0,
        "first_login_cost": 200.0,
        "interims": 9000.0,
        "logins": 8000.0,
        "taken_over": 2.0,
        "first_answer": 0.5,
        "all_reported": 4.0,
        "memory": 100.0,
        "lost": 0,
        **changed,
    }
    return scale.Run(**fields)


def grown(**changed: Any) -> scale.Results:
    """A small store, and one of a million sessions whose runs were different."""
    sizes = {1000: Size(sessions=1000, active=1000), 1_000_000: Size(sessions=1_000_000, active=100_000)}
    runs = {1000: [a_run()] * 3, 1_000_000: [a_run(**changed)] * 3}
    return scale.Results(sizes, {1000: 1.0, 1_000_000: 30.0}, runs)


def test_a_store_that_costs_nothing_more_is_well() -> None:
    assert grown().complaints == []
    assert grown(interim_cost=54.9).complaints == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"interim_cost": 56.0}, "a packet (interim) costs 1.12 times as much in the largest store"),
        ({"login_cost": 111.0}, "a packet (login) costs 1.11 times as much in the largest store"),
        ({"first_login_cost": 230.0}, "a packet (first login) costs 1.15 times as much in the largest store"),
        ({"memory": 400.0}, "an active session takes 3030 octets of memory, over 2048"),
        ({"taken_over": 3.5}, "100000 active sessions were taken over in 3.5 s"),
        ({"lost": 2}, "6 requests were not answered as they should have been"),
    ],
)
def test_what_grows_with_the_store_is_complained_of(changed: dict[str, Any], complaint: str) -> None:
    assert grown(**changed).complaints == [complaint]


def test_one_disturbed_round_is_no_growth() -> None:
    results = grown()
    results.runs[1_000_000] = [a_run(), a_run(login_cost=900.0), a_run()]
    assert results.complaints == []


def test_a_tenth_of_a_store_s_sessions_is_active_but_never_less_than_a_thousand() -> None:
    plan = scale.Plan()
    assert [plan.size(each).active for each in scale.SIZES] == [1000, 1000, 10_000, 100_000]
    assert scale.sizes_up_to(50_000) == [1000, 10_000, 50_000]


def test_sizes_are_told_as_a_table_and_as_json() -> None:
    assert scale.table(grown(memory=199.0)).endswith(
        "interim 1.00, login 1.00, first login 1.00; 1000 octets of memory for each active session"
    )
    told = json.loads(json.dumps(scale.as_json(grown())))
    assert [each["sessions"] for each in told["sizes"]] == [1000, 1_000_000]
    assert (told["lost"], told["growth"]) == (0, {"interim": 1.0, "login": 1.0, "first login": 1.0})
    assert len(told["sizes"][0]["rounds"]) == 3


# Evening peaks


def evening(**changed: Any) -> peak.Results:
    """One round."""
    return peak.Results({peak.BACK: [figures(p50=20.0, p99=90.0)], peak.OTHERS: [figures(**changed)]})


def test_a_peak_that_nobody_noticed_is_well() -> None:
    assert evening().complaints == []


def test_who_waits_long_after_a_power_cut_is_complained_of() -> None:
    slow = peak.Results({peak.BACK: [figures(p50=201.0, p99=900.0)] * 3})
    assert slow.complaints == [
        "p50 of those who were back is 201 ms, at most 200",
        "p99 of those who were back is 900 ms, at most 500",
    ]


def test_a_request_lost_elsewhere_counts_as_well() -> None:
    assert evening(lost=1).complaints == ["1 requests were lost"]


def test_a_peak_is_told_as_a_table_and_as_json() -> None:
    assert "| back after the power cut |     1000 |   20.0 |   90.0 |    0 |     0 |" in peak.table(evening())
    told = json.loads(json.dumps(peak.as_json(evening())))
    assert [each["who"] for each in told["guests"]] == [peak.BACK, peak.OTHERS]


def test_the_guests_of_a_peak_are_of_one_branch_and_are_not_those_beside() -> None:
    plan = peak.Plan(guests=500)
    branch = plan.chain.users_of_branch(0)
    assert len(branch) == 1000
    assert plan.chain.users - branch.stop == 7 * 1000


# Long runs


def sample(number: int, **changed: Any) -> soak.Sample:
    """After so many minutes."""
    fields: dict[str, Any] = {"memory": 90.0, "files": 30, "p50": 1.0, "p99": 5.0, "lost": 0, **changed}
    return soak.Sample(minutes=float(number), **fields)


def test_a_run_in_which_nothing_grows_is_well() -> None:
    assert soak.Results([sample(each) for each in range(40)]).complaints == []


def test_what_is_filled_in_the_beginning_is_no_leak() -> None:
    assert soak.Results([sample(each, memory=40.0 if each < 5 else 90.0) for each in range(40)]).complaints == []


@pytest.mark.parametrize(
    ("leak", "complaint"),
    [
        ({"memory": 5.0}, "memory grew by more than a tenth in the second half"),
        ({"files": 2}, "the number of open descriptors grew"),
    ],
)
def test_a_leak_is_complained_of(leak: dict[str, float], complaint: str) -> None:
    usual = {"memory": 90.0, "files": 30}
    leaking = [sample(each, **{name: usual[name] + more * each for name, more in leak.items()}) for each in range(40)]
    assert soak.Results(leaking).complaints == [complaint]


def test_what_was_lost_in_any_minute_is_complained_of() -> None:
    assert soak.Results([sample(0), sample(1, lost=3), sample(2)]).complaints == ["3 requests were lost"]


def test_a_long_run_is_told_by_a_few_of_its_samples() -> None:
    told = soak.table(soak.Results([sample(each) for each in range(1000)])).splitlines()
    assert len(told) < 20
    assert told[-1].startswith("|   999.0 |")


def test_a_run_is_looked_at_often_enough_to_see_something_grow() -> None:
    assert soak.Plan(minutes=30).windows == 180
    assert soak.Plan(minutes=0.01).windows == 2


@pytest.mark.parametrize("words", [("scale", "--largest", "1"), ("peak", "--guests", "0"), ("soak", "--minutes", "0")])
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    assert CliRunner().invoke(main, words).exit_code == 2
