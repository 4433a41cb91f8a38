"""Why: one plain line, then the chain behind it."""

from unittest.mock import patch

import pytest
from sqlalchemy.exc import OperationalError

from policy.connection import AccountingStop, InterimUpdate
from policy.quantities import Octets, Seconds
from policy.usage import Report
from radiusd.store import branches
from tests.icafectl.counter import LAPTOP, PHONE, Counter


def first_line(counter: Counter, *about: str) -> str:
    return counter.run("why", *about).splitlines()[0]


def test_a_wrong_password(counter: Counter) -> None:
    counter.log_in(password="falsch")
    counter.pass_time(125)
    assert first_line(counter, "nora") == (
        f"nora was refused 2 min ago at router q1 on {PHONE}: the password is wrong (PAP)"
    )
    assert "falsch" not in counter.printed


def test_a_name_nobody_has(counter: Counter) -> None:
    counter.log_in("norra")
    assert first_line(counter, "norra") == (
        f"norra was refused just now at router q1 on {PHONE}: nobody logs in as norra"
    )


def test_a_guest_who_is_online(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(3600)
    assert first_line(counter, "nora") == (
        f"nora is online on {PHONE} at router q1 (let in 1 h ago), with 2 h and 2 GB left at 2M/10M"
    )
    shown = counter.run("why", PHONE.lower())
    assert shown.startswith(f"device {PHONE} (nora) is online")
    assert "speed sold: 2M up, 10M down" in shown


def test_a_session_that_used_up_its_data(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(60)
    report = Report(Octets(0), Octets(2_100_000_000), Seconds(60))
    counter.report(InterimUpdate(at=counter.at, acct_session_id="80100001", boot="1", report=report))
    counter.pass_time(300)
    assert first_line(counter, "1") == "session 1 ended 5 min ago: the data of pass 1 is used up: 2.1 GB of 2 GB"
    assert first_line(counter, "nora") == (
        "nora is not online: session 1 ended 5 min ago: the data of pass 1 is used up: 2.1 GB of 2 GB"
    )


def test_a_cut_that_waits(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "smoking")
    shown = counter.run("why", "nora")
    assert "an administrator said: smoking" in shown.splitlines()[0]
    assert "the cut of session 1 is not proven yet by router q1" in shown
    assert "pass 1 is held (smoking)" in shown
    by_number = counter.run("why", "1")
    assert "the cut of session 1 is not proven yet by router q1" in by_number
    assert "pass 1 is held (smoking)" in by_number


def test_a_blocked_account(counter: Counter) -> None:
    counter.run("account", "block", "nora")
    shown = counter.run("why", "nora")
    assert shown.splitlines()[:2] == ["nora is not online; just now: account nora is blocked", "  nora is blocked"]
    counter.run("account", "unblock", "nora")
    assert "no longer blocked" in first_line(counter, "nora")


def test_a_blocked_device(counter: Counter) -> None:
    counter.run("device", "block", PHONE)
    counter.log_in()
    assert first_line(counter, PHONE) == (
        f"device {PHONE} was refused just now at router q1: device {PHONE} is blocked"
    )


def test_what_was_charged(counter: Counter) -> None:
    assert "pass 1, package 3h, 12000 VND, sold just now (time 3 h, data 2 GB)" in counter.run("why", "nora")


def test_a_session_that_waits_for_its_first_login(counter: Counter) -> None:
    assert first_line(counter, "1").startswith("session 1 waits for its first login; just now: package 3h sold to nora")


def test_a_pass_and_a_voucher_by_their_own_logins(counter: Counter) -> None:
    sold = counter.read("pass", "sell", "--account", "nora", "--package", "3h")
    code = counter.read("voucher", "create", "--package", "3h")[0]["code"]
    counter.log_in(code, LAPTOP, "")
    assert first_line(counter, sold["login"]).startswith(f"{sold['login']} (account nora) is not online")
    assert "is online" in first_line(counter, code.lower())
    assert f"on {LAPTOP}" in first_line(counter, code.lower())


def test_a_device_that_took_the_only_place(counter: Counter) -> None:
    counter.come_online("nora", PHONE, 1)
    counter.come_online("nora", LAPTOP, 2)
    assert "device AA:BB:CC:DD:EE:01 had the only place" in counter.run("why", PHONE)
    assert f"on {LAPTOP}" in first_line(counter, "nora")


def test_a_number_may_be_a_name_or_a_session(counter: Counter) -> None:
    counter.run("account", "add", "1", "--password", "x")
    assert first_line(counter, "1").startswith("1 is not online")
    assert first_line(counter, "--session", "1").startswith("session 1 waits")


@pytest.mark.parametrize("about", ["nobody", "77", "--session=77", PHONE.replace("01", "99")])
def test_what_nothing_is_known_of(counter: Counter, about: str) -> None:
    arguments = about.replace("=", " ").split()
    shown = counter.run("why", *arguments, status=0 if ":" in about else 1)
    assert "nothing" in shown or "there is no" in shown


def test_the_chain_as_json(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "smoking")
    told = counter.read("why", "nora", "--limit", "2")
    assert told["answer"].startswith("nora is not online")
    assert [each["verdict"] for each in told["chain"]] == ["ended", "accepted"]
    assert told["chain"][0]["at"] == "2026-11-21T12:00:00.000Z"
    assert told["chain"][0]["facts"][-1] == "an administrator said: smoking"
    assert told["chain"][1]["router"] == "q1"


def test_times_are_those_of_the_branches_where_all_have_the_same(counter: Counter) -> None:
    counter.run("branch", "set", "Centre", "--timezone", "Asia/Ho_Chi_Minh")
    counter.log_in(password="falsch")
    assert "(2026-11-21 19:00:00 +07, just now" in counter.run("why", "nora")
    assert "2026-11-21 19:00:00 +07" in counter.run("account", "show", "nora")
    counter.run("branch", "add", "Riverside", "--timezone", "Asia/Tokyo")
    assert "(2026-11-21 12:00:00 UTC, just now" in counter.run("why", "nora")


def test_what_there_is_to_say_is_said_though_the_branches_clocks_cannot_be_read_any_more(counter: Counter) -> None:
    counter.run("branch", "set", "Centre", "--timezone", "Asia/Ho_Chi_Minh")
    counter.log_in(password="falsch")
    away = OperationalError("SELECT", {}, Exception("server closed the connection"))
    with patch.object(branches, "time_zones", side_effect=away):
        assert "(2026-11-21 12:00:00 UTC, just now" in counter.run("why", "nora")


def test_an_end_of_almost_ninety_days_ago_is_still_explained(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "late")
    counter.pass_time(89 * 86_400)
    assert "an administrator said: late" in counter.run("why", "nora")


def test_what_a_stranger_writes_does_nothing_to_the_terminal(counter: Counter) -> None:
    counter.log_in("evil\x1b[2Jname")
    shown = counter.run("why", "evil\x1b[2Jname")
    assert "\x1b" not in shown
    assert "evil\\x1b[2Jname" in shown


def test_a_guest_whose_router_has_fallen_silent(counter: Counter) -> None:
    counter.come_online()
    counter.report(AccountingStop(at=counter.at, acct_session_id="80100001", boot="1", cause=2))
    assert first_line(counter, "nora") == (
        f"nora was let in just now on {PHONE} at router q1, with 3 h and 2 GB left at 2M/10M, "
        "but no router reports it now"
    )
