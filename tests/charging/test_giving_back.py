"""A charge that no session came of costs nothing: what was paid for it is given back, once."""

import pytest

from policy.game import ABANDONED, GameEnd
from policy.quantities import Seconds
from tests.charging.given import Till, a_key, came_of

KEY = a_key(1)


def abandon(till: Till, played: int = 0) -> None:
    came_of(till.port.stop(KEY, Seconds(played), Seconds(0), ABANDONED))


def test_a_charge_that_no_session_came_of_is_given_back(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    till.start(KEY, cafe, game)
    assert (till.left(cafe), till.earned(game)) == (7, 3)
    abandon(till)
    assert (till.left(cafe), till.earned(game)) == (10, 0)
    assert till.charge(KEY).stopped_at == till.at
    assert till.booked(KEY) == [1]  # what was booked stays, the refund is beside it
    assert till.wrong() == []


def test_it_is_given_back_once(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    till.start(KEY, cafe, game)
    for _ in range(3):
        abandon(till)
    assert till.stop(KEY, 0) is None
    assert (till.left(cafe), till.earned(game)) == (10, 0)
    assert till.start(KEY, cafe, game) is False


def test_what_was_paid_is_given_back_though_the_rate_is_another_by_now(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    till.start(KEY, cafe, game)
    with till.database.writing() as connection:
        connection.exec_driver_sql("UPDATE games SET rate = 100")
    abandon(till)
    assert till.left(cafe) == 10


@pytest.mark.parametrize("rate", [0, 3])
def test_of_what_was_never_paid_nothing_is_given_back(till: Till, rate: int) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=rate)
    if not rate:
        till.start(KEY, cafe, game)
    abandon(till)
    assert (till.left(cafe), till.earned(game), till.wrong()) == (10, 0, [])


def test_who_played_pays_whatever_the_reason(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    till.start(KEY, cafe, game)
    abandon(till, played=1)
    assert till.left(cafe) == 7


@pytest.mark.parametrize("end", GameEnd)
def test_a_session_that_began_is_paid_however_short(till: Till, end: GameEnd) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    till.start(KEY, cafe, game)
    came_of(till.port.stop(KEY, Seconds(0), Seconds(0), end.value))
    assert till.left(cafe) == 7
