"""Sessions of earlier days: as many as are wanted, with nothing that must not be."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from policy.quantities import Instant
from radiusd.bench.chain import Chain
from radiusd.bench.filling import fill_chain
from radiusd.bench.past import Past, add_past
from radiusd.store import invariants
from radiusd.store.database import Database
from radiusd.store.identifiers import take
from radiusd.store.schema import passes, sessions
from radiusd.vault import Vault

AT = Instant(1_800_000_000_000)


@pytest.mark.parametrize("wanted", [0, 1, 9, 40, 100])
def test_there_are_as_many_as_are_wanted_and_all_is_in_order(tmp_path: Path, wanted: int) -> None:
    database, told = Database(f"sqlite:///{tmp_path / 'store'}"), [0]
    try:
        fill_chain(database, Vault(bytes(32)), Chain.of(40), AT, lambda _: None)
        used = {"uploaded": 0, "downloaded": 0, "seconds": 0}
        add_past(database, Past(guests=40, sessions=wanted, used=used, now=AT), told.append)
        with database.writing() as connection:
            assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 40 + wanted
            ended = select(func.count()).where(sessions.c.phase == "EXPIRED")
            assert connection.execute(ended).scalar_one() == wanted
            assert invariants.check(connection) == []
            highest = connection.execute(select(func.max(passes.c.id))).scalar_one()
            assert take(connection, "passes").start > highest
    finally:
        database.close()
    assert told[-1] == wanted
