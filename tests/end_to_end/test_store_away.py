"""PostgreSQL hangs, or is killed, under load: what was acknowledged counts once, and guests known today are let in."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from threading import Event, Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from sqlalchemy import select

from radiusd.store.database import Database
from radiusd.store.schema import connections
from tests.end_to_end.cafe import Cafe, eventually
from tests.end_to_end.nas import Nas
from tests.end_to_end.private_postgres import PrivatePostgres, programs

GUESTS = 10
AWAY = 7.0
PATIENCE = 0.3
"""How long a router waits, in seconds, before it asks again."""


class Told:
    """What a router asked without pause, and what it was told, until `stop`."""

    def __init__(self, cafe: Cafe, classes: list[bytes]) -> None:
        self._cafe = cafe
        self._classes = classes
        self._ended = Event()
        self._threads = [Thread(target=self._report), Thread(target=self._log_in)]
        self.acknowledged = [0] * GUESTS
        self.lost: list[str] = []
        self.waited: list[float] = []
        self.logins = 0

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()

    def _report(self) -> None:
        with Nas(self._cafe.auth, self._cafe.acct, 0) as nas:
            count = 0
            while not self._ended.wait(0.005):
                count += 1
                guest = count % GUESTS
                began = time.monotonic()
                octets = count * 1_000
                is_recorded = nas.report(
                    "Interim-Update", _session(guest), User_Name=f"g{guest}", Class=self._classes[guest],
                    Acct_Input_Octets=octets, Acct_Session_Time=1,
                )  # fmt: skip
                self.waited.append(time.monotonic() - began)
                if is_recorded:
                    self.acknowledged[guest] = octets
                else:
                    self.lost.append(f"report {count}")

    def _log_in(self) -> None:
        with Nas(self._cafe.auth, self._cafe.acct, 0) as nas:
            while not self._ended.wait(0.02):
                self.logins += 1
                guest = self.logins % GUESTS
                began = time.monotonic()
                accept = nas.log_in(f"g{guest}", "secret", _mac(guest), Acct_Session_Id=_session(guest))
                self.waited.append(time.monotonic() - began)
                if accept is None or accept.code != 2 or accept["Session-Timeout"][0] > 3_600:
                    self.lost.append(f"login {self.logins}")


def _session(guest: int) -> str:
    return f"801000{guest:02x}"


def _mac(guest: int) -> str:
    return f"AA:BB:CC:00:00:{guest:02X}"


@pytest.fixture
def postgres() -> Iterator[PrivatePostgres]:
    if programs() is None:
        pytest.skip("there is no PostgreSQL on this machine")
    with PrivatePostgres() as made:
        yield made


@pytest.fixture
def town(postgres: PrivatePostgres, tmp_path: Path) -> Iterator[Cafe]:
    with Cafe(tmp_path, postgres.url) as made:
        made.icafectl("package", "add", "1h", "--time", "1h")
        yield made


def _online(cafe: Cafe) -> list[bytes]:
    """Every guest is let in, and its line begins; the Class of each."""
    classes = []
    with Nas(cafe.auth, cafe.acct, 0) as nas:
        for guest in range(GUESTS):
            cafe.sell(f"g{guest}", "1h")
            accept = nas.log_in(f"g{guest}", "secret", _mac(guest), Acct_Session_Id=_session(guest))
            assert accept is not None
            classes.append(accept["Class"][0])
            assert nas.report("Start", _session(guest), User_Name=f"g{guest}", Class=classes[-1])
    time.sleep(4.5)  # until what proves a CHAP login was asked for
    return classes


def _figures(cafe: Cafe) -> dict[str, float]:
    with urlopen(f"http://127.0.0.1:{cafe.metrics}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {
        name: float(value) for name, value in (each.split() for each in lines if each.startswith(("spool", "store")))
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize("trouble", ["hang", "kill"])
def test_nothing_acknowledged_is_lost_and_known_guests_are_let_in(
    trouble: str, postgres: PrivatePostgres, town: Cafe
) -> None:
    told = Told(town, _online(town))
    told.start()
    time.sleep(0.5)
    postgres.hang() if trouble == "hang" else postgres.kill()
    time.sleep(AWAY)
    away = _figures(town)
    health = _health(town)
    postgres.go_on() if trouble == "hang" else postgres.start()
    eventually(lambda: _figures(town)["spool_records"] == 0 == _figures(town)["store_away_seconds"], within=30)
    time.sleep(0.5)
    told.stop()

    assert away["spool_records"] > 100
    assert away["store_away_seconds"] > 0
    assert health == 503
    assert told.lost == []
    waited = sorted(told.waited)
    assert waited[int(len(waited) * 0.99)] < PATIENCE
    uploaded = {each["account"]: each["uploaded"] for each in town.sessions()}
    assert uploaded == {f"g{guest}": octets for guest, octets in enumerate(told.acknowledged)}
    assert "the store was away" in town.icafectl("why", "g1")
    log = town.log.read_text()
    assert log.count("the store is away") == log.count("the store is back") == 1


def _health(cafe: Cafe) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{cafe.web}/health", timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.timeout(120)
def test_a_server_that_is_killed_while_the_store_is_away_leaves_what_it_acknowledged_to_the_next(
    postgres: PrivatePostgres, town: Cafe
) -> None:
    told = Told(town, _online(town))
    told.start()
    time.sleep(0.5)
    postgres.kill()
    time.sleep(1)
    town.stop(signal.SIGKILL)
    told.stop()
    postgres.start()
    town.start()
    eventually(lambda: _figures(town)["spool_records"] == 0, within=30)
    uploaded = {each["account"]: each["uploaded"] for each in town.sessions()}
    for guest, octets in enumerate(told.acknowledged):
        assert uploaded[f"g{guest}"] >= octets > 0
    assert len([each for each in (town.folder / "spool").iterdir() if each.is_dir()]) == 1


def test_behind_an_sqlite_that_another_process_has_locked_accounting_is_recorded(tmp_path: Path) -> None:
    with Cafe(tmp_path, f"sqlite:///{tmp_path}/store.sqlite3") as cafe, Nas(cafe.auth, cafe.acct, 0) as nas:
        cafe.icafectl("package", "add", "1h", "--time", "1h")
        cafe.sell("g0", "1h")
        accept = nas.log_in_by_pap("g0", "secret", _mac(0))
        assert accept is not None
        about = {"User_Name": "g0", "Class": accept["Class"][0]}
        with (tmp_path / "store.sqlite3.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            began = time.monotonic()
            assert nas.report("Start", _session(0), **about)
            assert nas.report("Interim-Update", _session(0), Acct_Input_Octets=7_000, **about)
            again = nas.log_in_by_pap("g0", "secret", _mac(0))
            assert time.monotonic() - began < 2 * PATIENCE
            assert again is not None
            assert again.code == 2
        eventually(lambda: _figures(cafe)["spool_records"] == 0)
        assert [each["uploaded"] for each in cafe.sessions()] == [7_000]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a disk that is full")
def test_on_a_disk_that_is_full_nothing_is_acknowledged_and_nothing_breaks(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], check=False)
    if made.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with Cafe(disk, f"sqlite:///{disk}/store.sqlite3") as cafe, Nas(cafe.auth, cafe.acct, 0) as nas:
            assert nas.report("Start", _session(0), User_Name="g0")
            with suppress(OSError), (disk / "filler").open("wb") as filler:
                while True:
                    filler.write(bytes(4096))
                    filler.flush()
            acknowledged = _acknowledged(nas, 2_000)
            assert acknowledged < 2_000  # there was room for some in the spool
            (disk / "filler").unlink()
            eventually(lambda: _acknowledged(nas, 40) == 40)
            eventually(lambda: _figures(cafe)["spool_records"] == 0)
            assert len(_names_in_store(disk)) >= acknowledged
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def _acknowledged(nas: Nas, most: int) -> int:
    """How many of so many reports are acknowledged before one is not."""
    names = (f"8020{number:04x}" for number in range(most))
    return sum(1 for _ in takewhile(lambda name: nas.report("Start", name, User_Name="x" * 200), names))


def _names_in_store(disk: Path) -> set[str]:
    database = Database(f"sqlite:///{disk}/store.sqlite3")
    with database.reading() as connection:
        found = set(connection.execute(select(connections.c.acct_session_id)).scalars())
    database.close()
    return found


@pytest.mark.timeout(120)
def test_a_server_whose_store_hangs_ends_when_it_is_told_to(postgres: PrivatePostgres, town: Cafe) -> None:
    classes = _online(town)
    postgres.hang()
    with Nas(town.auth, town.acct, 0) as nas:
        assert nas.report("Interim-Update", _session(0), User_Name="g0", Class=classes[0], Acct_Input_Octets=5_000)
    began = time.monotonic()
    town.stop(within=30)
    assert time.monotonic() - began < 20
    postgres.go_on()
    town.start()
    eventually(lambda: _figures(town)["spool_records"] == 0, within=30)
    assert {each["uploaded"] for each in town.sessions() if each["account"] == "g0"} == {5_000}
