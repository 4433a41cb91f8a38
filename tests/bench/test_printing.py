"""The table, and the JSON."""

import json

from radiusd.bench.figures import Ratio
from radiusd.bench.load import OURS, Compared, Line, Plan, Results
from radiusd.bench.machine import Machine
from radiusd.bench.printing import Circumstances, as_json, table
from tests.bench.given import figures

OURS_ON_SQLITE = Line("sqlite", OURS, "acct")
PEERS_ON_SQLITE = Line("sqlite", "FreeRADIUS sqlite", "acct")


def circumstances(**changed: object) -> Circumstances:
    """Of some machine."""
    plan = Plan(scenarios=("acct",), rounds=3, requests=600, users=1000, in_flight=64)
    machine = Machine(cpu="Some CPU", cores=2, python="3.11.2", kernel="Linux 6.1", sqlite="3.40.1")
    return Circumstances(machine=machine, generator="radius_load", plan=plan)


def test_the_table_is_markdown_with_numbers_to_the_right() -> None:
    results = Results({OURS_ON_SQLITE: [figures(server_cpu=1.234)]})
    assert table(results).splitlines() == [
        "| store  | scenario | requests/s | p50 ms | p99 ms | lost | wrong | CPU s | database CPU s |",
        "| ------ | -------- | ---------: | -----: | -----: | ---: | ----: | ----: | -------------: |",
        "| sqlite | acct     |       2000 |   10.0 |   30.0 |    0 |     0 |  1.23 |              - |",
    ]


def test_with_a_peer_the_table_says_whose_figures_they_are_and_how_they_compare() -> None:
    results = Results(
        {OURS_ON_SQLITE: [figures()], PEERS_ON_SQLITE: [figures(rps=500.0)]},
        [Compared(store="sqlite", server=OURS, peer="FreeRADIUS sqlite", scenario="acct", ratio=Ratio(4.0, 0.25))],
    )
    found = table(results)
    assert "| sqlite | FreeRADIUS sqlite | acct     |        500 |" in found
    assert "| sqlite | icafe-radiusd | FreeRADIUS sqlite | acct     |              4.00 |       0.25 |" in found


def test_json_keeps_every_round() -> None:
    results = Results({OURS_ON_SQLITE: [figures(rps=1000.0), figures(rps=3000.0, lost=2)]})
    told = json.loads(json.dumps(as_json(results, circumstances())))
    assert [each["rps"] for each in told["figures"][0]["rounds"]] == [1000.0, 3000.0]
    assert (told["figures"][0]["rps"], told["lost"], told["wrong"], told["ratios"]) == (2000.0, 2, 0, [])
    assert told["machine"]["cores"] == 2


def test_what_the_figures_depend_on_is_told_in_two_lines() -> None:
    assert circumstances().lines() == (
        "Some CPU, 2 cores; Python 3.11.2; Linux 6.1; SQLite 3.40.1",
        "driven by radius_load; medians of 3 rounds of 600 requests, 1024 users of 8 branches, 64 in flight",
    )
