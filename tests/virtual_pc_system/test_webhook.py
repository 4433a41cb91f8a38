"""What the virtual PC system tells the server: the form of it, again until it is heard, and its faults."""

import hashlib
import hmac

import pytest
from twisted.internet.error import ConnectionRefusedError

from radiusd.virtual_pc_system.webhook import AT_ONCE, MOST_TRIES, sign
from tests.virtual_pc_system.given import SETTINGS, System

REFUSED = ConnectionRefusedError()


def test_a_logout_is_the_request_that_was_agreed_on() -> None:
    system = System()
    system.press("log-off", user="nora_01")
    (received,) = system.server.received
    assert received.url == "http://127.0.0.1:8080/api/pc-sync/event"
    assert received.body == (
        b'{"event_type":"USER_LOGOUT","pc_user_id":"nora_01","timestamp":"2026-02-16T10:30:00.123Z",'
        b'"location_id":"loc_abc"}'
    )
    made_here = hmac.new(b"a1b2c3d4", received.body, hashlib.sha256).hexdigest()
    assert received.headers == {
        "Content-Type": "application/json",
        "X-PC-Secret": "the token of q1",
        "X-PC-Signature": f"sha256={made_here}",
    }


def test_the_key_is_the_octets_of_its_text() -> None:
    # By: printf %s '{"a":1}' | openssl dgst -sha256 -hmac 00ff
    by_openssl = "a81c50bd89a8150660e0dc4de3c7c3ce8ba5c33432115ec21aa7fb66a241800d"
    assert sign("00ff", b'{"a":1}') == f"sha256={by_openssl}"


def test_a_login_and_a_purchase_are_told_too() -> None:
    system = System()
    system.press("log-on", user="hoa_05")
    system.press("top-up", user="hoa_05", amount=-5_000)
    assert [each.what for each in system.server.received] == [("USER_LOGIN", "hoa_05"), ("BALANCE_UPDATE", "hoa_05")]


def test_no_event_tells_an_amount() -> None:
    system = System()
    system.press("top-up", user="nora_01", amount=77_123)
    (received,) = system.server.received
    assert set(received.fields) == {"event_type", "pc_user_id", "timestamp", "location_id"}


def test_two_events_never_have_one_timestamp() -> None:
    system = System()
    for _ in range(5):
        system.press("log-off", user="nora_01")
    assert len({each.fields["timestamp"] for each in system.server.received}) == 5


@pytest.mark.parametrize("trouble", [REFUSED, 500, 503, 408, 429, 204])
def test_an_event_is_sent_again_with_the_same_octets_until_it_is_answered_200(trouble: int | Exception) -> None:
    system = System(*[trouble] * 8, 200)
    system.press("log-off", user="nora_01")
    system.turn(130)
    received = system.server.received
    assert [round(each.at) for each in received] == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert len({(each.body, each.headers["X-PC-Signature"]) for each in received}) == 1
    assert system.sender.events[1].outcome == "done"
    assert system.clock.getDelayedCalls() == []


def test_a_server_that_never_answers_is_given_up_after_ten_seconds_and_asked_again() -> None:
    system = System(None, 200)
    system.press("log-off", user="nora_01")
    system.turn(11.5)
    assert [round(each.at) for each in system.server.received] == [0, 11]
    event = system.sender.events[1]
    assert (event.outcome, event.tries[0].status) == ("done", 0)


def test_there_is_an_end_to_it() -> None:
    system = System(500)
    system.press("log-off", user="nora_01")
    system.turn(30 * MOST_TRIES, step=1)
    assert len(system.server.received) == MOST_TRIES
    assert system.sender.events[1].outcome == "given up"


@pytest.mark.parametrize(("status", "words"), [(401, "does not believe it"), (404, "look at `url`"), (302, "302")])
def test_what_the_server_refuses_is_told_in_words_and_not_repeated(status: int, words: str) -> None:
    system = System(status)
    system.press("log-off", user="nora_01")
    system.turn(60)
    assert len(system.server.received) == 1
    event = system.sender.events[1]
    assert event.outcome == "refused"
    assert words in event.tries[0].words


def test_the_events_of_one_user_wait_for_each_other_and_for_nobody_else() -> None:
    system = System(500, 200)
    system.press("log-off", user="nora_01")
    system.press("log-on", user="nora_01")
    system.press("log-off", user="minh_02")
    system.turn(2)
    assert [each.what for each in system.server.received] == [
        ("USER_LOGOUT", "nora_01"),
        ("USER_LOGOUT", "minh_02"),
        ("USER_LOGOUT", "nora_01"),
        ("USER_LOGIN", "nora_01"),
    ]


def test_what_the_server_says_is_shown_with_its_time() -> None:
    system = System()
    system.server.text = b'{"success": true, "sessions_terminated": 2}'
    number = system.press("log-off", user="nora_01")["number"]
    status, told = system.ask("GET", f"/control/events/{number}")
    assert status == 200
    assert told == {
        "number": 1,
        "kind": "USER_LOGOUT",
        "user": "nora_01",
        "at": "2026-02-16T10:30:00.123Z",
        "outcome": "done",
        "tries": 1,
        "status": 200,
        "milliseconds": 0.0,
        "words": "accepted, 2 sessions ended",
        "sessions_terminated": 2,
    }


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"<html>", b'{"sessions_terminated": "x"}', b"\xff"])
def test_an_answer_that_says_nothing_is_accepted_all_the_same(text: bytes) -> None:
    system = System()
    system.server.text = text
    assert system.press("log-off", user="nora_01")["outcome"] == "done"
    assert system.sender.events[1].sessions_terminated is None


def test_without_settings_nothing_is_sent() -> None:
    system = System(settings=None)
    assert system.press("log-off", user="nora_01")["outcome"] == "unsent"
    assert system.server.received == []


def test_only_so_many_are_sent_at_once() -> None:
    system = System(None, users=50)
    for name in system.cafe.users:
        system.press("log-off", user=name)
    assert len(system.server.received) == AT_ONCE


def test_a_duplicate_is_the_same_octets_once_more() -> None:
    system = System()
    system.break_down(duplicate=1)
    system.press("log-off", user="nora_01")
    first, second = system.server.received
    assert (first.body, first.headers) == (second.body, second.headers)
    assert system.sender.events[1].outcome == "done"


def test_an_event_that_is_held_back_comes_after_a_later_one() -> None:
    system = System()
    system.break_down(reorder=1)
    system.press("log-off", user="nora_01")
    system.break_down()
    system.press("log-on", user="nora_01")
    system.turn(2.1)
    assert [each.what[0] for each in system.server.received] == ["USER_LOGIN", "USER_LOGOUT"]
    stamps = [each.fields["timestamp"] for each in system.server.received]
    assert stamps == sorted(stamps, reverse=True)


def test_a_storm_logs_everybody_off_in_turn() -> None:
    system = System(users=30)
    system.press("storm", count=250)
    system.turn(1)
    assert len(system.server.received) == 250
    assert {each.what for each in system.server.received} == {("USER_LOGOUT", name) for name in system.cafe.users}
    assert len({each.body for each in system.server.received}) == 250
    assert not any(each.is_on for each in system.cafe.users.values())
    _, told = system.ask("GET", "/control/storm")
    assert (told["outcomes"], told["is_over"], told["sessions_terminated"]) == ({"done": 250}, True, 250)


def test_a_storm_is_not_over_before_all_are_told() -> None:
    system = System(500, 500, 200, users=30)
    system.press("storm", count=5)
    _, told = system.ask("GET", "/control/storm")
    assert (told["outcomes"], told["is_over"]) == ({"done": 3, "waiting": 2}, False)
    system.turn(1.2)
    _, told = system.ask("GET", "/control/storm")
    assert (told["outcomes"], told["is_over"], told["tries"]) == ({"done": 5}, True, 7)


def test_no_secret_is_in_what_is_shown() -> None:
    system = System()
    system.press("log-off", user="nora_01")
    _, text = system.fetch("GET", "/control/state")
    shown = text.decode() + repr(SETTINGS) + repr(system.sender.events) + repr(system.told)
    for secret in (SETTINGS.token, SETTINGS.signing_key, SETTINGS.api_key or ""):
        assert secret not in shown


def test_an_event_that_could_not_be_told_for_four_minutes_is_told_of_that_moment() -> None:
    system = System()
    system.server.answers = [REFUSED]
    system.press("log-off", user="nora_01")
    system.turn(300)
    times = [each.fields["timestamp"] for each in system.server.received]
    before, after = "2026-02-16T10:30:00.123Z", "2026-02-16T10:34"
    assert times[0] == before
    assert len(set(times)) == 2
    assert times[-1].startswith(after)
    assert {each.what for each in system.server.received} == {("USER_LOGOUT", "nora_01")}
