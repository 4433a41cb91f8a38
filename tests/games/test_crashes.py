"""A server that dies at any commit of an evening of games: no charge is started or stopped twice, or never (R28)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from shutil import copyfile

import pytest

from radiusd.store.database import Database
from radiusd.store.game_schema import game_sessions
from tests.games.fragile import KEYS, Death, Fragile
from tests.games.judging import until_quiet, wrong
from tests.postgres import fresh_database, server_address

UNITS = 12
COMMITS = 80
"""So many are there in the evening at most."""
PARTS = 4
EVERY = 1 if server_address() is None else 5
"""What a crash leaves behind is the same in both stores; on the slower one it is looked at here and there."""

pytestmark = pytest.mark.store


Stores = Callable[[], AbstractContextManager[Database]]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Stores with their tables and nothing in them, one after the other."""
    server = server_address()
    if server is None:
        yield copies(tmp_path_factory.mktemp("crashes"))
        return
    with fresh_database(server) as address:
        yield emptied(address)


def copies(folder: Path) -> Stores:
    """Each a copy of one file."""
    first = Database(f"sqlite:///{folder / 'first'}")
    first.migrate()
    first.close()
    names = count(1)

    @contextmanager
    def fresh() -> Iterator[Database]:
        path = folder / str(next(names))
        copyfile(folder / "first", path)
        made = Database(f"sqlite:///{path}")
        with made.engine.connect() as connection:
            # The page cache outlives a process that dies, so nothing need be flushed to the disk.
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
        yield made
        made.close()
        path.unlink()

    return fresh


def emptied(address: str) -> Stores:
    """One that is emptied."""
    made = Database(address)
    made.migrate()

    @contextmanager
    def fresh() -> Iterator[Database]:
        with made.writing() as connection:
            connection.exec_driver_sql("TRUNCATE branches, games, wallet_movements, wallet_entries CASCADE")
        yield made
        made.engine.dispose()

    return fresh


def an_evening(store: Database, death: Death) -> Fragile:
    """Two games on one PC, the second until its money and its grace are over, another in silence; then all is quiet."""
    town = Fragile(store, death)
    town.put_on(4, "first")
    pc = town.sit_down()
    first = town.begin(pc)
    town.pass_time(100, step=20)
    town.goes_on(pc, first)
    town.pass_time(100, step=20)
    town.goes_on(pc, first)  # 200 s of play, and 4 units
    town.pass_time(90, step=18)
    town.goes_on(pc, first)  # exhausted
    town.pass_time(30, step=10)
    town.put_on(UNITS - 4, "second")
    town.goes_on(pc, first)
    second = town.begin(pc, 2)
    town.goes_on(pc, first)  # replaced
    town.pass_time(70, step=14)
    town.goes_on(pc, second, 2)
    town.end(second, KEYS[2])
    other = town.sit_down("PC-2")
    third, fourth = town.begin(other), town.begin(pc)
    for _ in range(3):
        town.pass_time(80, step=16)
        town.goes_on(other, third)
        pc.beat()
    town.goes_on(pc, fourth)  # after 240 s or more: too late, or in time if it was the server that was away
    until_quiet(town)
    return town


def test_an_evening_in_which_nothing_dies(stores: Stores) -> None:
    with stores() as store:
        town = an_evening(store, Death())
        assert town.commits in range(COMMITS - 8, COMMITS + 1)
        assert wrong(town) == []
        ends = [row.end_reason for row in town.books.rows(game_sessions)]
        assert sorted(ends) == ["charge_exhausted", "heartbeat_timeout", "normal", "session_replaced"]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("away", [1.0, 130.0])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whenever_the_server_dies_every_charge_is_started_and_stopped_once(
    stores: Stores, after: bool, away: float, part: int
) -> None:
    found = {}
    for commit in range(1 + part, COMMITS + 1, PARTS * EVERY):
        death = Death(commit=commit, after=after, away=away)
        with stores() as store:
            town = an_evening(store, death)
            found[f"{death}, in {type(town.was_killed_in).__name__}"] = wrong(town)
    assert {name: faults for name, faults in found.items() if faults} == {}
