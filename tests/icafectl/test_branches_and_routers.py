"""Branches and routers."""

import pytest

from policy.connection import AccountingStop
from tests.icafectl.counter import Counter

SECRET = "sixteen characters"


def test_a_branch_is_added_changed_shown_and_listed(bare: Counter) -> None:
    bare.run("store", "init")
    made = bare.read("branch", "add", "Centre")
    assert (made["password_store"], made["interim"], made["timezone"]) == ("recoverable", 120, "Asia/Ho_Chi_Minh")
    assert made["created_at"] == "2026-11-21T12:00:00.000Z"
    bare.run("branch", "set", "Centre", "--interim", "5m", "--idle-timeout", "10m")
    shown = bare.read("branch", "show", "Centre")
    assert (shown["interim"], shown["idle_timeout"]) == (300, 600)
    assert "Centre" in bare.run("branch", "list")


def test_changing_how_passwords_are_kept_says_which_it_concerns(counter: Counter) -> None:
    assert "from now on" in counter.run("branch", "set", "Centre", "--password-store", "hash")


@pytest.mark.parametrize("interim", ["59", "601", "1h"])
def test_an_interim_out_of_range_is_refused(counter: Counter, interim: str) -> None:
    assert "60 to 600" in counter.run("branch", "set", "Centre", "--interim", interim, status=2)
    assert counter.read("branch", "show", "Centre")["interim"] == 120


def test_a_second_branch_of_one_name_is_refused(counter: Counter) -> None:
    assert "is there already" in counter.run("branch", "add", "Centre", status=1)


def test_nothing_to_change_is_a_usage_error(counter: Counter) -> None:
    assert "at least one option" in counter.run("branch", "set", "Centre", status=2)
    assert "at least one option" in counter.run("router", "set", "q1", status=2)
    assert "at least one option" in counter.run("package", "set", "3h", status=2)


def test_with_several_branches_one_must_be_named(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    for verb in (
        ("router", "add", "q2", "--address", "10.0.0.2", "--secret", SECRET),
        ("account", "add", "ben", "--password", "geheim"),
        ("voucher", "create", "--package", "3h"),
    ):
        assert "--branch" in counter.run(*verb, status=2)
        counter.run(*verb, "--branch", "Riverside")


def test_without_a_branch_there_can_be_no_router(bare: Counter) -> None:
    bare.run("store", "init")
    shown = bare.run("router", "add", "q1", "--address", "10.0.0.1", "--secret", SECRET, status=1)
    assert "icafectl branch add" in shown


def test_a_router_is_added_changed_listed_and_removed(counter: Counter) -> None:
    made = counter.read("router", "add", "aps", "--address", "10.1.0.9/24", "--secret", "-", typed=SECRET)
    assert (made["network"], made["coa_port"], made["require_message_authenticator"]) == ("10.1.0.0/24", 3799, "learn")
    counter.run("router", "set", "aps", "--coa-port", "1700", "--require-message-authenticator", "yes")
    shown = counter.read("router", "show", "aps")
    assert (shown["coa_port"], shown["require_message_authenticator"]) == (1700, "yes")
    counter.run("router", "remove", "aps")
    assert [each["name"] for each in counter.read("router", "list")] == ["q1"]
    counter.run("router", "add", "aps", "--address", "10.1.0.0/24", "--secret", SECRET)


def test_a_removed_router_is_neither_found_nor_suggested(counter: Counter) -> None:
    counter.run("router", "remove", "q1")
    assert "there is none yet" in counter.run("router", "show", "q1", status=1)


@pytest.mark.parametrize(
    ("address", "secret", "status"),
    [
        ("10.0.0.1", SECRET, 1),
        ("10.0.0.0/8", SECRET, 1),
        ("10.0.0.1", "another of sixteen characters", 0),
        ("10.0.0.2", SECRET, 0),
        ("2001:db8::/32", SECRET, 0),
    ],
)
def test_routers_nobody_could_tell_apart_are_refused(counter: Counter, address: str, secret: str, status: int) -> None:
    shown = counter.run("router", "add", "q2", "--address", address, "--secret", secret, status=status)
    assert ("q1" in shown) == bool(status)
    assert len(counter.read("router", "list")) == 2 - status


def test_a_router_cannot_become_ambiguous_either(counter: Counter) -> None:
    counter.run("router", "add", "q2", "--address", "10.0.0.2", "--secret", SECRET)
    counter.run("router", "set", "q2", "--address", "10.0.0.0/24", status=1)
    assert counter.read("router", "show", "q2")["network"] == "10.0.0.2/32"


def test_a_router_may_keep_its_own_address_and_secret(counter: Counter) -> None:
    counter.run("router", "set", "q1", "--address", "10.0.0.1", "--secret", SECRET)


def test_a_short_secret_is_taken_with_a_warning(counter: Counter) -> None:
    shown = counter.run("router", "add", "q2", "--address", "10.0.0.2", "--secret", "short")
    assert "warning" in shown


@pytest.mark.parametrize("typed", ["", "\n", "two\nlines\n", "x" * 129])
def test_a_secret_that_cannot_be_is_refused_without_being_shown(counter: Counter, typed: str) -> None:
    shown = counter.run("router", "add", "q2", "--address", "10.0.0.2", "--secret", "-", typed=typed, status=2)
    assert "--secret must have 1 to 128 octets" in shown
    assert not typed.strip() or typed.strip() not in shown


def test_a_missing_secret_is_not_waited_for_without_a_terminal(counter: Counter) -> None:
    assert "--secret -" in counter.run("router", "add", "q2", "--address", "10.0.0.2", status=2)


def test_a_fixed_mac_password_is_asked_for_and_kept_sealed(counter: Counter) -> None:
    counter.run("router", "set", "q1", "--mac-password", "fixed", status=2)
    counter.run("router", "set", "q1", "--mac-password-value", "-", typed="the fixed one")
    assert counter.read("router", "show", "q1")["mac_password"] == "fixed"
    assert "goes with" in counter.run(
        "router", "set", "q1", "--mac-password", "mac", "--mac-password-value", "x", status=2
    )


def test_a_missing_address_says_what_to_give(counter: Counter) -> None:
    assert "--address 10.0.0.1" in counter.run("router", "add", "q2", "--secret", SECRET, status=2)


def last_heard(counter: Counter) -> dict[str, str | None]:
    """When each router was last heard."""
    return {each["name"]: each["last_heard_at"] for each in counter.read("router", "list")}


def add_connection(
    counter: Counter, number: int, router_id: int, state: str, last_at: int, until: int | None = None
) -> None:
    """One more, as a server that does other things as well would number it; or all of them `until` that number."""
    closed = f"{last_at}, 'stopped'" if state == "CLOSED" else "NULL, NULL"
    counter.execute(
        f"WITH RECURSIVE numbers (id) AS (SELECT {number} UNION ALL SELECT id + 1 FROM numbers "  # noqa: S608 - numbers
        f"WHERE id < {until or number}) "
        "INSERT INTO connections (id, router_id, nas, nas_address, state, user_name, device, opened_at, last_at, "
        f"closed_at, closing) SELECT id, {router_id}, 'r', '10.0.0.1', '{state}', 'nora', '', 0, {last_at}, {closed} "
        "FROM numbers"
    )


def test_a_router_was_last_heard_when_it_last_reported_a_guest(counter: Counter) -> None:
    assert last_heard(counter) == {"q1": None}
    counter.come_online()
    assert counter.read("router", "show", "q1")["last_heard_at"] == "2026-11-21T12:00:00.000Z"
    counter.pass_time(90)
    counter.report(AccountingStop(at=counter.at, acct_session_id="80100001", boot="1", cause=1))
    assert last_heard(counter) == {"q1": "2026-11-21T12:01:30.000Z"}


def test_a_router_that_was_never_heard_is_told_so(counter: Counter) -> None:
    counter.run("router", "add", "q2", "--address", "10.0.0.2", "--secret", SECRET)
    counter.come_online()
    heading, first, second = counter.run("router", "list").splitlines()
    at = heading.index("LAST HEARD")
    assert first[at:].startswith("2026-11-21 12:00:00 UTC")
    assert second[at:].startswith("never")
    assert "Last heard: 2026-11-21 12:00:00 UTC" in " ".join(counter.run("router", "show", "q1").split())


def test_an_open_connection_tells_of_its_router_however_old_it_is(counter: Counter) -> None:
    counter.run("router", "add", "q2", "--address", "10.0.0.2", "--secret", SECRET)
    add_connection(counter, 1, router_id=1, state="CLOSED", last_at=1_000)
    add_connection(counter, 2, router_id=2, state="OPEN", last_at=2_000)
    add_connection(counter, 3, router_id=2, state="CLOSED", last_at=1_500, until=100_002)
    assert last_heard(counter) == {"q1": None, "q2": "1970-01-01T00:00:02.000Z"}


def test_a_restored_store_gives_out_much_higher_numbers_and_its_routers_are_known_all_the_same(
    counter: Counter,
) -> None:
    add_connection(counter, 1, router_id=1, state="CLOSED", last_at=1_000)
    add_connection(counter, 200_000_000, router_id=1, state="CLOSED", last_at=500)
    assert last_heard(counter) == {"q1": "1970-01-01T00:00:01.000Z"}


def test_a_router_of_which_nothing_newer_is_known_was_heard_when_it_started(counter: Counter) -> None:
    counter.execute("INSERT INTO nases (router_id, name, boot, seen_at) VALUES (1, 'hotspot', '1', 3000)")
    assert last_heard(counter) == {"q1": "1970-01-01T00:00:03.000Z"}


def test_whether_a_router_signs_is_under_that_name(counter: Counter) -> None:
    assert "Signs: no" in " ".join(counter.run("router", "show", "q1").split())
