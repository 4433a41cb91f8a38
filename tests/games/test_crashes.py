"""A server that dies at any commit of an evening of games: no charge is started or stopped twice, or never (R28)."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from policy.game import ABANDONED, periods_begun
from policy.quantities import Seconds
from radiusd.gaming import look
from radiusd.store.database import Database
from radiusd.store.game_schema import charge_stops, game_sessions, otts, wallet_charges
from radiusd.store.invariants import check
from tests.games.fragile import KEYS, Death, Fragile
from tests.postgres import fresh_database, server_address

PERIOD = Seconds(60)
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


def until_quiet(town: Fragile) -> None:
    """Time passes until nothing is due, and then nothing happens for a while."""
    town.pass_time(400, step=2)
    before = town.commits
    town.pass_time(60, step=5)
    assert town.commits == before
    with town.database.reading() as connection:
        due = look(connection, town.at)
    assert (due.sessions, due.claims) == (False, False)


def wrong(town: Fragile) -> list[str]:
    """Everything about charges and sessions that must not be."""
    charges = {row.game_session_id: row for row in town.rows(wallet_charges)}
    orders = {row.game_session_id: row for row in town.rows(charge_stops)}
    sessions = {row.id: row for row in town.rows(game_sessions)}
    with town.database.reading() as connection:
        found = [str(each) for each in check(connection)]
    found += [f"{each} is valid and was never charged" for each in town.valid if each not in charges]
    found += [f"{each} is valid and no session" for each in town.valid if each not in sessions]
    found += [f"the charge of {key} was never stopped" for key, row in charges.items() if row.stopped_at is None]
    found += [f"nobody ordered the stop of {key}" for key in charges.keys() - orders.keys()]
    found += [f"the stop of {key} is open" for key, row in orders.items() if row.done_at is None]
    found += [f"{key} is {row.phase}" for key, row in sessions.items() if row.phase not in ("ENDED", "EXPIRED")]
    found += [f"a token is claimed by {row.claimed_by}" for row in town.rows(otts) if row.claimed_by is not None]
    begun = sum(row.outcome == "OK" for row in town.rows(otts))
    found += [] if begun == len(sessions) else [f"{begun} tokens are spent on {len(sessions)} sessions"]
    found += wrong_money(town, charges, orders)
    for key, began in town.graces.items():
        row = sessions[key]
        if row.end_reason == "charge_exhausted" and row.ended_at != began + 120_000:
            found.append(f"the grace of {key} began at {began} and ended at {row.ended_at}")
    return found


def wrong_money(town: Fragile, charges: dict[str, Any], orders: dict[str, Any]) -> list[str]:
    """What was booked otherwise than the sessions say."""
    booked, given_back = town.booked(), set(town.given_back())
    found = []
    for key, charge in charges.items():
        order = orders[key]
        if order.reason == ABANDONED:
            if (key in given_back) != bool(booked[key]):
                found.append(f"nobody played {key}, and {booked[key]} periods are paid and not given back")
        elif booked[key] > periods_begun(Seconds(order.played - order.unbilled), PERIOD) or not booked[key]:
            found.append(f"{key} paid for {booked[key]} periods of {order.played} s, {order.unbilled} of them unbilled")
        if charge.periods != booked[key]:
            found.append(f"{key} counts {charge.periods} periods, and {booked[key]} are booked")
    spent = sum(booked.values()) - sum(booked[each] for each in given_back)
    return found + ([] if town.left == UNITS - spent else [f"{town.left} units are left after {spent}"])


def test_an_evening_in_which_nothing_dies(stores: Stores) -> None:
    with stores() as store:
        town = an_evening(store, Death())
        assert town.commits in range(COMMITS - 8, COMMITS + 1)
        assert wrong(town) == []
        ends = [row.end_reason for row in town.rows(game_sessions)]
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
