"""What is asked again, when a PC system is left alone, and how many may ask at once."""

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionDone
from twisted.web.client import ResponseFailed

from policy.quantities import Money
from radiusd.pc_system.client import IN_FLIGHT
from radiusd.pc_system.errors import BusinessError
from radiusd.pc_system.values import Balance, Debit, PcLogin
from tests.pc_system.given import (
    ACCESS,
    BALANCE,
    DEBIT,
    LOGIN,
    REFUND,
    REFUSED,
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

REPEATED = {
    "balance": (balance, BALANCE),
    "debit": (debit, DEBIT),
    "refund": (refund, REFUND),
    "validate": (validate, VALID),
}
repeated = pytest.mark.parametrize(("wish", "good"), REPEATED.values(), ids=REPEATED)


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
