"""Packages, passes and vouchers."""

import re

import pytest

from policy.admission import Accepted, Refused
from policy.package import Rate
from radiusd.store import vouchers
from tests.icafectl.counter import LAPTOP, Counter


def test_a_package_is_added_shown_changed_and_removed(counter: Counter) -> None:
    made = counter.read(
        "package", "add", "Night", "--time", "8h", "--online-time", "--data", "5G", "--up", "1M", "--down", "5M",
        "--burst", "20%", "--priority", "3", "--devices", "2", "--price", "20_000", "--valid", "30d",
        "--hours", "20:00-06:00", "--max-users", "50",
    )  # fmt: skip
    assert made == {
        "name": "Night", "time": 28800, "clock": "online", "data": 5_000_000_000, "validity": 2_592_000,
        "rate_up": 1_000_000, "rate_down": 5_000_000, "burst": 20, "priority": 3, "devices": 2, "price": 20_000,
        "hours": "20:00-06:00", "max_users": 50, "created_at": "2026-11-21T12:00:00.000Z",
    }  # fmt: skip
    counter.run("package", "set", "Night", "--price", "25000", "--up", "2M", "--wall-time")
    shown = counter.read("package", "show", "Night")
    assert (shown["price"], shown["rate_up"], shown["rate_down"], shown["clock"]) == (
        25_000,
        2_000_000,
        5_000_000,
        "wall",
    )
    counter.run("package", "remove", "Night")
    assert "there is no package" in counter.run("package", "show", "Night", status=1)


def test_changing_the_price_list_changes_no_pass(counter: Counter) -> None:
    counter.run("package", "set", "3h", "--time", "1h", "--up", "1M", "--down", "1M")
    answer = counter.log_in()
    assert isinstance(answer, Accepted)
    assert (answer.time, answer.rate) == (10_800, Rate(2_000_000, 10_000_000))
    counter.run("package", "remove", "3h")
    assert counter.read("pass", "show", "1")["time"] == 10_800


def test_a_pass_comes_with_a_login_of_its_own(counter: Counter) -> None:
    sold = counter.read("pass", "sell", "--account", "nora", "--package", "3h")
    assert sold["login"] == f"wifi_{sold['id']}"
    assert re.fullmatch(r"[2-9A-HJ-NP-Za-kmnp-z]{32}", sold["password"])
    answer = counter.log_in(sold["login"], LAPTOP, sold["password"])
    assert isinstance(answer, Accepted)
    assert answer.session_id == sold["session_id"]


def test_credentials_are_shown_once(counter: Counter) -> None:
    shown = counter.run("pass", "sell", "--account", "nora", "--package", "3h")
    password = re.search(r"password: (\S{32})", shown)
    assert password
    counter.printed = ""
    for verb in (
        ("pass", "list"),
        ("pass", "show", "2"),
        ("account", "show", "nora"),
        ("session", "list"),
        ("why", "nora"),
    ):
        counter.run(*verb)
        counter.run(*verb, "--json")
    assert password[1] not in counter.printed


def test_a_pass_nobody_uses_in_time_runs_out(counter: Counter) -> None:
    counter.run("package", "add", "Soon", "--time", "1h", "--valid", "1h")
    counter.run("account", "add", "ben", "--password", "geheim", "--package", "Soon")
    assert counter.read("pass", "list", "--account", "ben")[0]["valid_until"] == "2026-11-21T13:00:00.000Z"
    counter.pass_time(3601)
    assert isinstance(counter.log_in("ben"), Refused)


def test_vouchers_have_codes_that_log_in_with_and_without_a_password(counter: Counter) -> None:
    made = counter.read("voucher", "create", "--package", "3h", "--count", "3")
    codes = [each["code"] for each in made]
    assert len(set(codes)) == 3
    assert all(re.fullmatch(rf"[{vouchers.ALPHABET}]{{5}}-[{vouchers.ALPHABET}]{{5}}", code) for code in codes)
    for code, name, password in zip(codes, (codes[0], codes[1], codes[2].lower()), ("", codes[1], ""), strict=True):
        answer = counter.log_in(name, f"phone of {code}", password)
        assert isinstance(answer, Accepted), code
    assert isinstance(counter.log_in(codes[0], LAPTOP, "wrong"), Refused)


def test_codes_are_printed_line_by_line_and_listed_newest_first(counter: Counter) -> None:
    codes = counter.run("voucher", "create", "--package", "3h", "--count", "5").split()
    assert sorted(each["code"] for each in counter.read("voucher", "list")) == sorted(codes)
    counter.log_in(codes[0], password="")
    assert len(counter.read("voucher", "list", "--unused")) == 4
    assert counter.read("voucher", "list", "--package", "other") == []


def test_vouchers_work_at_a_branch_that_hashes(counter: Counter) -> None:
    counter.run("branch", "set", "Centre", "--password-store", "hash")
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    assert isinstance(counter.log_in(code, password=""), Accepted)


def test_a_code_that_is_taken_is_not_given_twice(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.run("account", "add", "AAAAA-AAAAA", "--password", "x")
    codes = iter(["AAAAA-AAAAA", "AAAAA-AAAAA", "BBBBB-BBBBB"])
    monkeypatch.setattr(vouchers, "new_code", lambda: next(codes))
    assert counter.read("voucher", "create", "--package", "3h")[0]["code"] == "BBBBB-BBBBB"


def test_many_vouchers_are_made_in_several_transactions(counter: Counter) -> None:
    made = counter.read("voucher", "create", "--package", "3h", "--count", "2500")
    assert len({each["code"] for each in made}) == 2500
    counter.run("doctor", "store")


def test_a_voucher_for_an_unknown_package_is_refused(counter: Counter) -> None:
    assert "known are 3h" in counter.run("voucher", "create", "--package", "3hours", "--count", "2", status=1)
    assert counter.read("voucher", "list") == []


def test_a_voucher_that_was_blocked_is_shown_so_and_nobody_is_given_it(counter: Counter) -> None:
    first, second = [each["code"] for each in counter.read("voucher", "create", "--package", "3h", "--count", "2")]
    counter.run("account", "block", first.lower())
    blocked = {each["code"]: each["is_blocked"] for each in counter.read("voucher", "list")}
    assert blocked == {first: True, second: False}
    assert [each["code"] for each in counter.read("voucher", "list", "--unused")] == [second]


def test_a_voucher_can_be_topped_up(counter: Counter) -> None:
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    counter.run("pass", "sell", "--account", code, "--package", "3h")
    assert len(counter.read("pass", "list", "--account", code)) == 2


def test_passes_are_listed_with_what_is_left(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(600)
    (found,) = counter.read("pass", "list", "--open")
    assert (found["time_left"], found["data_left"], found["online"]) == (10_200, 2_000_000_000, 1)
    assert "2 h 50 min" in counter.run("pass", "list")


def test_a_pass_that_is_not_there(counter: Counter) -> None:
    assert "pass list" in counter.run("pass", "show", "77", status=1)
    assert "pass list" in counter.run("pass", "release", "77", status=1)
    assert "not held" in counter.run("pass", "release", "1", status=1)
