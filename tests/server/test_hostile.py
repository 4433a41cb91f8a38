"""What no router should send raises nothing, is answered only where it must be, and harms nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from radiusd.store.database import Database
from tests.server.given import Server
from tests.server.hostile import feed, still_serves
from tests.server.mutations import mutated

SEED = 20_261_121
ACCEPT = 2


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    # The wire is what is tried here, so once is enough, and in the quicker store.
    made = Database(f"sqlite:///{tmp_path}/hostile.db")
    made.migrate()
    yield made
    made.close()


@pytest.mark.no_cover  # others follow these lines, and in less time
def test_a_hundred_thousand_mutated_packets_do_no_harm(server: Server) -> None:
    assert server.log_in().code == ACCEPT
    answered = feed(server, SEED, 100_000)
    assert 10_000 < answered < 60_000  # both those who must and those who must not be answered were among them
    assert still_serves(server)


def test_a_seed_gives_the_same_packets_again() -> None:
    assert list(mutated(7, 500)) == list(mutated(7, 500))
    assert list(mutated(7, 500)) != list(mutated(8, 500))
