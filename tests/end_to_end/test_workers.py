"""Several workers on the same ports: real processes and sockets, and what becomes of requests when they come and go."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Self

import pytest

from radiusd.bench.processes import free_ports
from tests.end_to_end.cafe import Cafe, eventually
from tests.end_to_end.fleet import Fleet, Told
from tests.end_to_end.nas import Nas

ROUTERS = 12


class BigCafe(Cafe):
    """Served by several workers."""

    def __init__(self, folder: Path, database_url: str, workers: int = 2) -> None:
        super().__init__(folder, database_url)
        self.configure("[server]\n", f"[server]\nworkers = {workers}\n")
        several = _free_in_a_row(3)
        self.configure(f'metrics = "127.0.0.1:{self.metrics}"', f'metrics = "127.0.0.1:{several}"')
        self.metrics = several

    def __enter__(self) -> Self:
        try:
            super().__enter__()
            eventually(lambda: self.told("answer RADIUS at") or self.told("answering RADIUS at"), within=30)
        except BaseException:
            self.stop()
            raise
        return self

    def configure(self, old: str, new: str) -> None:
        """Change the configuration file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))

    @property
    def parent(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def workers(self) -> list[int]:
        """The processes that work."""
        pid = self.parent.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def worker(self, number: int) -> int:
        """The process of this worker."""
        mine = [pid for pid in self.workers() if f"--number={number}" in _command_line(pid)]
        assert len(mine) == 1, mine
        return mine[0]

    def told(self, what: str) -> int:
        """How often this stands in the log."""
        return self.log.read_text().count(what)

    def counted(self, worker: int) -> dict[str, float]:
        """What a worker counts."""
        first = self.metrics
        self.metrics = first + worker
        try:
            return self.counters()
        finally:
            self.metrics = first

    def renewed(self, times: int = 1) -> None:
        """Wait until all workers have been replaced so often."""
        eventually(lambda: self.told("all workers are new") == times, within=60)


def _free_in_a_row(count: int) -> int:
    """The first of several TCP ports in a row, below those that the system gives away, where nobody listens."""
    for first in range(random.randrange(20_000, 30_000), 32_000, count):
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise AssertionError("there are no free ports")


def _command_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


@pytest.fixture
def cafe(tmp_path: Path, database_url: str) -> Iterator[BigCafe]:
    with BigCafe(tmp_path, database_url) as made:
        yield made
        assert "Traceback" not in made.log.read_text()


def a_router(cafe: Cafe) -> Nas:
    """A source port of its own."""
    return Nas(cafe.auth, cafe.acct, 0)


def come_online(cafe: Cafe, number: int) -> None:
    with a_router(cafe) as nas:
        session = f"80{number:06x}"
        accept = nas.log_in(f"guest{number}", "secret", f"AA:BB:CC:00:01:{number:02X}", Acct_Session_Id=session)
        assert accept is not None
        assert nas.report("Start", session, User_Name=f"guest{number}", Class=accept["Class"][0])


def under_load(cafe: BigCafe, do: Thread) -> Told:
    """What became of requests that were sent without a pause while this was done, and for a moment after."""
    do.start()
    ended_at: list[float] = []

    def is_over() -> bool:
        if not do.is_alive() and not ended_at:
            ended_at.append(time.monotonic())
        return bool(ended_at) and time.monotonic() - ended_at[0] > 0.5

    with Fleet(cafe.acct, ROUTERS) as fleet:
        told = fleet.run(is_over)
    do.join()
    return told


# Who answers


def test_what_comes_from_one_port_meets_in_one_worker_and_all_have_work(cafe: BigCafe) -> None:
    cafe.icafectl("package", "add", "1h", "--time", "1h")
    served = [0, 0]
    for number in range(ROUTERS):
        cafe.sell(f"guest{number}", "1h")
        come_online(cafe, number)
        logins = [int(cafe.counted(worker).get("received_1", 0)) for worker in (0, 1)]
        reports = [int(cafe.counted(worker).get("received_4", 0)) for worker in (0, 1)]
        # Every router sent one login and one report, to two ports of ours.
        assert reports == logins
        served = logins
    assert sum(served) == ROUTERS
    assert all(served)
    assert len(cafe.sessions()) == ROUTERS


def test_a_repeated_request_gets_the_first_answer(cafe: BigCafe) -> None:
    with Fleet(cafe.acct, ROUTERS) as fleet:
        fleet.run(lambda: True)
        assert fleet.repeat() == [True] * ROUTERS
    assert sum(cafe.counted(worker)["duplicate"] for worker in (0, 1)) == ROUTERS


# Who dies


def test_a_worker_that_is_killed_comes_back_and_the_other_answers_meanwhile(cafe: BigCafe) -> None:
    before = cafe.workers()
    killed = cafe.worker(1)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: cafe.told("worker 1 was killed by SIGKILL") == 1)
    answers = [_is_answered_at_once(cafe) for _ in range(ROUTERS)]
    assert any(answers)
    eventually(lambda: cafe.told("worker 1 is at work") == 2)
    assert all(_is_answered_at_once(cafe) for _ in range(ROUTERS))
    assert len(cafe.workers()) == 2
    assert set(before) - set(cafe.workers()) == {killed}


def _is_answered_at_once(cafe: Cafe) -> bool:
    with Fleet(cafe.acct, 1) as fleet:
        return fleet.run(lambda: True).retried == 0


def test_kills_under_load_lose_nothing_that_is_asked_again(cafe: BigCafe) -> None:
    def kill() -> None:
        for times, number in ((2, 0), (2, 1), (3, 0)):
            os.kill(cafe.worker(number), signal.SIGKILL)
            line = f"worker {number} is at work"
            eventually(lambda line=line, times=times: cafe.told(line) == times, within=30)  # type: ignore[misc]

    told = under_load(cafe, Thread(target=kill))
    print(f"\n{told.answered} answered, {told.retried} asked again, slowest {told.slowest * 1000:.0f} ms")
    assert told.lost == 0


def test_what_waits_for_a_worker_that_died_is_answered_by_the_one_that_follows(cafe: BigCafe) -> None:
    for number in (0, 1):
        os.kill(cafe.worker(number), signal.SIGSTOP)
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ROUTERS)]
    for each in senders:
        each.connect(("127.0.0.1", cafe.acct))
        each.send(Fleet.a_request())
        each.settimeout(15)
    for number in (0, 1):
        os.kill(cafe.worker(number), signal.SIGKILL)
    assert [each.recv(4096)[0] for each in senders] == [5] * ROUTERS
    for each in senders:
        each.close()


def test_the_web_is_back_when_its_worker_was_killed(cafe: BigCafe) -> None:
    os.kill(cafe.worker(0), signal.SIGKILL)
    eventually(lambda: cafe.told("worker 0 is at work") == 2)
    assert cafe.counted(0) is not None
    eventually(cafe._is_well)


def test_workers_die_with_their_parent_and_leave_the_ports(cafe: BigCafe) -> None:
    workers = cafe.workers()
    cafe.stop(signal.SIGKILL)
    cafe.start()
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists() and "radiusd.workers" in _command_line(pid)]


# Who is told to go


def test_what_has_arrived_is_answered_before_all_go(cafe: BigCafe) -> None:
    with Fleet(cafe.acct, 200) as fleet:
        fleet.send_to_all()
        cafe.parent.send_signal(signal.SIGTERM)
        assert cafe.parent.wait(15) == 0
        assert fleet.answers() == 200
    cafe.stop()


def test_told_twice_they_go_at_once(cafe: BigCafe) -> None:
    os.kill(cafe.worker(1), signal.SIGSTOP)  # it would not go
    cafe.parent.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert cafe.parent.poll() is None
    cafe.parent.send_signal(signal.SIGTERM)
    assert cafe.parent.wait(5) == 0
    cafe.stop()


# A change of the configuration


def test_each_stays_on_a_processor_of_its_own_unless_it_must_not(cafe: BigCafe) -> None:
    all_there_are = os.sched_getaffinity(0)
    own = [{each} for each in sorted(all_there_are)] if len(all_there_are) == 2 else [all_there_are] * 2
    assert [os.sched_getaffinity(cafe.worker(number)) for number in (0, 1)] == own
    cafe.configure("workers = 2\n", "workers = 2\npin_workers = false\n")
    cafe.parent.send_signal(signal.SIGHUP)
    cafe.renewed(1)
    assert [os.sched_getaffinity(cafe.worker(number)) for number in (0, 1)] == [all_there_are] * 2


def test_all_are_replaced_under_load_and_no_request_is_lost(cafe: BigCafe) -> None:
    before = cafe.workers()

    def renew() -> None:
        for times in (1, 2):
            cafe.parent.send_signal(signal.SIGHUP)
            cafe.renewed(times)

    told = under_load(cafe, Thread(target=renew))
    print(f"\n{told.answered} answered, {told.retried} asked again, slowest {told.slowest * 1000:.0f} ms")
    assert told.lost == 0
    assert told.answered > 100
    assert not set(before) & set(cafe.workers())


def test_a_worker_more_and_then_only_one_lose_nothing(cafe: BigCafe) -> None:
    def renew() -> None:
        for times, workers in ((1, 3), (2, 1)):
            cafe.configure(f"workers = {len(cafe.workers())}", f"workers = {workers}")
            cafe.parent.send_signal(signal.SIGHUP)
            cafe.renewed(times)
            eventually(lambda workers=workers: len(cafe.workers()) == workers)  # type: ignore[misc]

    told = under_load(cafe, Thread(target=renew))
    print(f"\n{told.answered} answered, {told.retried} asked again, slowest {told.slowest * 1000:.0f} ms")
    assert told.lost == 0
    assert cafe.told("3 workers answer RADIUS") == 1
    assert cafe.counted(0)["received_4"] > 0


def test_a_mistake_in_the_configuration_changes_nothing(cafe: BigCafe) -> None:
    before = cafe.workers()
    cafe.configure("workers = 2", "workers = 2\nwrkers = 3")
    cafe.parent.send_signal(signal.SIGHUP)
    eventually(lambda: cafe.told("nothing is changed"))
    assert cafe.told("unknown key, did you mean workers?") == 1
    assert cafe.workers() == before
    # Not even for one that is started later.
    os.kill(cafe.worker(1), signal.SIGKILL)
    eventually(lambda: cafe.told("worker 1 is at work") == 2)


def test_a_configuration_that_no_worker_can_start_with_changes_nothing(cafe: BigCafe) -> None:
    before = cafe.workers()
    cafe.configure("[server]\n", '[server]\ndictionary = "no-such"\n')
    cafe.parent.send_signal(signal.SIGHUP)
    eventually(lambda: cafe.told("the first worker with the new configuration cannot start"))
    assert cafe.workers() == before
    assert _is_answered_at_once(cafe)


def test_another_store_is_not_taken_over_worker_by_worker(cafe: BigCafe) -> None:
    before = cafe.workers()
    cafe.configure('key_file = "key"', 'key_file = "another"')
    cafe.parent.send_signal(signal.SIGHUP)
    eventually(lambda: cafe.told("nothing is changed: another store or key file needs a restart"))
    assert cafe.workers() == before


def test_other_addresses_are_taken_over(cafe: BigCafe) -> None:
    (elsewhere,) = free_ports(1)
    cafe.configure(f'acct = "127.0.0.1:{cafe.acct}"', f'acct = "127.0.0.1:{elsewhere}"')
    cafe.parent.send_signal(signal.SIGHUP)
    cafe.renewed()
    cafe.acct = elsewhere
    assert all(_is_answered_at_once(cafe) for _ in range(ROUTERS))


def test_a_single_process_lives_on_and_says_what_needs_a_restart(tmp_path: Path, database_url: str) -> None:
    with BigCafe(tmp_path, database_url, workers=1) as cafe:
        cafe.configure("workers = 1", "workers = 2")
        cafe.parent.send_signal(signal.SIGHUP)
        eventually(lambda: cafe.told("restart the server to have it take over server.workers"))
        assert _is_answered_at_once(cafe)
        assert cafe.workers() == []


# Who cannot start


def _fails(cafe: BigCafe) -> str:
    """What is said when the server does not start."""
    command = [sys.executable, "-P", "-m", "radiusd", "--config", str(cafe.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_told_once(tmp_path: Path, database_url: str) -> None:
    cafe = BigCafe(tmp_path, database_url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", cafe.acct))
        said = _fails(cafe)
    assert said.count("radiusd: cannot listen at 127.0.0.1") == said.count("\n") == 1


def test_a_store_that_is_not_there_is_told_once(tmp_path: Path, database_url: str) -> None:
    cafe = BigCafe(tmp_path, database_url)
    cafe.configure(database_url, f"sqlite:///{tmp_path}/nothing-here")
    said = _fails(cafe)
    assert said.count("radiusd: there is no store at") == 1
