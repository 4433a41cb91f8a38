"""What a branch agrees on with its PC system, and the secrets that are made for it."""

import json
import shlex
from collections.abc import Mapping
from hmac import digest
from typing import Any

import pytest

from policy.quantities import Instant
from radiusd.icafectl.pc_sync import SHAPES
from radiusd.store import directory
from radiusd.store.database import Database
from radiusd.store.pc_directory import PcSystem, hash_token
from radiusd.vault import Vault, read_key_file
from radiusd.web.pc_sync import shapes
from radiusd.web.pc_sync.guards import Delivery, Guards, LetIn
from tests.icafectl.counter import Counter


def set_up(counter: Counter, *options: str, branch: str = "Centre") -> Mapping[str, Any]:
    found: Mapping[str, Any] = counter.read("branch", "pc-sync", "set-up", branch, *options)
    return found


def known(counter: Counter) -> PcSystem:
    """What a server has in memory of the first branch's PC system."""
    database = Database(counter.database_url)
    with database.reading() as connection:
        found = directory.load(connection, Vault(read_key_file(counter.folder / "key")))
    database.close()
    return next(iter(found.pc_systems.values()))


def revision(counter: Counter) -> int:
    database = Database(counter.database_url)
    with database.reading() as connection:
        number: int = connection.exec_driver_sql("SELECT number FROM revisions").scalar_one()
    database.close()
    return number


def is_signed_by(token: str, signing_key: str, system: PcSystem, at: Instant) -> bool:
    return any(
        each.token_hash == hash_token(token) and each.signing_key == signing_key.encode() and each.is_valid(at)
        for each in system.keys
    )


def test_the_secrets_that_are_printed_are_those_the_server_knows(counter: Counter) -> None:
    made = set_up(counter, "--location-id", "loc_centre")
    system = known(counter)
    assert made["token"].startswith("pc_")
    assert system.location_id == system.realm == made["location_id"] == "loc_centre"
    assert is_signed_by(made["token"], made["signing_key"], system, counter.at)
    assert system.resume.value == "after_pc_login"


def test_the_curl_line_is_a_whole_event_signed_as_it_is_sent(counter: Counter) -> None:
    made = set_up(counter, "--allow", "203.0.113.0/24")
    words = shlex.split(made["curl"])
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = words[words.index("--data-raw") + 1]
    assert json.loads(body) == {
        "event_type": "BALANCE_UPDATE",
        "pc_user_id": "test",
        "timestamp": "2026-11-21T12:00:00Z",
        "location_id": made["location_id"],
    }
    expected = digest(made["signing_key"].encode(), body.encode(), "sha256").hex()
    assert headers["X-PC-Signature"] == f"sha256={expected}"
    assert made["url"] in words
    delivery = Delivery(
        body=body.encode(),
        token=headers["X-PC-Secret"],
        signature=headers["X-PC-Signature"],
        source="203.0.113.7",
        at=Instant(counter.at + 299_999),
    )
    assert isinstance(Guards({1: known(counter)}).judge(delivery), LetIn)
    assert f"'{body}'" in made["curl"]


def test_everything_to_enter_is_printed_for_people_too(counter: Counter) -> None:
    shown = counter.run("branch", "pc-sync", "set-up", "Centre", "--location-id", "loc_x")
    for told in ("location_id: loc_x", "token:       pc_", "signing_key: ", "/api/pc-sync/event", "curl "):
        assert told in shown
    assert "icafectl branch allow Centre ADDRESS" in shown


def test_a_location_id_is_made_up_where_none_is_given(counter: Counter) -> None:
    made = set_up(counter)["location_id"]
    assert made.startswith("loc_")
    assert len(bytes.fromhex(made.removeprefix("loc_"))) == 4


def test_a_second_set_up_says_how_to_replace_the_secrets_and_changes_nothing(counter: Counter) -> None:
    made = set_up(counter)
    shown = counter.run("branch", "pc-sync", "set-up", "Centre", status=1)
    assert "icafectl branch pc-sync rotate Centre" in shown
    assert is_signed_by(made["token"], made["signing_key"], known(counter), counter.at)


def test_two_branches_cannot_have_one_location(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    set_up(counter, "--location-id", "loc_x")
    shown = counter.run("branch", "pc-sync", "set-up", "Riverside", "--location-id", "loc_x", status=1)
    assert "that of branch Centre" in shown


def test_two_branches_may_share_a_realm(counter: Counter) -> None:
    counter.run("branch", "add", "Riverside")
    set_up(counter, "--realm", "chain")
    set_up(counter, "--realm", "chain", branch="Riverside")
    assert counter.read("branch", "pc-sync", "show", "Riverside")["realm"] == "chain"


@pytest.mark.parametrize("wrong", ["loc x", "loc'x", "", "x" * 65, "löc"])
def test_a_location_id_that_would_need_quoting_is_refused(counter: Counter, wrong: str) -> None:
    assert "as in loc_centre" in counter.run("branch", "pc-sync", "set-up", "Centre", "--location-id", wrong, status=2)


def test_after_a_rotation_both_pairs_are_valid_until_the_overlap_is_over(counter: Counter) -> None:
    old = set_up(counter)
    new = counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "2h")
    system, before, after = known(counter), Instant(counter.at + 7_199_999), Instant(counter.at + 7_200_000)
    assert new["location_id"] == old["location_id"]
    assert is_signed_by(old["token"], old["signing_key"], system, before)
    assert not is_signed_by(old["token"], old["signing_key"], system, after)
    assert is_signed_by(new["token"], new["signing_key"], system, after)


def test_what_retires_already_keeps_its_earlier_end(counter: Counter) -> None:
    first = set_up(counter)
    counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "1h")
    counter.pass_time(600)
    counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "24h")
    assert len(known(counter).keys) == 3
    assert not is_signed_by(first["token"], first["signing_key"], known(counter), Instant(counter.at + 3_000_000))


def test_an_overlap_of_nothing_ends_all_former_secrets_at_once(counter: Counter) -> None:
    pairs = [set_up(counter), counter.read("branch", "pc-sync", "rotate", "Centre")]
    newest = counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "0")
    system = known(counter)
    assert not any(is_signed_by(each["token"], each["signing_key"], system, counter.at) for each in pairs)
    assert is_signed_by(newest["token"], newest["signing_key"], system, counter.at)


def test_secrets_that_have_retired_are_forgotten_at_the_next_rotation(counter: Counter) -> None:
    set_up(counter)
    counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "1h")
    counter.pass_time(3600)
    counter.read("branch", "pc-sync", "rotate", "Centre")
    assert len(known(counter).keys) == 2


def test_an_overlap_is_for_the_change_only(counter: Counter) -> None:
    set_up(counter)
    assert "30 d at most" in counter.run("branch", "pc-sync", "rotate", "Centre", "--overlap", "31d", status=2)


def test_settings_are_changed_and_shown(counter: Counter) -> None:
    set_up(counter)
    counter.run(
        "branch", "pc-sync", "set", "Centre",
        "--resume", "never", "--realm", "chain", "--shapes", "short,webhook",
        "--api-url", "http://192.168.10.5:8080", "--api-path", "login=/login", "--api-key", "-",
        typed="an api key",
    )  # fmt: skip
    shown = counter.read("branch", "pc-sync", "show", "Centre")
    assert (shown["resume"], shown["realm"], shown["shapes"]) == ("never", "chain", ["short", "webhook"])
    assert (shown["api_url"], shown["api_paths"]) == ("http://192.168.10.5:8080", {"login": "/login"})
    assert shown["has_api_key"] is True
    system = known(counter)
    assert (system.api_key, system.shapes) == ("an api key", frozenset({"short", "webhook"}))


def test_one_setting_leaves_the_others(counter: Counter) -> None:
    set_up(counter, "--api-url", "http://192.0.2.1", "--api-path", "login=/a", "--api-path", "debit=/b")
    counter.run("branch", "pc-sync", "set", "Centre", "--api-path", "login=", "--api-path", "refund=/c")
    shown = counter.read("branch", "pc-sync", "show", "Centre")
    assert shown["api_url"] == "http://192.0.2.1"
    assert shown["api_paths"] == {"debit": "/b", "refund": "/c"}


def test_without_a_rest_api_its_key_and_paths_are_gone(counter: Counter) -> None:
    set_up(counter, "--api-url", "http://192.0.2.1", "--api-path", "login=/a", "--api-key", "secret")
    counter.run("branch", "pc-sync", "set", "Centre", "--api-url", "none", "--shapes", "none")
    system = known(counter)
    assert (system.api_url, system.api_paths, system.api_key) == (None, {}, "")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--api-url", "192.168.10.5:8080", "must look like http://192.168.10.5:8080"),
        ("--api-url", "http://me:secret@192.0.2.1", "must not hold a password"),
        ("--api-path", "login=/login", "goes with --api-url"),
        ("--api-key", "secret", "goes with --api-url"),
        ("--api-path", "logon=/login", "as in login=/login"),
        ("--shapes", "short,long", "or none"),
    ],
)
def test_a_setting_that_cannot_be_says_what_to_write(counter: Counter, option: str, value: str, told: str) -> None:
    set_up(counter)
    shown = counter.run("branch", "pc-sync", "set", "Centre", option, value, status=2)
    assert told in shown
    assert "secret" not in shown


def test_the_shapes_are_those_that_can_be_read() -> None:
    assert SHAPES == shapes.OLDER


def test_who_leaves_a_realm_is_told_of_the_users_left_in_it(counter: Counter) -> None:
    set_up(counter, "--realm", "old")
    counter.run("account", "set", "nora", "--pc-user", "nora_01")
    assert "1 PC users are known under realm old" in counter.run("branch", "pc-sync", "set", "Centre", "--realm", "new")


def test_nothing_to_change_is_a_usage_error(counter: Counter) -> None:
    set_up(counter)
    assert "at least one option" in counter.run("branch", "pc-sync", "set", "Centre", status=2)


@pytest.mark.parametrize("verb", ["rotate", "show", "test", "remove"])
def test_without_a_pc_system_every_verb_says_how_to_set_one_up(counter: Counter, verb: str) -> None:
    assert "icafectl branch pc-sync set-up Centre" in counter.run("branch", "pc-sync", verb, "Centre", status=1)


def test_show_tells_when_each_pair_was_made_and_retires(counter: Counter) -> None:
    set_up(counter)
    counter.pass_time(60)
    counter.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "1h")
    new, old = counter.read("branch", "pc-sync", "show", "Centre")["keys"]
    assert (new["created_at"], new["retires_at"], new["is_valid"]) == ("2026-11-21T12:01:00.000Z", None, True)
    assert (old["created_at"], old["retires_at"]) == ("2026-11-21T12:00:00.000Z", "2026-11-21T13:01:00.000Z")
    assert "2026-11-21 13:01:00 UTC" in counter.run("branch", "pc-sync", "show", "Centre")


def test_a_pc_system_that_is_removed_can_be_set_up_anew(counter: Counter) -> None:
    old = set_up(counter, "--location-id", "loc_a", "--allow", "203.0.113.7")
    counter.run("branch", "pc-sync", "remove", "Centre")
    set_up(counter, "--location-id", "loc_b")
    assert not is_signed_by(old["token"], old["signing_key"], known(counter), counter.at)


def test_networks_are_allowed_in_their_usual_form_and_disallowed(counter: Counter) -> None:
    set_up(counter, "--allow", "203.0.113.7")
    counter.run("branch", "allow", "Centre", "10.8.0.9/24", "2001:DB8::1", "203.0.113.7")
    everything = ["10.8.0.0/24", "2001:db8::1/128", "203.0.113.7/32"]
    assert counter.read("branch", "show", "Centre")["pc_networks"] == everything
    assert sorted(map(str, known(counter).networks)) == everything
    assert "10.8.0.0/24" in counter.run("branch", "show", "Centre")
    counter.run("branch", "disallow", "Centre", "10.8.0.0/24", "203.0.113.7")
    assert counter.read("branch", "pc-sync", "show", "Centre")["networks"] == ["2001:db8::1/128"]


def test_disallowing_what_was_never_allowed_says_what_is_and_takes_nothing_away(counter: Counter) -> None:
    counter.run("branch", "allow", "Centre", "203.0.113.7")
    shown = counter.run("branch", "disallow", "Centre", "203.0.113.7", "192.0.2.1", status=1)
    assert "allowed are 203.0.113.7/32" in shown
    assert counter.read("branch", "show", "Centre")["pc_networks"] == ["203.0.113.7/32"]


@pytest.mark.parametrize("everyone", ["0.0.0.0/0", "::/0", "10.0.0.0/0"])
def test_everyone_is_allowed_only_if_that_is_said(counter: Counter, everyone: str) -> None:
    assert "--anyone" in counter.run("branch", "allow", "Centre", everyone, status=2)
    assert "--anyone" in counter.run("branch", "pc-sync", "set-up", "Centre", "--allow", everyone, status=2)
    counter.run("branch", "allow", "Centre", everyone, "--anyone")
    assert len(counter.read("branch", "show", "Centre")["pc_networks"]) == 1


@pytest.mark.parametrize(
    "verb",
    [
        ("branch", "pc-sync", "rotate", "Centre"),
        ("branch", "pc-sync", "set", "Centre", "--resume", "free"),
        ("branch", "pc-sync", "remove", "Centre"),
        ("branch", "allow", "Centre", "192.0.2.1"),
        ("branch", "disallow", "Centre", "203.0.113.7"),
        ("account", "set", "nora", "--pc-user", "nora_02"),
        ("account", "set", "nora", "--no-pc-user"),
    ],
)
def test_a_running_server_hears_of_every_change(counter: Counter, verb: tuple[str, ...]) -> None:
    before = revision(counter)
    set_up(counter, "--allow", "203.0.113.7")
    counter.run("account", "set", "nora", "--pc-user", "nora_01")
    assert before < revision(counter)
    before = revision(counter)
    counter.run(*verb)
    assert before < revision(counter)
