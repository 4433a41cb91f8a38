"""The REST API of the virtual PC system, asked by our own client wherever that can ask it."""

from typing import Any

import pytest
from attrs import evolve
from twisted.web.http_headers import Headers

from policy.quantities import Instant, Money
from radiusd.pc_system.values import Balance, Debit, PcLogin, Refund, Validated
from tests.virtual_pc_system.given import ACCESS, BEGAN, System

DAY = 24 * 3600


def logged_in(system: System) -> PcLogin:
    found = system.result(system.client.log_in(ACCESS, "nora_01", "toy-nora_01", "loc_abc"))
    assert isinstance(found, PcLogin)
    return found


def debit(system: System, amount: int = 20_000, key: str = "k1", user: str = "nora_01") -> Any:
    return system.client.debit(ACCESS, user, Money(amount), "WiFi Package: Hour", key)


def held(system: System) -> int:
    return system.cafe.users["nora_01"].balance


def test_a_login_balance_and_validation_are_as_our_client_reads_them() -> None:
    system = System()
    login = logged_in(system)
    assert (login.user_id, login.username, login.balance) == ("nora_01", "nora_01", held(system))
    assert login.expires_at == Instant(round((BEGAN + DAY) * 1000))
    session = login.session_token
    assert system.result(system.client.balance(ACCESS, session)) == Balance(amount=Money(held(system)), currency="VND")
    assert system.result(system.client.validate(ACCESS, session)) == Validated(user_id="nora_01", username="nora_01")


def test_the_older_path_of_the_balance_is_served_too() -> None:
    system = System()
    access = evolve(ACCESS, paths={"balance": "/pc-api/balance"})
    found = system.result(system.client.balance(access, logged_in(system).session_token))
    assert found == Balance(amount=Money(held(system)), currency="VND")


def test_any_path_answers_a_ping() -> None:
    system = System()
    assert system.result(system.client.ping(ACCESS)) == 0


@pytest.mark.parametrize(("name", "password"), [("nora_01", "toy-minh_02"), ("nobody", "toy-nobody")])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(name: str, password: str) -> None:
    system = System()
    status, found = system.ask("POST", "/pc-api/login", {"username": name, "password": password})
    assert (status, found["success"], found["error_code"]) == (401, False, "INVALID_CREDENTIALS")


def test_after_three_wrong_passwords_the_right_one_waits_five_minutes() -> None:
    system = System()
    for _ in range(3):
        system.ask("POST", "/pc-api/login", {"username": "nora_01", "password": "wrong"})
    assert system.result(system.client.log_in(ACCESS, "nora_01", "toy-nora_01", "loc")).code == "RATE_LIMITED"
    system.turn(301, step=1)
    assert isinstance(logged_in(system), PcLogin)


def test_a_suspended_account_may_not_log_in() -> None:
    system = System(users=100)
    (user,) = (each for each in system.cafe.users.values() if each.is_suspended)
    found = system.result(system.client.log_in(ACCESS, user.name, user.password, "loc"))
    assert found.code == "ACCOUNT_SUSPENDED"


def test_a_session_ends_after_a_day_and_when_its_user_logs_off() -> None:
    system = System()
    first, second = logged_in(system).session_token, logged_in(system).session_token
    assert first != second
    system.press("log-off", user="nora_01")
    for each in (first, second, "made up"):
        assert system.result(system.client.validate(ACCESS, each)) is None
        assert system.result(system.client.balance(ACCESS, each)).code == "INVALID_SESSION"
    third = logged_in(system).session_token
    system.turn(DAY, step=3600)
    assert system.result(system.client.validate(ACCESS, third)) is None


def test_a_debit_takes_the_money_once_for_a_key() -> None:
    system = System()
    before = held(system)
    first = system.result(debit(system))
    assert first == Debit(
        transaction_id=first.transaction_id, new_balance=Money(before - 20_000), at=Instant(round(BEGAN * 1000))
    )
    assert system.result(debit(system)) == first
    assert held(system) == before - 20_000
    system.result(debit(system, key="k2"))
    assert held(system) == before - 40_000


def test_a_key_is_honoured_for_a_day() -> None:
    system = System()
    before = held(system)
    system.result(debit(system))
    system.turn(DAY - 1, step=DAY - 1)
    system.result(debit(system))
    assert held(system) == before - 20_000
    system.turn(1, step=1)
    system.result(debit(system))
    assert held(system) == before - 40_000


def test_a_key_that_was_used_for_something_else_is_refused() -> None:
    system = System()
    system.result(debit(system))
    assert system.result(debit(system, amount=1)).code == "IDEMPOTENCY_CONFLICT"


def test_a_refund_gives_back_once_and_no_more_than_was_taken() -> None:
    system = System()
    before = held(system)
    taken = system.result(debit(system)).transaction_id
    first = system.result(system.client.refund(ACCESS, taken, Money(15_000), "no WiFi", "r1"))
    assert isinstance(first, Refund)
    assert system.result(system.client.refund(ACCESS, taken, Money(15_000), "no WiFi", "r1")) == first
    assert held(system) == before - 5_000
    assert system.result(system.client.refund(ACCESS, taken, Money(5_001), "no", "r2")).code == "INVALID_AMOUNT"
    assert system.result(system.client.refund(ACCESS, "t_9", Money(1), "no", "r3")).code == "TRANSACTION_NOT_FOUND"


def test_a_debit_says_why_it_is_refused() -> None:
    system = System(users=100)
    (locked,) = (each.name for each in system.cafe.users.values() if each.is_locked)
    assert system.result(debit(system, amount=10**9)).code == "INSUFFICIENT_BALANCE"
    assert system.result(debit(system, user=locked)).code == "ACCOUNT_LOCKED"
    assert system.result(debit(system, user="nobody")).code == "USER_NOT_FOUND"


def test_a_refused_debit_tells_the_balance_as_the_documents_have_it() -> None:
    system = System()
    headers = Headers({"Authorization": ["Bearer the-key-of-q1"]})
    fields = {"user_id": "nora_01", "amount": 10**9, "description": "WiFi", "idempotency_key": "k"}
    status, found = system.ask("POST", "/pc-api/debit", fields, headers)
    assert (status, found["error_code"], found["current_balance"]) == (402, "INSUFFICIENT_BALANCE", held(system))


@pytest.mark.parametrize("amount", [0, -5, 1.5, "5", True, None])
def test_no_strange_amount_is_taken(amount: Any) -> None:
    system = System()
    before = held(system)
    headers = Headers({"Authorization": ["Bearer the-key-of-q1"]})
    fields = {"user_id": "nora_01", "amount": amount, "idempotency_key": "k"}
    status, found = system.ask("POST", "/pc-api/debit", fields, headers)
    assert (status, found["error_code"], held(system)) == (400, "INVALID_AMOUNT", before)


def test_money_moves_only_with_the_right_key() -> None:
    system = System()
    found = system.result(system.client.debit(evolve(ACCESS, api_key="wrong"), "nora_01", Money(1), "WiFi", "k"))
    assert found.code == "API_KEY_REFUSED"


def test_without_settings_any_key_will_do_but_none_will_not() -> None:
    system = System(settings=None)
    fields = {"user_id": "nora_01", "amount": 1, "idempotency_key": "k"}
    assert system.ask("POST", "/pc-api/debit", fields)[0] == 401
    assert system.ask("POST", "/pc-api/debit", fields, Headers({"Authorization": ["Bearer x"]}))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/pc-api/login", b"no JSON", 400),
        ("POST", "/pc-api/login", b"[]", 400),
        ("POST", "/pc-api/login", b'{"username": 7}', 400),
        ("POST", "/pc-api/login", b" " * 70_000, 413),
        ("GET", "/pc-api/login", None, 404),
        ("GET", "/nowhere", None, 404),
        ("GET", "/api/v1/user/balance", None, 401),
    ],
)
def test_a_request_that_is_wrong_gets_an_error_in_the_agreed_form(
    method: str, path: str, body: bytes | None, status: int
) -> None:
    system = System()
    found, text = system.fetch(method, path, body, Headers({}))
    assert found == status
    assert b'"success":false,"error_code":"' in text


# Faults


def test_an_answer_that_is_late_comes_when_it_said() -> None:
    system = System()
    system.break_down(latency=2000)
    login = system.result(system.client.log_in(ACCESS, "nora_01", "toy-nora_01", "loc"), seconds=2.2)
    assert isinstance(login, PcLogin)


def test_money_is_taken_once_though_the_answer_came_too_late_twice() -> None:
    system = System()
    before = held(system)
    system.break_down(latency=60_000)
    wish = debit(system)
    system.clock.callLater(7, system.break_down)
    found = system.result(wish, seconds=20)
    assert isinstance(found, Debit)
    assert len([line for line in system.told if "debit" in line]) > 1
    assert held(system) == before - 20_000


def test_money_is_taken_once_though_the_connection_broke_before_the_answer() -> None:
    system = System()
    before = held(system)
    system.break_down(lose=1)
    system.clock.callLater(0.5, system.break_down)
    assert isinstance(system.result(debit(system), seconds=3), Debit)
    done = "POST /pc-api/debit: 200"
    assert system.told == [done, "POST /pc-api/debit: done, and cut off", done]
    assert held(system) == before - 20_000


def test_a_failure_does_nothing() -> None:
    system = System()
    before = held(system)
    system.break_down(fail=0.6)
    assert system.result(debit(system), seconds=10).code == "PC_API_ERROR"
    assert held(system) == before
    assert system.told == ["POST /pc-api/debit: 500, nothing done"] * 4


def test_a_share_of_failures_leaves_the_rest_alone() -> None:
    system = System()
    system.break_down(fail=0.4, lose=0.4)
    assert isinstance(system.result(debit(system)), Debit)


@pytest.mark.parametrize(("down", "code"), [("cut", "PC_API_ERROR"), ("hang", "PC_API_TIMEOUT")])
def test_when_it_is_down_nothing_answers_and_its_switches_still_do(down: str, code: str) -> None:
    system = System()
    system.break_down(down=down)
    found = system.result(system.client.log_in(ACCESS, "nora_01", "toy-nora_01", "loc"), seconds=5.2)
    assert found.code == code
    system.press("faults", down="")
    assert isinstance(logged_in(system), PcLogin)


def test_what_is_told_of_requests_has_no_balance_in_it() -> None:
    system = System()
    session = logged_in(system).session_token
    system.result(system.client.balance(ACCESS, session))
    system.result(debit(system, amount=10**9))
    assert system.told == [
        "POST /pc-api/login: 200",
        "GET /api/v1/user/balance: 200",
        "POST /pc-api/debit: INSUFFICIENT_BALANCE",
    ]
