"""`branch pc-sync test`: what an administrator at midnight wants to know."""

import re
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import pytest

from radiusd.icafectl import pc_reach
from radiusd.icafectl.pc_checks import CAUSES
from radiusd.icafectl.pc_reach import Answered, Silent
from radiusd.web.pc_sync import guards
from tests.icafectl.counter import Counter

BRANCH_ID = 1


@pytest.fixture
def agreed(counter: Counter) -> Counter:
    """A branch whose PC system is set up as it should be."""
    counter.read("branch", "pc-sync", "set-up", "Centre", "--location-id", "loc_c", "--allow", "203.0.113.7")
    counter.run("account", "set", "nora", "--pc-user", "nora_01")
    configure(counter, '[web]\npublic_url = "https://wifi.example.net/"')
    return counter


def configure(counter: Counter, *sections: str) -> None:
    """Give the server more to know than where its store is."""
    store = counter.config.read_text().split("[web]")[0]
    counter.config.write_text("\n".join((store, *sections)))


def check(counter: Counter, name: str, *, is_wrong: bool) -> Any:
    """What is said about one thing."""
    found = {each["name"]: each for each in counter.checks()}
    assert found[name]["is_ok"] is not is_wrong
    return f"{found[name]['text']} / {' '.join(found[name]['advice'])}"


def test_with_everything_in_place_nothing_is_wrong(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01")
    agreed.pass_time(180)
    shown = agreed.run("branch", "pc-sync", "test", "Centre")
    assert "[!!]" not in shown
    assert "[ok] the last event came 3 min ago from 203.0.113.7 (USER_LOGIN of nora_01: at a PC)" in shown
    assert "[ok] 1 accounts of the branch are tied to PC users" in shown
    assert "[ok] events are taken from 203.0.113.7/32" in shown


def test_a_new_branch_is_told_all_that_is_missing_and_the_status_says_so(counter: Counter) -> None:
    counter.read("branch", "pc-sync", "set-up", "Centre")
    shown = counter.run("branch", "pc-sync", "test", "Centre", status=1)
    assert "[!!] no address may send events\n     icafectl branch allow Centre ADDRESS" in shown
    assert "[!!] no event ever came" in shown
    assert "[!!] no account of the branch is tied to a PC user" in shown
    assert "3 of 8 things are wrong at branch Centre" in shown


def test_secrets_that_have_all_retired_are_to_be_made_anew(agreed: Counter) -> None:
    assert "icafectl branch pc-sync rotate" not in check(agreed, "secrets", is_wrong=False)
    agreed.execute("UPDATE pc_keys SET retires_at = created_at")
    assert "icafectl branch pc-sync rotate Centre" in check(agreed, "secrets", is_wrong=True)


def test_former_secrets_are_told_of_while_they_are_valid(agreed: Counter) -> None:
    agreed.read("branch", "pc-sync", "rotate", "Centre", "--overlap", "2h")
    assert "former ones until 2026-11-21 14:00:00 UTC" in check(agreed, "secrets", is_wrong=False)


def test_secrets_of_another_key_file_do_not_pass_for_valid(agreed: Counter) -> None:
    (agreed.folder / "key").write_text("00" * 32)
    assert "does not open" in agreed.run("branch", "pc-sync", "test", "Centre", status=2)


@pytest.mark.parametrize(("ago", "told"), [(61, "61 s late"), (-90, "90 s early")])
def test_a_clock_that_is_wrong_is_told(agreed: Counter, ago: float, told: str) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01", seconds_ago=ago)
    assert told in check(agreed, "clock", is_wrong=True)


def test_a_clock_that_is_nearly_right_will_do(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01", seconds_ago=59)
    check(agreed, "clock", is_wrong=False)


def test_events_that_are_turned_away_now_are_wrong_and_told_with_what_to_do(agreed: Counter) -> None:
    agreed.pc_event("USER_LOGIN", "nora_01")
    agreed.pass_time(60)
    agreed.refuse_pc_event("address_foreign", BRANCH_ID, times=4)
    agreed.pass_time(120)
    told = check(agreed, "refusals", is_wrong=True)
    assert "2 min ago from 198.51.100.9, 4 x address_foreign" in told
    assert "icafectl branch allow Centre 198.51.100.9" in told


def test_events_that_were_turned_away_before_one_was_taken_are_only_told(agreed: Counter) -> None:
    agreed.refuse_pc_event("signature_wrong", BRANCH_ID)
    agreed.pass_time(60)
    agreed.pc_event("USER_LOGIN", "nora_01")
    assert "signature_wrong" in check(agreed, "refusals", is_wrong=False)


def test_what_a_stranger_sent_is_told_and_no_fault_of_the_branch(agreed: Counter) -> None:
    agreed.refuse_pc_event("token_unknown", None)
    assert "token_unknown" in check(agreed, "refusals", is_wrong=False)


def test_what_another_branch_was_refused_is_not_told(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.refuse_pc_event("signature_wrong", 2)
    assert "signature_wrong" not in check(agreed, "refusals", is_wrong=False)


def test_after_a_day_refusals_are_forgotten(agreed: Counter) -> None:
    agreed.refuse_pc_event("signature_wrong", BRANCH_ID)
    agreed.pass_time(86_400)
    assert "signature_wrong" not in check(agreed, "refusals", is_wrong=False)


def test_every_cause_of_a_refusal_has_its_advice() -> None:
    text = Path(guards.__file__).read_text()
    causes = set(re.findall(r'"((?:token|signature|key|address|shape|location|timestamp)_\w+)"', text))
    assert causes == CAUSES.keys()


def test_users_of_another_realm_do_not_count(agreed: Counter) -> None:
    agreed.run("branch", "pc-sync", "set", "Centre", "--realm", "another")
    assert "account set NAME --pc-user" in check(agreed, "users", is_wrong=True)


def test_accounts_of_another_branch_do_not_count(agreed: Counter) -> None:
    agreed.run("branch", "add", "Riverside")
    agreed.run("account", "set", "nora", "--branch", "Riverside")
    check(agreed, "users", is_wrong=True)


def test_a_server_that_serves_nothing_takes_no_events(agreed: Counter) -> None:
    configure(agreed, '[server]\nweb = ""')
    assert "set web in [server]" in check(agreed, "url", is_wrong=True)


def test_events_go_where_the_configuration_says_that_branches_reach_us(agreed: Counter) -> None:
    url = "https://wifi.example.net/api/pc-sync/event"
    assert f"events go to {url}" in check(agreed, "url", is_wrong=False)
    assert agreed.read("branch", "pc-sync", "rotate", "Centre")["url"] == url
    assert "only this machine" not in agreed.run("branch", "pc-sync", "rotate", "Centre")


@pytest.mark.parametrize("web", ["127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080"])
def test_an_address_that_only_this_machine_reaches_is_no_use_to_another(agreed: Counter, web: str) -> None:
    configure(agreed, "[web]", "[server]", f'web = "{web}"')
    assert "set public_url in [web]" in check(agreed, "url", is_wrong=True)
    assert "only this machine reaches that url" in agreed.run("branch", "pc-sync", "rotate", "Centre")


def test_it_will_do_for_a_pc_system_on_this_machine(agreed: Counter) -> None:
    configure(agreed, "[web]")
    agreed.run("branch", "disallow", "Centre", "203.0.113.7")
    agreed.run("branch", "allow", "Centre", "127.0.0.1", "::1")
    assert "http://127.0.0.1:8080/api/pc-sync/event" in check(agreed, "url", is_wrong=False)


def test_an_address_of_the_servers_own_will_do(agreed: Counter) -> None:
    configure(agreed, "[server]", 'web = "192.0.2.1:80"')
    assert "http://192.0.2.1:80/api/pc-sync/event" in check(agreed, "url", is_wrong=False)


# The REST API


def test_how_long_the_rest_api_took_is_told(agreed: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pc_reach, "ask", lambda url: asked.append(url) or Answered(404, 12))
    agreed.run("branch", "pc-sync", "set", "Centre", "--api-url", "http://192.0.2.1/api")
    assert "answers in 12 ms (HTTP 404)" in check(agreed, "api", is_wrong=False)
    assert asked == ["http://192.0.2.1/api"]


def test_a_rest_api_that_is_silent_is_wrong(agreed: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pc_reach, "ask", lambda url: Silent("timed out"))
    agreed.run("branch", "pc-sync", "set", "Centre", "--api-url", "http://192.0.2.1/api")
    assert "does not answer: timed out" in check(agreed, "api", is_wrong=True)


def test_without_a_rest_api_nobody_is_asked(agreed: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pc_reach, "ask", None)
    assert "--api-url" in check(agreed, "api", is_wrong=False)


class Line(HTTPConnection):
    """Answers without a socket, or does not."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__("192.0.2.1")
        self.asked: list[tuple[str, str]] = []
        self.is_closed = False
        self._failure = failure

    def request(self, method: str, url: str, *_: Any, **__: Any) -> None:
        self.asked.append((method, url))

    def getresponse(self) -> Any:
        if self._failure is not None:
            raise self._failure
        return Answered(500, 0)

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(("url", "path"), [("http://192.0.2.1", "/"), ("http://192.0.2.1/api", "/api")])
def test_any_answer_will_do_and_is_timed(url: str, path: str) -> None:
    line, clock = Line(), iter((10.0, 10.25))
    assert pc_reach.ask(url, lambda _: line, lambda: next(clock)) == Answered(500, 250)
    assert (line.asked, line.is_closed) == ([("HEAD", path)], True)


@pytest.mark.parametrize(
    ("failure", "why"),
    [(TimeoutError("timed out"), "timed out"), (RemoteDisconnected("hung up"), "hung up"), (OSError(), "OSError")],
)
def test_silence_has_its_reason(failure: Exception, why: str) -> None:
    line = Line(failure)
    assert pc_reach.ask("http://192.0.2.1", lambda _: line, lambda: 0.0) == Silent(why)
    assert line.is_closed


@pytest.mark.parametrize(("url", "port"), [("http://192.0.2.1:81", 81), ("https://pc.example", 443)])
def test_nobody_waits_longer_than_five_seconds(url: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[HTTPConnection] = []
    monkeypatch.setattr(HTTPConnection, "request", lambda line, *_: made.append(line))
    monkeypatch.setattr(HTTPConnection, "getresponse", lambda _: Answered(200, 0))
    pc_reach.ask(url)
    assert [(each.port, each.timeout) for each in made] == [(port, 5)]


def test_the_address_is_split_as_it_is_written() -> None:
    seen: list[SplitResult] = []
    pc_reach.ask("http://[2001:db8::1]:8080/x", lambda parts: seen.append(parts) or Line(), lambda: 0.0)
    assert (seen[0].hostname, seen[0].port) == ("2001:db8::1", 8080)
