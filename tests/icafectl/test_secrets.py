"""Secrets go in and are never seen again."""

import base64

import pytest

from tests.icafectl.counter import LAPTOP, Counter
from tests.icafectl.test_grammar import VERBS

CANARIES = ["canary-of-the-router-secret", "canary-of-a-password", "canary-of-a-mac-password", "canary-of-a-new-one"]
NAMED = {
    "branch": "Centre", "router": "q2", "package": "3h", "account": "ben", "session": "1", "pass": "1",
}  # fmt: skip


@pytest.mark.parametrize("store", ["recoverable", "hash"])
def test_no_listing_shows_a_secret(counter: Counter, store: str) -> None:
    router, password, mac, new = CANARIES
    counter.run("branch", "set", "Centre", "--password-store", store)
    counter.run("router", "add", "q2", "--address", "10.2.0.0/24", "--secret", "-", typed=router)
    counter.run("router", "set", "q2", "--mac-password-value", "-", typed=mac)
    counter.run("account", "add", "ben", "--password", "-", "--package", "3h", typed=password)
    counter.log_in("ben", LAPTOP, password)
    counter.run("account", "password", "ben", "--password", "-", typed=new)
    for path in VERBS:
        if path[-1] == "list":
            counter.read(*path)
            counter.run(*path)
        elif path[-1] == "show":
            counter.read(*path, NAMED[path[0]])
            counter.run(*path, NAMED[path[0]])
    counter.run("why", "ben")
    counter.run("doctor", "store")
    for canary in CANARIES:
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
