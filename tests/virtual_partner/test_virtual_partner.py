"""The virtual charging partner, asked by our client: it keeps to the page, and fails as it is told."""

from typing import Any

import pytest
from twisted.web.http_headers import Headers

from policy.quantities import Seconds
from radiusd.charging.port import ChargeUnavailable
from tests.charging.given import a_key
from tests.virtual_partner.given import JSON, KEY, Town


def start(town: Town, key: str = KEY, branch: int = 1) -> Any:
    return town.result(town.client.start(key, branch, 7))


def renew(town: Town, played: int, key: str = KEY) -> Any:
    return town.result(town.client.renew(key, Seconds(played)))


def stop(town: Town, played: int, unbilled: int = 0, key: str = KEY) -> Any:
    return town.result(town.client.stop(key, Seconds(played), Seconds(unbilled), "normal"))


@pytest.mark.parametrize(("ip", "branch"), [("198.51.100.7", 1), ("198.51.100.70", 2), ("203.0.113.1", None)])
def test_it_knows_cafes_by_their_addresses(ip: str, branch: int | None) -> None:
    town = Town()
    assert town.result(town.client.verify_ip(ip)) == branch


def test_a_session_from_start_to_stop_costs_each_begun_minute() -> None:
    town = Town(units=10)
    assert town.result(town.client.check(1, 7)) is True
    assert [start(town), renew(town, 120), stop(town, 185)] == [True, True, None]
    assert town.till.left(1) == 6


def test_whatever_is_repeated_costs_nothing_more() -> None:
    town = Town(units=10)
    for each in (lambda: start(town), lambda: renew(town, 120), lambda: stop(town, 125)):
        assert each() == each()
    assert town.till.left(1) == 7


def test_a_cafe_without_units_is_refused() -> None:
    town = Town(units=0)
    assert town.result(town.client.check(1, 7)) is False
    assert start(town) is False
    assert town.till.charges == {}


def test_a_charge_is_exhausted_until_somebody_tops_up() -> None:
    town = Town(units=2)
    start(town)
    assert renew(town, 120) is False
    town.ask("POST", "/control/top-up", {"branch_id": 1, "units": 1})
    assert renew(town, 120) is True


def test_a_stop_before_the_start_is_acknowledged_and_the_start_refused() -> None:
    town = Town()
    assert stop(town, 0) is None
    assert start(town) is False
    assert town.till.left(1) == 10


def test_a_stop_pays_only_what_is_billed_and_as_far_as_there_is() -> None:
    town = Town(units=3)
    start(town)
    start(town, a_key(2))
    stop(town, 500, unbilled=450)
    stop(town, 500, key=a_key(2))
    assert town.till.left(1) == 0
    assert [each.paid for each in town.till.charges.values()] == [1, 2]


def test_what_no_session_came_of_is_given_back_once() -> None:
    town = Town()
    start(town)
    for _ in range(2):
        town.result(town.client.stop(KEY, Seconds(0), Seconds(0), "abandoned"))
    assert town.till.left(1) == 10


def test_a_renewal_of_what_was_never_started_is_no_answer() -> None:
    assert "HTTP status 404" in str(renew(Town(), 60))


def test_a_wrong_key_is_refused() -> None:
    assert "partner_key_file" in str(start(Town(key="another")))


# Faults


def test_it_fails_as_often_as_it_is_told() -> None:
    town = Town()
    town.break_down(fail=0.4)
    town.chance.next = 0.5
    assert start(town) is True
    town.chance.next = 0.3
    assert "failed by itself" in str(renew(town, 60))
    assert town.till.left(1) == 9


def test_a_lost_answer_to_a_start_is_made_up_for_by_the_repeat() -> None:
    town = Town()
    town.break_down(lose=0.6)
    drawn = iter([0.9, 0.1, 0.9, 0.9])
    town.chance.random = lambda: next(drawn)  # type: ignore[method-assign]
    assert start(town) is True
    assert town.outcomes == ["start started, answer lost", "start started"]
    assert town.till.left(1) == 9


def test_an_answer_that_comes_too_late_finds_the_work_done() -> None:
    town = Town()
    town.break_down(latency=6_000)
    assert "did not answer within 5 seconds" in str(start(town))
    assert (town.till.left(1), len(town.told)) == (9, 2)


def test_latency_within_the_limit_is_only_slow() -> None:
    town = Town()
    town.break_down(latency=4_000)
    assert start(town) is True


@pytest.mark.parametrize(("down", "says"), [("cut", "hung up"), ("hang", "did not answer")])
def test_when_it_is_down_nobody_can_tell(down: str, says: str) -> None:
    town = Town()
    town.break_down(down=down)
    error = renew(town, 60)
    assert isinstance(error, ChargeUnavailable)
    assert says in str(error)


def test_it_refuses_everybody_when_told_and_charges_on() -> None:
    town = Town()
    start(town)
    town.break_down(refuse=True)
    assert town.result(town.client.check(1, 7)) is False
    assert [start(town, a_key(2)), renew(town, 60)] == [False, True]


def test_it_is_exhausted_after_as_much_play_as_it_is_told() -> None:
    town = Town()
    start(town)
    town.break_down(exhausted_after=120)
    assert [renew(town, 119), renew(town, 120)] == [True, False]
    town.break_down(exhausted_after=None)
    assert renew(town, 120) is True


# What it can be asked besides


def test_it_lists_what_it_was_asked_and_what_came_of_it() -> None:
    town = Town()
    start(town)
    stop(town, 61)
    _, state = town.ask("GET", "/control/state")
    assert [(each["operation"], each["outcome"], each["idempotency_key"]) for each in state["asked"]] == [
        ("start", "started", f"{KEY}/start"),
        ("stop", "stopped", f"{KEY}/stop"),
    ]
    assert state["balances"] == {"1": 8}
    (charge,) = state["charges"]
    assert (charge["key"], charge["paid"], charge["played"], charge["is_stopped"]) == (KEY, 2, 61, True)
    assert "the-key" not in str(state)


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("/v1/start", {"key": KEY, "branch_id": "1", "game_id": 7}, "branch_id must be a whole number, 1 or more"),
        ("/v1/start", {"branch_id": 1, "game_id": 7}, "key must be a text"),
        ("/v1/renew", {"key": KEY, "played_sec": -1}, "played_sec must be a whole number, 0 or more"),
        ("/v1/stop", {"key": KEY, "played_sec": 1, "unbilled_sec": 0}, "reason must be a text"),
        ("/v1/verify-ip", {"ip": "nowhere"}, "ip must be an IP address"),
        ("/v1/check", [], "must be a JSON object"),
        ("/v1/check", b"{", "must be a JSON object"),
        ("/v1/check", b" " * 70_000, "too long"),
        ("/v1/refund", {}, "nothing else"),
        ("/control/faults", {"fail": 2}, "a fault cannot be like that"),
        ("/control/top-up", {"branch_id": "1"}, "whole numbers"),
        ("/control/anything", {}, "no such switch"),
    ],
)
def test_a_request_that_is_none_is_refused_with_what_is_wrong(path: str, fields: Any, says: str) -> None:
    headers = JSON.copy()
    headers.setRawHeaders("Authorization", ["Bearer the-key"])
    status, answer = Town().ask("POST", path, fields, headers)
    assert 400 <= status < 500
    assert says in answer["message"]


def test_no_page_of_some_other_site_can_press_a_switch() -> None:
    plain = Headers({"Content-Type": ["text/plain"], "Host": ["127.0.0.1"]})
    foreign = Headers({"Content-Type": ["application/json"], "Host": ["evil.example.com"]})
    town = Town()
    assert [town.ask("POST", "/control/faults", {"down": "cut"}, each)[0] for each in (plain, foreign)] == [415, 403]
    assert town.api.faults.down == ""
