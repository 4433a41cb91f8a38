"""Accounts, devices and passwords."""

import pytest
from sqlalchemy import select

from policy.admission import Accepted, Refused
from radiusd.store.database import Database
from radiusd.store.schema import logins
from tests.icafectl.counter import LAPTOP, PHONE, Counter


def stored(counter: Counter, name: str) -> tuple[str, bytes]:
    database = Database(counter.database_url)
    with database.reading() as connection:
        row = connection.execute(select(logins).where(logins.c.name == name)).one()
    database.close()
    return row.password_kind, row.password


def test_an_account_with_a_package_can_log_in(counter: Counter) -> None:
    made = counter.read("account", "add", "bén_02", "--password", "-", "--package", "3h", typed="mật khẩu\n")
    assert (made["name"], made["branch"], made["passes"], made["pass_id"]) == ("bén_02", "Centre", 1, 2)
    assert isinstance(counter.log_in("bén_02", password="mật khẩu"), Accepted)


def test_an_account_without_a_package_is_told_how_to_get_one(counter: Counter) -> None:
    assert "pass sell" in counter.run("account", "add", "ben", "--password", "geheim")


def test_an_unknown_package_adds_no_account(counter: Counter) -> None:
    shown = counter.run("account", "add", "ben", "--password", "geheim", "--package", "3hh", status=1)
    assert "did you mean 3h?" in shown
    counter.run("account", "show", "ben", status=1)


@pytest.mark.parametrize("name", ["nora", "wifi_7", "WIFI_12"])
def test_a_name_somebody_logs_in_with_is_refused(counter: Counter, name: str) -> None:
    counter.run("account", "add", name, "--password", "geheim", status=1)
    assert len(counter.read("account", "list")) == 1


def test_a_vouchers_code_cannot_become_an_account(counter: Counter) -> None:
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    counter.run("account", "add", code, "--password", "geheim", status=1)


@pytest.mark.parametrize("name", ["a" * 254, "é" * 127, "a\nb", "", " a"])
def test_a_name_that_cannot_travel_is_a_usage_error(counter: Counter, name: str) -> None:
    counter.run("account", "add", name, "--password", "geheim", status=2)


def test_the_longest_names_and_passwords_there_can_be(counter: Counter) -> None:
    counter.run("account", "add", "é" * 126 + "e", "--password", "-", "--package", "3h", typed="ü" * 64)
    assert isinstance(counter.log_in("é" * 126 + "e", password="ü" * 64), Accepted)


@pytest.mark.parametrize("typed", ["", "x" * 129, "ü" * 65, "a\x00b"])
def test_a_password_that_cannot_travel_is_refused_without_being_shown(counter: Counter, typed: str) -> None:
    shown = counter.run("account", "add", "ben", "--password", "-", typed=typed, status=2)
    assert "1 to 128 octets" in shown
    assert not typed or typed not in shown


def test_passwords_are_kept_as_the_branch_keeps_them_when_they_are_set(counter: Counter) -> None:
    assert stored(counter, "nora")[0] == "recoverable"
    counter.run("branch", "set", "Centre", "--password-store", "hash")
    assert stored(counter, "nora")[0] == "recoverable"
    counter.run("account", "password", "nora", "--password", "anders")
    kind, password = stored(counter, "nora")
    assert kind == "argon2"
    assert password.startswith(b"$argon2id$")


def test_another_password_replaces_the_first(counter: Counter) -> None:
    counter.run("account", "password", "nora", "--password", "-", typed="anders")
    assert isinstance(counter.log_in(password="geheim"), Refused)
    assert isinstance(counter.log_in(password="anders"), Accepted)


def test_a_voucher_has_no_password_to_change(counter: Counter) -> None:
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    assert "voucher" in counter.run("account", "password", code, "--password", "x", status=1)


def test_a_missing_name_is_told_what_is_like_it(counter: Counter) -> None:
    assert "did you mean nora?" in counter.run("account", "show", "nola", status=1)


def test_a_vouchers_code_is_never_suggested(counter: Counter) -> None:
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    assert code not in counter.run("account", "show", code[:-1], status=1)


def test_accounts_are_listed_by_branch_up_to_a_limit(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    counter.run("account", "add", "ben", "--password", "x", "--branch", "Riverside")
    assert [each["name"] for each in counter.read("account", "list")] == ["ben", "nora"]
    assert [each["name"] for each in counter.read("account", "list", "--branch", "Centre")] == ["nora"]
    assert len(counter.read("account", "list", "--limit", "1")) == 1
    assert "--limit 1 was reached" in counter.run("account", "list", "--limit", "1")


def test_an_account_moves_to_another_branch(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    counter.run("account", "set", "nora", "--branch", "Riverside")
    assert isinstance(counter.log_in(), Refused)
    assert "belongs to branch Riverside" in counter.run("why", "nora")


def test_a_blocked_account_is_cut_and_refused_until_it_is_unblocked(counter: Counter) -> None:
    counter.come_online()
    assert "session 1 ended" in counter.run("account", "block", "nora")
    session = counter.read("session", "show", "1")
    assert (session["phase"], session["end_reason"], session["cut"]) == ("TERMINATED", "ADMIN_ACTION", "waiting")
    assert isinstance(counter.log_in(), Refused)
    assert [each["name"] for each in counter.read("account", "list", "--blocked")] == ["nora"]
    counter.run("account", "unblock", "nora")
    assert isinstance(counter.log_in(), Accepted)
    assert "was not blocked" in counter.run("account", "unblock", "nora")


def test_a_blocked_account_keeps_what_it_has_not_begun(counter: Counter) -> None:
    counter.run("account", "block", "nora")
    assert counter.read("session", "show", "1")["phase"] == "PENDING"


def test_a_blocked_device_is_cut_whoever_brings_it(counter: Counter) -> None:
    counter.run("account", "add", "ben", "--password", "geheim", "--package", "3h")
    counter.come_online("nora", PHONE, 1)
    counter.come_online("ben", LAPTOP, 2)
    counter.run("device", "block", PHONE.replace(":", "-").lower())
    assert {each["account"]: each["phase"] for each in counter.read("session", "list")} == {
        "nora": "TERMINATED",
        "ben": "ACTIVE",
    }
    assert isinstance(counter.log_in("ben", PHONE), Refused)
    counter.run("device", "unblock", PHONE)
    assert isinstance(counter.log_in("nora", PHONE), Accepted)


def test_a_tied_device_belongs_to_one_account(counter: Counter) -> None:
    counter.run("account", "add", "ben", "--password", "x")
    counter.run("device", "tie", PHONE, "--account", "nora")
    assert "no more to nora" in counter.run("device", "tie", PHONE, "--account", "ben")
    assert counter.read("device", "list")[0]["account"] == "ben"
    assert counter.read("device", "list", "--account", "nora") == []
    assert counter.read("account", "show", "ben")["devices"] == [PHONE]
    counter.run("device", "untie", PHONE)
    counter.run("device", "untie", PHONE, status=1)


def test_an_account_is_shown_with_its_passes_and_sessions(counter: Counter) -> None:
    counter.come_online()
    shown = counter.run("account", "show", "nora")
    assert "Passes" in shown
    assert PHONE in shown
    as_json = counter.read("account", "show", "nora")
    assert as_json["passes"][0]["online"] == 1
    assert as_json["sessions"][0]["phase"] == "ACTIVE"
