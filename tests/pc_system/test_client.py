"""Asking a PC system: what goes out, and what is made of the answer."""

import json
from typing import Any

import pytest
from attrs import evolve

from policy.quantities import Money
from radiusd.pc_system.http import LONGEST_ANSWER
from radiusd.pc_system.values import Access, Balance, Debit, PcLogin, Refund, Validated
from tests.pc_system.given import (
    ACCESS,
    AT,
    BALANCE,
    DEBIT,
    LOGIN,
    REFUND,
    SILENT,
    VALID,
    Asker,
    Reply,
    Wish,
    balance,
    debit,
    log_in,
    refund,
    says,
    validate,
)

# What goes out


def test_a_login_gives_the_account_and_a_session() -> None:
    asker = Asker(LOGIN)
    found = asker.result(log_in(asker.client))
    assert found == PcLogin(
        user_id="u1", username="nora_01", balance=Money(150_000), session_token="a-session", expires_at=AT
    )
    (call,) = asker.system.calls
    assert (call.method, call.url) == ("POST", "http://192.168.10.5:8080/pc-api/login")
    assert call.fields == {"username": "nora_01", "password": "secret", "location_id": "loc_abc"}
    assert call.bearer is None


def test_a_login_answer_of_the_older_form_has_the_name_that_was_asked_for() -> None:
    asker = Asker(says(success=True, user_id="u1", balance=1, session_token="a-session"))
    found = asker.result(log_in(asker.client))
    assert (found.username, found.expires_at) == ("nora_01", None)


def test_a_balance_is_asked_for_with_the_session() -> None:
    asker = Asker(BALANCE)
    assert asker.result(balance(asker.client)) == Balance(amount=Money(150_000), currency="VND")
    (call,) = asker.system.calls
    assert (call.method, call.url, call.body) == ("GET", "http://192.168.10.5:8080/api/v1/user/balance", b"")
    assert call.bearer == "a-session"


def test_a_balance_of_the_other_form_is_understood() -> None:
    asker = Asker(says(user_id="u1", balance=150_000.0, currency="USD"))
    assert asker.result(balance(asker.client)) == Balance(amount=Money(150_000), currency="USD")


def test_a_debit_carries_its_key_and_what_it_is_for() -> None:
    asker = Asker(DEBIT)
    assert asker.result(debit(asker.client)) == Debit(transaction_id="t1", new_balance=Money(130_000), at=AT)
    (call,) = asker.system.calls
    assert (call.method, call.url) == ("POST", "http://192.168.10.5:8080/pc-api/debit")
    assert call.bearer == "the key of q1"
    assert call.fields == {
        "user_id": "u1",
        "amount": 20_000,
        "description": "WiFi Package: Hour",
        "idempotency_key": "wifi_u1_1",
        "metadata": {"package_id": 3},
    }


def test_a_refund_names_the_debit_it_undoes() -> None:
    asker = Asker(REFUND)
    assert asker.result(refund(asker.client)) == Refund(refund_id="r1")
    (call,) = asker.system.calls
    assert call.url.endswith("/pc-api/refund")
    assert call.bearer == "the key of q1"
    assert call.fields == {
        "original_transaction_id": "t1",
        "amount": 20_000,
        "reason": "no WiFi",
        "idempotency_key": "refund_t1",
    }


def test_a_refund_of_the_other_form_is_understood() -> None:
    asker = Asker(says(success=True, transaction_id="t2"))
    assert asker.result(refund(asker.client)) == Refund(refund_id="t2")


def test_a_session_that_is_valid_is_somebodys() -> None:
    asker = Asker(VALID)
    assert asker.result(validate(asker.client)) == Validated(user_id="u1", username="nora_01")
    assert asker.system.calls[0].bearer == "a-session"


@pytest.mark.parametrize(
    "answer", [says(valid=False), says(401), says(401, success=False, error_code="INVALID_SESSION")]
)
def test_a_session_that_is_not_valid_is_nobodys(answer: Reply) -> None:
    asker = Asker(answer)
    assert asker.result(validate(asker.client)) is None


def test_a_branch_may_have_paths_of_its_own() -> None:
    asker = Asker(BALANCE)
    access = evolve(ACCESS, url="https://d2.pc-system.com/api/", paths={"balance": "/wallet"})
    asker.result(asker.client.balance(access, "a-session"))
    assert asker.system.calls[0].url == "https://d2.pc-system.com/api/wallet"


def test_a_ping_takes_any_answer_and_tells_its_milliseconds() -> None:
    asker = Asker(Reply(404))
    assert asker.result(asker.client.ping(ACCESS)) == 0
    assert [(each.method, each.url) for each in asker.system.calls] == [("HEAD", "http://192.168.10.5:8080")]


def test_a_ping_that_nobody_answers_says_so_after_five_seconds() -> None:
    asker = Asker(SILENT)
    assert asker.result(asker.client.ping(ACCESS), seconds=5.1).code == "PC_API_TIMEOUT"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"url": "192.168.10.5:8080"}, "must look like http://"),
        ({"url": "ftp://192.168.10.5"}, "must look like http://"),
        ({"url": "http://192.168.10.5:99999"}, "write http://"),
        ({"url": "http://nora:secret@192.168.10.5"}, "must not hold a password"),
        ({"url": "http://192.168.10.5?a=b"}, "must look like http://"),
        ({"paths": {"ballance": "/x"}}, "login, balance, debit"),
        ({"paths": {"balance": "x"}}, "must begin with a slash"),
        ({"paths": {"balance": "/x y"}}, "must begin with a slash"),
    ],
)
def test_a_mistyped_address_or_path_is_told(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what) as told:
        Access(**{"branch_id": 1, "url": "http://192.168.10.5", **changes})
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, 10**16])
def test_only_a_whole_amount_above_nothing_is_debited(amount: Any) -> None:
    asker = Asker(DEBIT)
    error = asker.result(asker.client.debit(ACCESS, "u1", amount, "WiFi", "key"))
    assert isinstance(error, ValueError)
    assert asker.system.calls == []


def test_without_an_api_key_no_money_moves() -> None:
    asker = Asker(DEBIT)
    error = asker.result(asker.client.refund(evolve(ACCESS, api_key=None), "t1", Money(1), "WiFi", "key"))
    assert "API key" in str(error)
    assert asker.system.calls == []


# Answers that nobody agreed on


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>welcome</html>"),
        Reply(200, b""),
        Reply(200, b"\xff"),
        Reply(200, b"[" * 10_000),
        Reply(200, b"[]"),
        Reply(204),
        says(balance_vnd="150000"),
        says(balance_vnd=150_000.5),
        says(balance_vnd=True),
        says(balance_vnd=None),
        says(balance_vnd=10**30),
        says(balance_vnd=1, balance=2),
        says(currency="VND"),
        says(balance=1, currency="dong"),
        says(404),
        Reply(302, headers={"location": ["http://192.168.10.9/"]}),
        says(200, success=False),
        says(200, success=False, error_code="BALANCE_IS_150000"),
        Reply(200, BALANCE.body, {"content-encoding": ["gzip"]}),
        Reply(200, b" " * (LONGEST_ANSWER + 1)),
        Reply(200, b" ", {"content-length": [str(LONGEST_ANSWER + 1)]}),
    ],
)
def test_an_answer_that_was_not_agreed_on_is_refused_and_not_asked_for_again(answer: Reply) -> None:
    asker = Asker(answer)
    error = asker.result(asker.balance())
    assert error.code == "PC_API_ANSWER", error
    assert len(asker.system.calls) == 1


@pytest.mark.parametrize(("wish", "answer"), [(log_in, LOGIN), (debit, DEBIT), (refund, REFUND), (validate, VALID)])
def test_each_field_of_an_answer_has_its_kind(wish: Wish, answer: Reply) -> None:
    good = json.loads(answer.body)
    for name in set(good) - {"message"}:
        asker = Asker(says(**{**good, name: ["something else"]}))
        assert asker.result(wish(asker.client)).code == "PC_API_ANSWER", name


def test_the_longest_answer_is_still_read() -> None:
    body = BALANCE.body + b" " * (LONGEST_ANSWER - len(BALANCE.body))
    asker = Asker(Reply(200, body))
    assert isinstance(asker.result(asker.balance()), Balance)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b" " * (LONGEST_ANSWER * 4)),
        Reply(200, b" ", {"content-length": ["999999"]}),
        Reply(200, b" ", {"content-encoding": ["gzip"]}),
    ],
)
def test_the_connection_of_an_answer_that_is_not_read_is_closed(answer: Reply) -> None:
    asker = Asker(answer)
    asker.result(asker.balance())
    assert [each.is_closed for each in asker.system.connections] == [True]


def test_one_guests_cookie_is_never_sent_with_anothers_request() -> None:
    asker = Asker(says(headers={"set-cookie": ["session=nora; Path=/"]}, balance_vnd=1), BALANCE)
    asker.result(asker.balance())
    asker.result(asker.client.balance(ACCESS, "another session"))
    assert [each.headers.hasHeader("cookie") for each in asker.system.calls] == [False, False]


def test_compression_is_not_asked_for() -> None:
    asker = Asker(BALANCE)
    asker.result(asker.balance())
    assert not asker.system.calls[0].headers.hasHeader("accept-encoding")
