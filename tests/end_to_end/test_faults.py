"""Each fault of the lane once, as small as it can be: it runs to its end, and finds what it must."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from radiusd.faults import cluster, disks, every_point, everywhere, floods, kills, losses, outage, without_redis
from radiusd.faults.catalogue import Run
from radiusd.faults.evening import Rates
from radiusd.faults.flood import UNKNOWN
from radiusd.faults.own_postgres import programs
from radiusd.faults.places import POSTGRESQL, SQLITE, Places
from radiusd.faults.stage import Stage
from radiusd.faults.verdicts import Report
from tests.end_to_end import redis_server
from tests.postgres import server_address

needs_postgres = pytest.mark.skipif(server_address() is None, reason="several servers need PostgreSQL")
needs_its_own = pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not installed")
FEW = Rates(accounting=100, logins=20, events=20, verifies=10)


@pytest.fixture
def places() -> Iterator[Places]:
    with Places(server_address()) as made:
        yield made


def run(places: Places, test: Run, *switches: str) -> Report:
    """What one small run of a test comes to."""
    store = SQLITE if server_address() is None else POSTGRESQL
    return asyncio.run(test(Stage(places=places, store=store, seed=1, switches=switches)))


def figures(report: Report) -> dict[str, float]:
    """By their names."""
    return {each.name: each.value for each in report.figures}


def test_r1_survives_kills_and_a_server_that_answers_too_soon_does_not(places: Places) -> None:
    plan = kills.Plan(kills=3, guests=300, online=50, rates=FEW, shortest=0.4, longest=0.8)
    assert run(places, lambda stage: kills.run(stage, plan)).complaints == []
    broken = run(places, lambda stage: kills.run(stage, plan), "answer-before-commit")
    assert figures(broken)["acknowledged, and lost or wrong"] > 0


@needs_its_own
def test_r3_keeps_all_while_the_database_hangs(places: Places) -> None:
    plan = outage.Plan(kinds=(outage.HUNG,), seconds=3, logins=40, reports=40, online=30)
    report = run(places, lambda stage: outage.run(stage, plan))
    assert report.complaints == []
    assert figures(report)["granted meanwhile, of what must not be"] == 0


@needs_postgres
@pytest.mark.skipif(bool(redis_server.missing()), reason=redis_server.missing())
def test_r4_lets_one_of_many_have_a_token_without_redis(places: Places) -> None:
    plan = without_redis.Plan(troubles=(without_redis.KILLED,), seconds=1, logins=20, tokens=3, events=2)
    report = run(places, lambda stage: without_redis.run(stage, plan))
    assert report.complaints == []
    assert figures(report)["tokens without exactly one success"] == 0


@needs_postgres
def test_r5_lets_everybody_in_though_a_node_is_killed(places: Places) -> None:
    plan = cluster.Plan(nodes=2, kills=1, every=3, away=1, guests=400, logins=20, first_logins=5, reports=20)
    report = run(places, lambda stage: cluster.run(stage, plan))
    assert report.complaints == []
    assert figures(report)["let in within the router's own tries"] > 95


@needs_postgres
def test_r6_counts_once_what_came_often(places: Places) -> None:
    plan = losses.Plan(exchanges=100, at_once=20)
    report = run(places, lambda stage: losses.run(stage, plan))
    assert report.complaints == []
    assert figures(report)["lost on the way"] > 20


def test_r21_floods_and_counts_log_lines(places: Places) -> None:
    plan = floods.Plan(rate=50, before=0.5, seconds=2, kinds=(UNKNOWN,))
    report = run(places, lambda stage: floods.run(stage, plan))
    assert figures(report)[f"{UNKNOWN}: log lines of one cause"] in range(1, 6)
    assert figures(report)[f"{UNKNOWN}: lost by the others"] == 0


@needs_its_own
def test_r26_acknowledges_nothing_on_a_full_disk(places: Places) -> None:
    plan = disks.Plan(ills=(disks.FULL,), seconds=1, online=20, reports=40)
    report = run(places, lambda stage: disks.run(stage, plan))
    assert report.complaints == []
    assert figures(report)["full: acknowledged meanwhile"] == 0


@pytest.mark.timeout(300)
def test_r28_at_every_point_of_a_login_and_a_stop_a_call_may_fail(places: Places) -> None:
    # All other acts take minutes: they are in scripts/faults.
    report = run(places, lambda stage: everywhere.run(stage, everywhere.Plan(acts=("login", "stop"), fewest=16)))
    assert report.complaints == []
    assert report.is_green


def test_r28_finds_what_was_answered_and_not_done(places: Places) -> None:
    plan = everywhere.Plan(acts=("stop",), fewest=8)
    assert not run(places, lambda stage: everywhere.run(stage, plan), "failed-is-done").is_green
    assert set(everywhere.ACTS) == set(every_point.ACTS)


def test_an_interrupted_lane_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "radiusd.faults", "R1", "--store", "sqlite", "--without-controls"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    lane = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + 30
        while not _servers_in(tmp_path):
            assert time.monotonic() < until
            time.sleep(0.05)
        lane.send_signal(signal.SIGTERM)
        assert lane.wait(20) != 0
    finally:
        lane.kill()
    assert _servers_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def _servers_in(folder: Path) -> list[int]:
    """Processes whose command names a file in this folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (each / "cmdline").read_bytes():
                found.append(int(each.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("arguments", "said"), [(["--list"], "R28"), (["R99"], "there is no test R99")])
def test_the_command_tells_what_there_is(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-P", "-m", "radiusd.faults", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert said in done.stdout + done.stderr
