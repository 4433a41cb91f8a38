"""Asking a PC system: what goes out, what is repeated, and what is said of it."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.web.client import ResponseFailed

from policy.quantities import Instant, Money
from radiusd.pc_system.client import IN_FLIGHT, PcSystemClient
from radiusd.pc_system.errors import BusinessError
from radiusd.pc_system.http import LONGEST_ANSWER
from radiusd.pc_system.values import Access, Balance, Debit, PcLogin, Refund, Validated
from tests.pc_system.given import ACCESS, REFUSED, SILENT, Asker, Reply, says

BALANCE = says(balance_vnd=150_000)
TIME = "2026-02-16T10:30:00.123Z"
AT = Instant(1_771_237_800_123)
LOGIN = says(
    success=True, user_id="u1", username="nora_01", balance=150_000, session_token="a-session", expires_at=TIME
)
DEBIT = says(success=True, transaction_id="t1", new_balance=130_000, timestamp=TIME)
REFUND = says(success=True, refund_id="r1", message="done")
VALID = says(valid=True, user_id="u1", username="nora_01")

Wish = Callable[[PcSystemClient], Coroutine[Any, Any, Any]]


def log_in(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.log_in(ACCESS, "nora_01", "secret", "loc_abc")


def balance(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.balance(ACCESS, "a-session")


def debit(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.debit(ACCESS, "u1", Money(20_000), "WiFi Package: Hour", "wifi_u1_1", {"package_id": 3})


def refund(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.refund(ACCESS, "t1", Money(20_000), "no WiFi", "refund_t1")


def validate(client: PcSystemClient) -> Coroutine[Any, Any, Any]:
    return client.validate(ACCESS, "a-session")


REPEATED = {
    "balance": (balance, BALANCE),
    "debit": (debit, DEBIT),
    "refund": (refund, REFUND),
    "validate": (validate, VALID),
}
repeated = pytest.mark.parametrize(("wish", "good"), REPEATED.values(), ids=REPEATED)


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


# What is repeated


@repeated
@pytest.mark.parametrize("trouble", [SILENT, REFUSED, says(500), says(503, error_code="DATABASE"), ConnectionDone()])
def test_what_may_be_repeated_is_repeated_with_the_same_octets(wish: Wish, good: Reply, trouble: Any) -> None:
    asker = Asker(trouble, trouble, trouble, good)
    found = asker.result(wish(asker.client))
    assert not isinstance(found, Exception)
    assert len(asker.system.calls) == 4
    assert len({(each.method, each.url, each.bearer, each.body) for each in asker.system.calls}) == 1


@repeated
def test_after_three_repeats_it_is_given_up(wish: Wish, good: Reply) -> None:
    asker = Asker(SILENT)
    assert asker.result(wish(asker.client)).code == "PC_API_TIMEOUT"
    assert len(asker.system.calls) == 4
    assert asker.system.cancelled == 4


def test_repeats_come_after_one_two_and_four_seconds() -> None:
    asker = Asker(REFUSED)
    asker.ask(asker.balance())
    sent = [len(asker.system.calls)]
    for pause in (0.85, 0.2, 1.7, 0.35, 3.5, 0.55):
        asker.turn(pause)
        sent.append(len(asker.system.calls))
    assert sent == [1, 1, 2, 2, 3, 3, 4]
    (error,) = asker.came
    assert error.code == "PC_API_ERROR"


def test_a_try_ends_after_five_seconds() -> None:
    asker = Asker(SILENT)
    asker.ask(asker.balance())
    asker.turn(4.9)
    assert asker.system.cancelled == 0
    asker.turn(0.15)
    assert asker.system.cancelled == 1


def test_the_five_seconds_are_for_the_body_as_well() -> None:
    asker = Asker(Reply(200, b'{"balance_', ends=False), BALANCE)
    asker.ask(asker.balance())
    asker.turn(4.9)
    assert not asker.system.connections[0].is_closed
    asker.turn(0.15)
    assert asker.system.connections[0].is_closed
    asker.turn(1)
    assert asker.came == [Balance(amount=Money(150_000), currency="VND")]


def test_a_body_that_ends_early_is_asked_for_again() -> None:
    asker = Asker(ResponseFailed([]), BALANCE)
    assert isinstance(asker.result(asker.balance()), Balance)


@pytest.mark.parametrize("trouble", [SILENT, says(500), ConnectionDone()])
def test_a_login_that_may_have_arrived_is_not_repeated(trouble: Any) -> None:
    asker = Asker(trouble, LOGIN)
    assert asker.result(log_in(asker.client)).code in ("PC_API_TIMEOUT", "PC_API_ERROR")
    assert len(asker.system.calls) == 1


def test_a_login_that_did_not_even_connect_is_repeated() -> None:
    asker = Asker(REFUSED, REFUSED, LOGIN)
    assert isinstance(asker.result(log_in(asker.client)), PcLogin)
    assert len(asker.system.calls) == 3


@pytest.mark.parametrize("status", [200, 402, 409, 500])
@pytest.mark.parametrize("code", ["INSUFFICIENT_BALANCE", "ACCOUNT_LOCKED", "INVALID_AMOUNT", "RATE_LIMITED"])
def test_what_the_pc_system_decided_is_not_asked_again(status: int, code: str) -> None:
    asker = Asker(says(status, success=False, error_code=code, message="balance is 150000", current_balance=150_000))
    error = asker.result(debit(asker.client))
    assert isinstance(error, BusinessError)
    assert error.code == code
    assert len(asker.system.calls) == 1


def test_a_failure_of_the_system_itself_is_no_decision() -> None:
    asker = Asker(says(200, success=False, error_code="SYSTEM_ERROR"), DEBIT)
    assert isinstance(asker.result(debit(asker.client)), Debit)


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        (log_in, 401, "INVALID_CREDENTIALS"),
        (log_in, 403, "ACCOUNT_SUSPENDED"),
        (log_in, 429, "RATE_LIMITED"),
        (balance, 401, "INVALID_SESSION"),
        (debit, 401, "API_KEY_REFUSED"),
        (refund, 403, "API_KEY_REFUSED"),
    ],
)
def test_a_status_alone_is_understood_where_it_can_only_mean_one_thing(wish: Wish, status: int, code: str) -> None:
    asker = Asker(Reply(status, b"<html>no</html>"))
    assert asker.result(wish(asker.client)).code == code


def test_whoever_gives_up_is_not_asked_for_again() -> None:
    asker = Asker(SILENT)
    asked = asker.ask(asker.balance())
    asked.cancel()
    asker.turn(30)
    assert len(asker.system.calls) == 1
    (error,) = asker.came
    assert isinstance(error, CancelledError)
    assert asker.clock.getDelayedCalls() == []


# The breaker, and how many at once


def test_three_failing_calls_open_the_breaker_and_end_each_others_repeats() -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(asker.balance())
    asker.turn(8)
    assert [each.code for each in asker.came] == ["PC_API_TIMEOUT"] * 3
    assert len(asker.system.calls) == 3


def test_an_open_breaker_refuses_at_once_and_lets_one_through_after_thirty_seconds() -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(log_in(asker.client))
    asker.turn(5.1)
    asker.came.clear()
    asker.system.answers = [BALANCE]
    assert asker.result(asker.balance(), seconds=0).code == "PC_API_UNAVAILABLE"
    assert len(asker.system.calls) == 3
    asker.turn(30)
    assert isinstance(asker.result(asker.balance()), Balance)
    assert isinstance(asker.result(asker.balance()), Balance)


def test_a_no_of_the_pc_system_is_an_answer_to_the_breaker() -> None:
    asker = Asker(REFUSED, REFUSED, says(401), REFUSED, REFUSED, LOGIN)
    for _ in range(2):
        asker.ask(asker.balance())
    asker.result(log_in(asker.client), seconds=0)
    assert asker.came == []
    asker.ask(asker.balance())
    asker.ask(asker.balance())
    assert isinstance(asker.result(log_in(asker.client), seconds=0), PcLogin)


def test_another_branch_is_asked_all_the_same() -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(log_in(asker.client))
    asker.turn(5.1)
    asker.system.answers = [BALANCE]
    assert isinstance(asker.result(asker.client.balance(evolve(ACCESS, branch_id=2), "a-session")), Balance)


def test_a_ping_is_sent_even_while_the_breaker_is_open() -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(log_in(asker.client))
    asker.turn(5.1)
    asker.system.answers = [Reply(200)]
    assert asker.result(asker.client.ping(ACCESS), seconds=0) == 0
    assert asker.result(asker.balance(), seconds=0).code == "PC_API_UNAVAILABLE"


def test_whoever_gives_up_the_one_try_leaves_it_to_another() -> None:
    asker = Asker(SILENT)
    for _ in range(3):
        asker.ask(log_in(asker.client))
    asker.turn(36)
    asker.ask(asker.balance()).cancel()
    asker.system.answers = [BALANCE]
    assert isinstance(asker.result(asker.balance(), seconds=0), Balance)


def test_only_so_many_are_asked_at_once_and_more_are_refused() -> None:
    asker = Asker(SILENT)
    for _ in range(IN_FLIGHT):
        asker.ask(asker.balance())
    assert asker.came == []
    assert asker.result(asker.balance(), seconds=0).code == "PC_API_UNAVAILABLE"
    assert len(asker.system.calls) == IN_FLIGHT


def test_a_call_that_ends_leaves_its_place() -> None:
    asker = Asker(SILENT)
    first = asker.ask(asker.balance())
    for _ in range(IN_FLIGHT - 1):
        asker.ask(asker.balance())
    first.cancel()
    asker.came.clear()
    asker.ask(asker.balance())
    assert asker.came == []
    assert len(asker.system.calls) == IN_FLIGHT + 1


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
