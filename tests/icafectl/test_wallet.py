"""What cafés have left to pay for games with."""

import pytest

from tests.icafectl.counter import Counter
from tests.icafectl.test_games import revision


def left(counter: Counter, branch: str = "Centre") -> int:
    balance: int = counter.read("wallet", "show", branch)["balance"]
    return balance


def test_what_is_put_on_a_wallet_is_shown(counter: Counter) -> None:
    assert counter.read("wallet", "show", "Centre") == {
        "branch": "Centre",
        "balance": 0,
        "movements": 0,
        "booked_at": None,
    }
    assert "5000 put on the wallet of branch Centre: 5000 left" in counter.run(
        "wallet", "top-up", "Centre", "5_000", "--key", "r1"
    )
    assert counter.read("wallet", "show", "Centre") == {
        "branch": "Centre",
        "balance": 5000,
        "movements": 1,
        "booked_at": "2026-11-21T12:00:00.000Z",
    }
    assert "5000" in counter.run("wallet", "show", "Centre")


def test_a_repeated_top_up_is_booked_once_and_told_so(counter: Counter) -> None:
    words = ("wallet", "top-up", "Centre", "500", "--key", "r1")
    assert counter.read(*words)["is_new"]
    before = revision(counter)
    assert not counter.read(*words)["is_new"]
    assert "r1 was booked already, so nothing was done: 500 left" in counter.run(*words)
    assert (left(counter), revision(counter)) == (500, before)


@pytest.mark.parametrize(("branch", "amount"), [("Centre", "501"), ("Riverside", "500")])
def test_a_key_cannot_stand_for_two_top_ups(counter: Counter, branch: str, amount: str) -> None:
    counter.run("branch", "add", "Riverside")
    counter.run("wallet", "top-up", "Centre", "500", "--key", "r1")
    shown = counter.run("wallet", "top-up", branch, amount, "--key", "r1", status=1)
    assert "give this one a key of its own" in shown
    assert (left(counter), left(counter, "Riverside")) == (500, 0)


def test_a_mistake_is_corrected_by_another_movement(counter: Counter) -> None:
    counter.run("wallet", "top-up", "Centre", "5000", "--key", "r1", "--text", "cash")
    counter.pass_time(1)
    shown = counter.run("wallet", "top-up", "Centre", "--key", "r1-wrong", "--text", "a digit too many", "--", "-4500")
    assert "4500 taken off the wallet of branch Centre: 500 left" in shown
    assert counter.read("wallet", "history", "Centre") == [
        {
            "number": 2,
            "at": "2026-11-21T12:00:01.000Z",
            "text": "a digit too many",
            "amount": -4500,
            "balance": 500,
            "key": "top-up:r1-wrong",
        },
        {
            "number": 1,
            "at": "2026-11-21T12:00:00.000Z",
            "text": "cash",
            "amount": 5000,
            "balance": 5000,
            "key": "top-up:r1",
        },
    ]
    told = counter.run("wallet", "history", "Centre")
    assert "-4500" in told
    assert "+5000" in told


def test_no_more_is_taken_off_than_there_is(counter: Counter) -> None:
    counter.run("wallet", "top-up", "Centre", "500", "--key", "r1")
    assert "500" in counter.run("wallet", "top-up", "Centre", "--key", "r2", "--", "-501", status=1)
    assert left(counter) == 500


def test_each_branch_has_a_history_of_its_own(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    for number in range(3):
        counter.run("wallet", "top-up", "Centre", "10", "--key", f"c{number}")
    counter.run("wallet", "top-up", "Riverside", "7", "--key", "r")
    assert [each["balance"] for each in counter.read("wallet", "history", "Riverside")] == [7]
    assert [each["balance"] for each in counter.read("wallet", "history", "Centre")] == [30, 20, 10]
    assert [each["number"] for each in counter.read("wallet", "history", "Centre", "--limit", "2")] == [3, 2]
    assert "--limit 2 was reached" in counter.run("wallet", "history", "Centre", "--limit", "2")


def test_servers_are_told_of_a_top_up(counter: Counter) -> None:
    before = revision(counter)
    counter.run("wallet", "top-up", "Centre", "500", "--key", "r1")
    assert revision(counter) > before


@pytest.mark.parametrize("amount", ["0", "1.5", "5,000", "five", "1_000_000_000_000_001", "", "²"])
def test_an_amount_that_is_none_is_told_with_an_example(counter: Counter, amount: str) -> None:
    assert "as in 5000" in counter.run("wallet", "top-up", "Centre", amount, "--key", "r1", status=2)
    assert left(counter) == 0


def test_without_a_key_nothing_is_booked(counter: Counter) -> None:
    assert "--key" in counter.run("wallet", "top-up", "Centre", "500", status=2)


@pytest.mark.parametrize("words", [["show"], ["history"], ["top-up", "5", "--key", "k"]], ids=" ".join)
def test_a_branch_that_is_not_there_is_told(counter: Counter, words: list[str]) -> None:
    verb, *rest = words
    assert "did you mean Centre?" in counter.run("wallet", verb, "Center", *rest, status=1)


def test_where_a_partner_charges_it_is_told_that_this_wallet_is_not_used(counter: Counter) -> None:
    assert "not on this wallet" not in counter.run("wallet", "show", "Centre")
    with counter.config.open("a") as file:
        file.write('[games]\npartner_url = "https://pay.example.net"\npartner_key_file = "partner"\n')
    for words in (["show", "Centre"], ["top-up", "Centre", "5", "--key", "k"]):
        assert "charged at https://pay.example.net, not on this wallet" in counter.run("wallet", *words)
