"""Secrets go in and are never seen again."""

import base64

import pytest

from policy.admission import Accepted
from radiusd.icafectl import secrets_in
from tests.icafectl.arcade import Arcade
from tests.icafectl.counter import LAPTOP, Counter
from tests.icafectl.test_grammar import VERBS

CANARIES = [
    "canary-of-the-router-secret",
    "canary-of-a-password",
    "canary-of-a-mac-password",
    "canary-of-a-new-one",
    "canary-of-an-api-key",
]
NAMED = {
    "branch": "Centre", "router": "q2", "package": "3h", "account": "ben", "session": "1", "pass": "1",
    "branch pc-sync": "Centre", "game": "Sky", "game session": "gs_0001", "launcher": "pcs", "wallet": "Centre",
}  # fmt: skip


@pytest.mark.parametrize("store", ["recoverable", "hash"])
def test_no_listing_shows_a_secret(counter: Counter, store: str) -> None:
    router, password, mac, new, api_key = CANARIES
    counter.run("branch", "set", "Centre", "--password-store", store)
    counter.run("router", "add", "q2", "--address", "10.2.0.0/24", "--secret", "-", typed=router)
    counter.run("router", "set", "q2", "--mac-password-value", "-", typed=mac)
    counter.run("account", "add", "ben", "--password", "-", "--package", "3h", typed=password)
    counter.log_in("ben", LAPTOP, password)
    counter.run("account", "password", "ben", "--password", "-", typed=new)
    api = ("--api-url", "http://192.0.2.1", "--api-key", "-")
    first = counter.read("branch", "pc-sync", "set-up", "Centre", *api, typed=api_key)
    second = counter.read("branch", "pc-sync", "rotate", "Centre")
    assert api_key not in counter.printed
    Arcade(counter).put()
    keys = [counter.read("game", "key", "rotate", "Sky")["api_key"]]
    keys += [counter.read("launcher", *words)["secret"] for words in (["add", "pcs"], ["rotate", "pcs"])]
    counter.printed = ""
    counter.run("branch", "pc-sync", "set-up", "Centre", status=1)
    for path in VERBS:
        if path[-1] == "list":
            counter.read(*path)
            counter.run(*path)
        elif path[-1] == "show":
            counter.read(*path, NAMED[" ".join(path[:-1])])
            counter.run(*path, NAMED[" ".join(path[:-1])])
    counter.run("why", "ben")
    counter.run("doctor", "store")
    for canary in (*CANARIES, *keys, *(each[key] for each in (first, second) for key in ("token", "signing_key"))):
        for form in (canary, canary.encode().hex(), base64.b64encode(canary.encode()).decode(), canary[::-1]):
            assert form not in counter.printed


def test_an_error_never_repeats_a_secret(counter: Counter) -> None:
    counter.run("router", "add", "q2", "--address", "10.0.0.1", "--secret", "-", typed="sixteen characters", status=1)
    counter.run("account", "add", "nora", "--password", "-", typed=CANARIES[1], status=1)
    counter.run("account", "add", "x", "--password", CANARIES[1] + "\n", status=2)
    assert CANARIES[1] not in counter.printed
    assert "sixteen characters" not in counter.printed


def test_help_warns_of_the_list_of_processes(bare: Counter) -> None:
    for verb in (("router", "add"), ("router", "set"), ("account", "add"), ("account", "password")):
        assert "list of processes" in " ".join(bare.run(*verb, "--help").split())


def test_at_a_terminal_a_secret_is_asked_for_twice_and_not_shown(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_in, "is_terminal", lambda: True)
    counter.run("account", "add", "ben", "--package", "3h", typed=f"{CANARIES[1]}\n{CANARIES[1]}\n")
    assert CANARIES[1] not in counter.printed
    assert isinstance(counter.log_in("ben", LAPTOP, CANARIES[1]), Accepted)
    counter.run("account", "password", "ben", typed="one\nanother\n", status=1)
