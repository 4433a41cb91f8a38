"""A café's wallet: what is put on it, and that nothing is booked twice, changed, or taken where there is nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from policy.quantities import Money
from radiusd.charging.wallet import DEPOSITS, MOST, balance, top_up
from radiusd.store.errors import NotFound, Refused
from radiusd.store.game_schema import wallet_entries, wallet_movements
from tests.charging.given import NOON, Till


def put(till: Till, cafe: int, amount: Any, key: str) -> bool:
    with till.database.writing() as connection:
        return top_up(connection, cafe, amount, key, "cash", NOON)


def test_a_wallet_nobody_filled_is_empty(till: Till) -> None:
    assert till.left(till.a_cafe()) == 0


def test_what_is_put_on_a_wallet_comes_from_the_deposits(till: Till) -> None:
    cafe = till.a_cafe()
    assert put(till, cafe, 500, "receipt 1")
    with till.database.reading() as connection:
        assert (till.left(cafe), balance(connection, DEPOSITS)) == (500, -500)


def test_a_repeated_top_up_is_booked_once(till: Till) -> None:
    cafe = till.a_cafe()
    assert [put(till, cafe, 500, "receipt 1"), put(till, cafe, 500, "receipt 1")] == [True, False]
    assert till.left(cafe) == 500


@pytest.mark.parametrize("differs", ["amount", "café"])
def test_a_key_is_for_one_top_up(till: Till, differs: str) -> None:
    cafe, other = till.a_cafe(), till.a_cafe()
    put(till, cafe, 500, "receipt 1")
    with pytest.raises(Refused, match="key of another top-up"):
        put(till, other if differs == "café" else cafe, 501 if differs == "amount" else 500, "receipt 1")
    assert (till.left(cafe), till.left(other)) == (500, 0)


def test_a_correction_takes_off_what_was_put_on(till: Till) -> None:
    cafe = till.a_cafe(500)
    put(till, cafe, -200, "receipt 1 was wrong")
    assert till.left(cafe) == 300
    assert till.wrong() == []


def test_a_correction_never_takes_more_than_there_is(till: Till) -> None:
    cafe = till.a_cafe(500)
    with pytest.raises(Refused, match="has 500, which is less than 501"):
        put(till, cafe, -501, "x")
    assert till.left(cafe) == 500


@pytest.mark.parametrize("amount", [0, True, 1.5, MOST + 1, -MOST - 1])
def test_an_amount_is_a_whole_number_and_not_0(till: Till, amount: Any) -> None:
    cafe = till.a_cafe(500)
    with pytest.raises(Refused, match="whole number"):
        put(till, cafe, amount, "x")
    assert till.left(cafe) == 500


def test_a_cafe_that_is_not_there_has_no_wallet(till: Till) -> None:
    with pytest.raises(NotFound, match="icafectl branch list"):
        put(till, 4711, 5, "x")


@pytest.mark.parametrize("table", [wallet_movements, wallet_entries])
@pytest.mark.parametrize("change", [update, delete])
def test_what_was_booked_cannot_be_changed(till: Till, table: Any, change: Any) -> None:
    till.a_cafe(500)
    statement = change(table) if change is delete else update(table).values({next(iter(table.c)).name: 9})
    with pytest.raises(DatabaseError, match="what was booked stays"), till.database.writing() as connection:
        connection.execute(statement)
    assert till.wrong() == []


@pytest.mark.parametrize("row", [{"number": 2, "balance": -1}, {"number": 1, "balance": 7}, {"number": 2}])
def test_the_database_refuses_what_cannot_be_a_wallets_entry(till: Till, row: dict[str, int]) -> None:
    cafe = till.a_cafe(500)
    with pytest.raises(IntegrityError), till.database.writing() as connection:
        connection.execute(insert(wallet_movements).values(id=999_999, key="x", at=NOON, text="x"))
        connection.execute(insert(wallet_entries).values(movement_id=999_999, account=f"cafe:{cafe}", amount=-5, **row))


def test_a_key_used_by_two_at_once_is_booked_once(till: Till, other: Till) -> None:
    """Two administrators with the same receipt: the second waits for the first, and finds it booked."""
    cafe = till.a_cafe()
    with ThreadPoolExecutor(2) as threads:
        booked = list(threads.map(lambda each: put(each, cafe, Money(5), "receipt 1"), [till, other] * 5))
    assert (sorted(booked), till.left(cafe)) == ([False] * 9 + [True], 5)
    assert till.wrong() == []
