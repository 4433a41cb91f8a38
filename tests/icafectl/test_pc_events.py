"""What was reported of the gaming PCs, who is at one, and who is who."""

import pytest

from policy.connection import AccountingStop
from policy.quantities import Octets, Seconds
from policy.usage import Report
from tests.icafectl.counter import LAPTOP, Counter


@pytest.fixture
def agreed(counter: Counter) -> Counter:
    """A branch with a PC system, where nora is nora_01 at the PCs."""
    counter.read("branch", "pc-sync", "set-up", "Centre", "--realm", "r1")
    counter.run("account", "set", "nora", "--pc-user", "nora_01")
    return counter


def prove(counter: Counter, after: float, name: str = "nora", **which: object) -> None:
    """The router sends the Stop of what was cut, so many seconds later."""
    counter.pass_time(after)
    stopped = AccountingStop(at=counter.at, report=Report(Octets(0), Octets(0), Seconds(0), True))
    counter.report(stopped, name, **which)  # type: ignore[arg-type]


# Events


def test_a_logout_is_listed_with_the_proof_of_its_cut(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pass_time(60)
    agreed.pc_event("USER_LOGOUT", "nora_01", seconds_ago=0.25)
    prove(agreed, 0.12)
    (found,) = agreed.read("pc", "events", "Centre")
    assert (found["kind"], found["pc_user_id"], found["effect"]) == ("USER_LOGOUT", "nora_01", "sessions ended")
    assert (found["sessions_terminated"], found["outcome"], found["took"]) == (1, "confirmed", 120)
    assert (found["lateness"], found["source"]) == (250, "203.0.113.7")
    assert found["received_at"] == "2026-11-21T12:01:00.000Z"
    assert [each["session_id"] for each in found["cuts"]] == [1]
    shown = agreed.run("pc", "events", "Centre")
    assert "confirmed" in shown
    assert "120 ms" in shown
    assert "250 ms" in shown


def test_a_cut_that_is_not_proven_yet_is_waited_for(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pc_event("USER_LOGOUT", "nora_01")
    (found,) = agreed.read("pc", "events", "Centre")
    assert (found["outcome"], found["took"]) == ("waiting", None)


def test_each_logout_has_its_own_cuts_though_both_came_in_one_instant(agreed: Counter) -> None:
    agreed.run("account", "add", "ben", "--password", "geheim", "--package", "3h")
    agreed.run("account", "set", "ben", "--pc-user", "ben_01")
    agreed.come_online()
    agreed.come_online("ben", LAPTOP, number=2)
    agreed.pass_time(60)
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.pc_event("USER_LOGOUT", "ben_01")
    prove(agreed, 0.5, "ben", device=LAPTOP, number=2)
    ben, nora = agreed.read("pc", "events", "Centre")
    assert (ben["pc_user_id"], ben["outcome"], ben["took"]) == ("ben_01", "confirmed", 500)
    assert (nora["pc_user_id"], nora["outcome"], nora["took"]) == ("nora_01", "waiting", None)
    assert ben["cuts"] != nora["cuts"]


def test_an_earlier_cut_of_the_same_guest_is_not_the_logouts(agreed: Counter) -> None:
    agreed.run("package", "add", "two", "--time", "3h", "--devices", "2", "--price", "1")
    agreed.run("account", "add", "ben", "--password", "geheim", "--package", "two")
    agreed.run("account", "set", "ben", "--pc-user", "ben_01")
    agreed.come_online("ben", LAPTOP)
    agreed.come_online("ben", number=2)
    agreed.run("session", "cut", "2", "--reason", "shouting")
    agreed.pass_time(60)
    agreed.pc_event("USER_LOGOUT", "ben_01")
    (found,) = agreed.read("pc", "events", "Centre")
    assert found["sessions_terminated"] == len(found["cuts"]) == 1


def test_a_later_cut_of_the_same_session_is_not_the_logouts(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.execute(
        "INSERT INTO commands (id, kind, connection_id, created_at, due_at) "
        "SELECT 99, 'cut', connection_id, created_at + 5000, created_at + 5000 FROM commands"
    )
    (found,) = agreed.read("pc", "events", "Centre")
    assert len(found["cuts"]) == 1


def test_several_cuts_of_one_logout_are_summed_up(agreed: Counter) -> None:
    agreed.run("package", "add", "two", "--time", "3h", "--devices", "2", "--price", "1")
    agreed.run("account", "add", "ben", "--password", "geheim", "--package", "two")
    agreed.run("account", "set", "ben", "--pc-user", "ben_01")
    agreed.come_online("ben", LAPTOP)
    agreed.come_online("ben", number=2)
    agreed.pc_event("USER_LOGOUT", "ben_01")
    prove(agreed, 0.3, "ben", number=2)
    (found,) = agreed.read("pc", "events", "Centre")
    assert found["outcome"] in {"1 waiting, 1 confirmed", "1 confirmed, 1 waiting"}
    assert found["took"] is None
    prove(agreed, 0.4, "ben", device=LAPTOP)
    (found,) = agreed.read("pc", "events", "Centre")
    assert (found["outcome"], found["took"]) == ("confirmed", 700)


def test_what_could_not_be_cut_is_proven_by_no_time(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.execute("UPDATE commands SET outcome = 'not cut', decided_at = created_at + 4500, elapsed = 4500")
    (found,) = agreed.read("pc", "events", "Centre")
    assert (found["outcome"], found["took"]) == ("not cut", None)


def test_events_are_found_by_branch_by_pc_user_and_by_account(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01")
    agreed.pc_event("USER_LOGIN", "stranger")
    assert [each["pc_user_id"] for each in agreed.read("pc", "events", "Centre")] == ["stranger", "nora_01"]
    assert [each["pc_user_id"] for each in agreed.read("pc", "events", "stranger")] == ["stranger"]
    assert [each["pc_user_id"] for each in agreed.read("pc", "events", "nora")] == ["nora_01"]
    assert len(agreed.read("pc", "events", "Centre", "--limit", "1")) == 1


def test_an_account_is_not_somebody_of_that_name_in_another_realm(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.read("branch", "pc-sync", "set-up", "Riverside", "--realm", "r2")
    agreed.pc_event("USER_LOGIN", "nora_01", branch="Riverside")
    agreed.pc_event("USER_LOGIN", "nora_01")
    assert [each["branch"] for each in agreed.read("pc", "events", "nora")] == ["Centre"]
    assert len(agreed.read("pc", "events", "nora_01")) == 2


def test_a_pc_user_nothing_was_reported_of_has_no_events(agreed: Counter) -> None:
    assert agreed.read("pc", "events", "nora_01") == []


def test_a_name_that_is_nobodys_is_told_so(agreed: Counter) -> None:
    assert "no branch, no PC user, and no account" in agreed.run("pc", "events", "Nobody", status=1)


@pytest.mark.parametrize(
    ("ago", "told"), [(-0.9, " 0 ms"), (-2.0, "2.0 s early"), (0.0, " 0 ms"), (0.999, "999 ms"), (61.5, "61.5 s")]
)
def test_how_late_an_event_came_is_told(agreed: Counter, ago: float, told: str) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01", seconds_ago=ago)
    assert told in agreed.run("pc", "events", "Centre").splitlines()[1]


# Who is at a PC


def test_who_logged_in_is_present_until_the_logout(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01", seconds_ago=30)
    agreed.pc_event("USER_LOGIN", "stranger", seconds_ago=60)
    known, stranger = agreed.read("pc", "present", "Centre")
    assert (known["pc_user_id"], known["account"]) == ("nora_01", "nora")
    assert known["logged_in_at"] == "2026-11-21T11:59:30.000Z"
    assert (stranger["pc_user_id"], stranger["account"]) == ("stranger", None)
    agreed.pc_event("USER_LOGOUT", "nora_01")
    assert [each["pc_user_id"] for each in agreed.read("pc", "present", "Centre")] == ["stranger"]
    assert "stranger" in agreed.run("pc", "present", "Centre")


def test_who_only_logged_out_was_never_present(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGOUT", "nora_01")
    assert agreed.read("pc", "present", "Centre") == []


def test_who_changes_seats_within_one_instant_is_present(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01", seconds_ago=60)
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.pc_event("USER_LOGIN", "nora_01")
    assert len(agreed.read("pc", "present", "Centre")) == 1


def test_who_is_at_another_branch_is_not_present_here(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.read("branch", "pc-sync", "set-up", "Riverside", "--realm", "r1")
    agreed.pc_event("USER_LOGIN", "nora_01", branch="Riverside")
    assert agreed.read("pc", "present", "Centre") == []
    assert agreed.read("pc", "present", "Riverside")[0]["account"] == "nora"


# Who is who


def test_an_account_shows_who_it_is_at_the_pcs(agreed: Counter) -> None:
    agreed.run("account", "set", "nora", "--pc-user", "nora_02")
    assert agreed.read("account", "show", "nora")["pc_users"] == ["nora_01", "nora_02"]
    assert "nora_01, nora_02" in agreed.run("account", "show", "nora")


def test_tying_twice_is_no_mistake(agreed: Counter) -> None:
    agreed.run("account", "set", "nora", "--pc-user", "nora_01")
    assert agreed.read("account", "show", "nora")["pc_users"] == ["nora_01"]


def test_a_pc_user_is_one_account_only_and_the_refusal_says_whose(agreed: Counter) -> None:
    agreed.run("account", "add", "ben", "--password", "geheim")
    shown = agreed.run("account", "set", "ben", "--pc-user", "nora_01", status=1)
    assert "is account nora already: `icafectl account set nora --no-pc-user`" in shown
    agreed.run("account", "set", "nora", "--no-pc-user")
    agreed.run("account", "set", "ben", "--pc-user", "nora_01")
    assert agreed.read("account", "show", "nora")["pc_users"] == []


def test_the_same_name_in_another_realm_is_somebody_else(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.read("branch", "pc-sync", "set-up", "Riverside", "--realm", "r2")
    agreed.run("account", "add", "ben", "--branch", "Riverside", "--password", "geheim")
    agreed.run("account", "set", "ben", "--pc-user", "nora_01")
    assert agreed.read("account", "show", "nora")["pc_users"] == ["nora_01"]


def test_without_a_pc_system_at_the_branch_there_is_no_pc_user(counter: Counter) -> None:
    shown = counter.run("account", "set", "nora", "--pc-user", "nora_01", status=1)
    assert "icafectl branch pc-sync set-up Centre" in shown


def test_an_account_that_moves_stays_who_it_was_at_the_pcs(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.run("account", "set", "nora", "--branch", "Riverside")
    assert agreed.read("account", "show", "nora")["pc_users"] == ["nora_01"]


def test_an_account_that_moves_is_tied_where_it_moves_to(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.read("branch", "pc-sync", "set-up", "Riverside", "--realm", "r2")
    agreed.run("account", "set", "nora", "--branch", "Riverside", "--pc-user", "n")
    agreed.pc_event("USER_LOGIN", "n", branch="Riverside")
    assert agreed.read("pc", "present", "Riverside")[0]["account"] == "nora"


def test_a_tie_that_is_refused_moves_nobody(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.run("account", "set", "nora", "--branch", "Riverside", "--pc-user", "n", status=1)
    assert agreed.read("account", "show", "nora")["branch"] == "Centre"


def test_who_is_tied_to_nobody_cannot_be_untied(counter: Counter) -> None:
    assert "tied to no PC user" in counter.run("account", "set", "nora", "--no-pc-user", status=1)


def test_a_voucher_is_nobody_at_the_pcs(agreed: Counter) -> None:
    (made,) = agreed.read("voucher", "create", "--package", "3h")
    assert "only an account" in agreed.run("account", "set", made["code"], "--pc-user", "x", status=1)


def test_an_account_is_changed_in_something(counter: Counter) -> None:
    assert "at least one option" in counter.run("account", "set", "nora", status=2)


# Passes


def test_a_pass_that_waits_for_its_guest_says_so_until_it_is_released(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pass_time(60)
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.pass_time(3600)
    shown = agreed.read("pass", "show", "1")
    assert (shown["paused_at"], shown["time_left"]) == ("2026-11-21T12:01:00.000Z", 10_740)
    for verb in (("pass", "show", "1"), ("pass", "list")):
        assert "2026-11-21 12:01:00 UTC" in agreed.run(*verb)
    assert "WAITS FOR PC SINCE" in agreed.run("pass", "list")
    agreed.run("pass", "release", "1")
    agreed.pass_time(40)
    assert (agreed.read("pass", "show", "1")["paused_at"], agreed.read("pass", "show", "1")["time_left"]) == (
        None,
        10_700,
    )
    assert "WAITS" not in agreed.run("pass", "list")


def test_a_login_at_a_pc_lets_the_pass_go_on(agreed: Counter) -> None:
    agreed.come_online()
    agreed.pc_event("USER_LOGOUT", "nora_01")
    agreed.pass_time(600)
    agreed.pc_event("USER_LOGIN", "nora_01")
    assert agreed.read("pass", "show", "1")["held"] is None
    assert agreed.read("pc", "events", "nora")[0]["effect"] == "at a PC, and a pass goes on"
