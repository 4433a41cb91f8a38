"""Sessions: who is online, cutting and extending."""

import pytest

from policy.admission import Accepted, Refused
from policy.connection import AccountingStop, InterimUpdate
from policy.quantities import Octets, Seconds
from policy.usage import Report
from radiusd.store import revisions
from radiusd.store.database import Database
from tests.icafectl.counter import LAPTOP, PHONE, Counter


def revision(counter: Counter) -> int:
    database = Database(counter.database_url)
    with database.reading() as connection:
        number = revisions.current(connection)
    database.close()
    return number


def used(counter: Counter, octets: int, seconds: int) -> InterimUpdate:
    return InterimUpdate(
        at=counter.at, acct_session_id="80100001", boot="1", report=Report(Octets(0), Octets(octets), Seconds(seconds))
    )


def test_a_session_is_listed_from_the_sale_on(counter: Counter) -> None:
    (waiting,) = counter.read("session", "list")
    assert (waiting["phase"], waiting["login"], waiting["time_left"], waiting["device"]) == (
        "PENDING",
        "nora",
        10_800,
        None,
    )
    assert counter.read("session", "list", "--active") == []
    counter.come_online()
    counter.pass_time(120)
    counter.report(used(counter, 5_000_000, 120))
    (active,) = counter.read("session", "list", "--active")
    assert active == {
        "id": 1, "phase": "ACTIVE", "end_reason": None, "account": "nora", "login": "nora", "device": PHONE,
        "branch": "Centre", "router": "q1", "package": "3h", "pass_id": 1, "created_at": "2026-11-21T12:00:00.000Z",
        "started_at": "2026-11-21T12:00:00.000Z", "ended_at": None, "time_left": 10_680, "data_used": 5_000_000,
        "data_limit": 2_000_000_000, "uploaded": 0, "downloaded": 5_000_000, "seconds_online": 120, "slot": 1,
        "devices": 1, "acct_session_id": "80100001", "framed_ip_address": "10.5.50.2", "rate_up": 2_000_000,
        "rate_down": 10_000_000, "held": None, "online": True, "cut": None,
    }  # fmt: skip


def test_sessions_are_found_by_account_branch_and_phase(counter: Counter) -> None:
    counter.run("account", "add", "ben", "--password", "geheim", "--package", "3h")
    counter.come_online("ben")
    assert [each["account"] for each in counter.read("session", "list", "--account", "ben")] == ["ben"]
    assert [each["account"] for each in counter.read("session", "list", "--phase", "pending")] == ["nora"]
    assert len(counter.read("session", "list", "--branch", "Centre")) == 2
    assert "--limit 1 was reached" in counter.run("session", "list", "--limit", "1")


def test_a_session_is_shown_with_its_connections_and_cuts(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "smoking")
    shown = counter.read("session", "show", "1")
    assert [each["state"] for each in shown["connections"]] == ["CUTTING"]
    assert [each["outcome"] for each in shown["commands"]] == ["waiting"]
    plain = counter.run("session", "show", "1")
    assert "80100001" in plain
    assert "waiting" in plain


def test_a_cut_ends_the_session_orders_a_disconnect_and_holds_the_pass(counter: Counter) -> None:
    counter.come_online()
    before = revision(counter)
    shown = counter.run("session", "cut", "1", "--reason", "smoking")
    assert "1 disconnect is on the way" in shown
    assert "pass release 1" in shown
    assert revision(counter) > before
    (cut,) = counter.read("cut", "list", "--open")
    assert (cut["session_id"], cut["router"], cut["outcome"]) == (1, "q1", "waiting")
    answer = counter.log_in()
    assert isinstance(answer, Refused)
    assert answer.reason == "pass_held"
    counter.run("pass", "release", "1")
    assert isinstance(counter.log_in(), Accepted)
    counter.run("doctor", "store")


def test_the_outcome_of_a_cut_is_told(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "smoking")
    counter.report(AccountingStop(at=counter.at, acct_session_id="80100001", boot="1", cause=6))
    assert counter.read("session", "show", "1")["cut"] == "confirmed"
    assert counter.read("cut", "list", "--open") == []
    assert "the cut of session 1: confirmed" in counter.run("why", "nora")


def test_a_session_that_has_ended_cannot_be_cut_again(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "cut", "1", "--reason", "smoking")
    counter.pass_time(300)
    assert "5 min ago" in counter.run("session", "cut", "1", "--reason", "again", status=1)
    assert counter.read("session", "show", "1")["held"] == "smoking"


def test_a_session_that_never_began_can_be_cut(counter: Counter) -> None:
    assert "nothing to cut" in counter.run("session", "cut", "1", "--reason", "refund")
    assert counter.read("session", "show", "1")["phase"] == "TERMINATED"


@pytest.mark.parametrize("verb", [("show",), ("cut", "--reason", "x"), ("extend", "--time", "1h")])
def test_a_session_that_is_not_there(counter: Counter, verb: tuple[str, ...]) -> None:
    assert "session list" in counter.run("session", verb[0], "99", *verb[1:], status=1)


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_a_session_has_a_number(counter: Counter, number: str) -> None:
    counter.run("session", "show", number, status=2)


def test_another_speed_stays_with_the_pass_and_is_told_to_the_router(counter: Counter) -> None:
    counter.come_online()
    counter.run("session", "rate", "1", "--up", "1M", "--down", "5M")
    shown = counter.read("session", "show", "1")
    assert (shown["rate_up"], shown["rate_down"]) == (1_000_000, 5_000_000)
    assert [each["attributes"] for each in shown["commands"]] == [{"Mikrotik-Rate-Limit": "1M/5M"}]


def test_time_and_data_are_added(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(3600)
    shown = counter.run("session", "extend", "1", "--time", "30m", "--data", "500M")
    assert "2 h 30 min and 2.5 GB left" in shown
    (change,) = counter.read("session", "show", "1")["commands"]
    assert (change["kind"], change["outcome"]) == ("change", "waiting")
    assert change["attributes"] == {"Session-Timeout": 3600 + 2 * 3600 + 1800}
    answer = counter.log_in()
    assert isinstance(answer, Accepted)
    assert (answer.time, answer.data) == (9000, 2_500_000_000)


def test_time_added_after_the_end_counts_from_now(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(4 * 3600)
    assert isinstance(counter.log_in(), Refused)
    counter.run("session", "extend", "1", "--time", "30m")
    answer = counter.log_in()
    assert isinstance(answer, Accepted)
    assert answer.time == 1800
    assert answer.session_id != 1
    counter.run("doctor", "store")


def test_data_added_after_the_end_opens_the_pass_again(counter: Counter) -> None:
    counter.come_online()
    counter.pass_time(60)
    counter.report(used(counter, 2_000_000_001, 60))
    assert counter.read("session", "show", "1")["end_reason"] == "DATA_LIMIT"
    assert isinstance(counter.log_in(), Refused)
    counter.run("session", "extend", "1", "--data", "1G")
    answer = counter.log_in()
    assert isinstance(answer, Accepted)
    assert answer.data == 999_999_999


def test_what_is_unlimited_cannot_be_extended(counter: Counter) -> None:
    counter.run("package", "add", "Staff")
    counter.run("account", "add", "ben", "--password", "x", "--package", "Staff")
    assert "without limit in data" in counter.run("session", "extend", "2", "--data", "1G", status=1)
    assert "without limit in time" in counter.run("session", "extend", "2", "--time", "1h", status=1)


def test_what_was_not_used_in_time_cannot_be_extended(counter: Counter) -> None:
    counter.run("package", "add", "Soon", "--time", "1h", "--valid", "1h")
    counter.run("account", "add", "ben", "--password", "x", "--package", "Soon")
    counter.pass_time(3600)
    assert "sell a new one" in counter.run("session", "extend", "2", "--time", "1h", status=1)


def test_nothing_to_add_is_a_usage_error(counter: Counter) -> None:
    assert "--time 30m" in counter.run("session", "extend", "1", status=2)
    assert "--time 30m" in counter.run("session", "extend", "1", "--time", "0s", status=2)


def test_a_held_pass_stays_held_when_it_is_extended(counter: Counter) -> None:
    counter.run("session", "cut", "1", "--reason", "smoking")
    assert "pass release 1" in counter.run("session", "extend", "1", "--time", "1h")
    assert [each["held"] for each in counter.read("pass", "list", "--held")] == ["smoking"]


def test_the_places_of_a_pass_are_told(counter: Counter) -> None:
    counter.run("package", "add", "Family", "--time", "1d", "--devices", "2")
    counter.run("account", "add", "ben", "--password", "geheim", "--package", "Family")
    counter.come_online("ben", PHONE, 1)
    counter.come_online("ben", LAPTOP, 2)
    found = counter.read("session", "list", "--account", "ben")
    assert sorted((each["slot"], each["devices"]) for each in found) == [(1, 2), (2, 2)]
