"""A thousand cuts over routers that answer, lose, refuse, lag, sleep and reboot."""

import json
import subprocess
import sys


def test_of_a_thousand_cuts_all_are_decided_and_none_hits_a_later_session() -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "radiusd.bench",
        "cuts",
        "--cuts",
        "1000",
        "--routers",
        "50",
        "--rate",
        "250",
    ]
    # Whether the machine is quick enough for the promised times is for scripts/bench to say, not for a test.
    ended = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=90, check=False)
    told = json.loads(ended.stdout)
    outcomes = {each["kind"]: each for each in told["outcomes"]}
    total = outcomes.pop("all")
    assert (total["cuts"], total["undecided"]) == (1000, 0)
    assert told["came_back"] > 200
    assert told["wrongly_cut"] == 0
    deaf = {"mute", "ACK without effect"}
    assert all(outcomes[kind]["not_cut"] == outcomes[kind]["cuts"] > 0 for kind in deaf)
    reached = total["confirmed"] + total["gone"]
    assert reached >= 0.97 * (1000 - sum(outcomes[kind]["cuts"] for kind in deaf))
