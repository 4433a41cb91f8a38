"""The client of a charging partner: what it asks, what it believes, and what it does when nothing comes."""

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost, DNSLookupError
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from policy.quantities import Instant, Seconds
from radiusd.charging.partner import MOST_AT_ONCE, Partner, PartnerAccess
from radiusd.charging.port import ChargeUnavailable
from radiusd.pc_system.http import over
from tests.charging.given import NOON, a_key
from tests.pc_system.given import REFUSED, SILENT, PcSystem, Reply, says

KEY = a_key(1)
SECRET = "the-key-of-the-partner"
URL = "https://charging.example.com/v1"
Wish = Callable[[Partner], Coroutine[Any, Any, Any]]


def verify_ip(partner: Partner) -> Coroutine[Any, Any, Any]:
    return partner.verify_ip("198.51.100.7")


def check(partner: Partner) -> Coroutine[Any, Any, Any]:
    return partner.check(3, 7)


def start(partner: Partner) -> Coroutine[Any, Any, Any]:
    return partner.start(KEY, 3, 7)


def renew(partner: Partner) -> Coroutine[Any, Any, Any]:
    return partner.renew(KEY, Seconds(120))


def stop(partner: Partner) -> Coroutine[Any, Any, Any]:
    return partner.stop(KEY, Seconds(300), Seconds(20), "normal")


WISHES: dict[str, tuple[Wish, Reply, int]] = {
    # operation: what asks it, what answers it, how often it may be asked for one wish
    "verify-ip": (verify_ip, says(branch_id=3), 2),
    "check": (check, says(result="chargeable"), 2),
    "start": (start, says(result="started"), 2),
    "renew": (renew, says(result="ok"), 1),
    "stop": (stop, says(result="stopped"), 1),
}
EACH = pytest.mark.parametrize("operation", WISHES)


class Asker:
    """A client and its partner, on a clock that is turned by hand."""

    def __init__(self, *answers: Reply | Exception | None) -> None:
        self.clock = Clock()  # type: ignore[no-untyped-call]
        self.partner = PcSystem(*answers)
        access = PartnerAccess(url=URL, key=SECRET)
        self.client = Partner(access, over(self.partner), self.clock, Random(3), self.now)

    def now(self) -> Instant:
        return Instant(NOON + round(self.clock.seconds() * 1000))

    def begin(self, wish: Wish) -> list[Any]:
        came: list[Any] = []
        asked: Deferred[Any] = Deferred.fromCoroutine(wish(self.client))
        asked.addErrback(lambda failure: failure.value).addCallback(came.append)
        return came

    def result(self, wish: Wish, seconds: float = 30) -> Any:
        came = self.begin(wish)
        if not came:
            self.turn(seconds)
        (found,) = came
        return found

    def turn(self, seconds: float) -> None:
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("operation", "fields", "idempotency_key"),
    [
        ("verify-ip", {"ip": "198.51.100.7"}, None),
        ("check", {"branch_id": 3, "game_id": 7}, None),
        ("start", {"key": KEY, "branch_id": 3, "game_id": 7}, f"{KEY}/start"),
        ("renew", {"key": KEY, "played_sec": 120}, f"{KEY}/renew/{NOON}"),
        ("stop", {"key": KEY, "played_sec": 300, "unbilled_sec": 20, "reason": "normal"}, f"{KEY}/stop"),
    ],
)
def test_each_operation_is_one_post(operation: str, fields: dict[str, Any], idempotency_key: str | None) -> None:
    wish, answer, _ = WISHES[operation]
    asker = Asker(answer)
    asker.result(wish)
    (call,) = asker.partner.calls
    assert (call.method, call.url, call.fields) == ("POST", f"{URL}/{operation}", fields)
    assert call.bearer == SECRET
    assert call.headers.getRawHeaders("idempotency-key", [None]) == [idempotency_key]
    assert call.headers.getRawHeaders("content-type") == ["application/json"]


@pytest.mark.parametrize(
    ("wish", "answer", "means"),
    [
        (verify_ip, says(branch_id=3), 3),
        (verify_ip, says(branch_id=None), None),
        (check, says(result="chargeable"), True),
        (check, says(result="refused"), False),
        (start, says(result="started"), True),
        (start, says(result="refused", more="ignored"), False),
        (renew, says(result="ok"), True),
        (renew, says(result="exhausted"), False),
        (stop, says(result="stopped"), None),
    ],
)
def test_what_it_answers_is_understood(wish: Wish, answer: Reply, means: Any) -> None:
    found = Asker(answer).result(wish)
    assert found == means and type(found) is type(means)


WRONG = [
    Reply(200, b""),
    Reply(200, b"<html>"),
    Reply(200, b"[]"),
    Reply(200, b'"started"'),
    Reply(200, b"\xff"),
    Reply(200, b"[" * 10_000),
    says(),
    says(result=None, branch_id="3"),
    says(result=True, branch_id=True),
    says(result="maybe SECRET", branch_id=0),
    says(result="STARTED", branch_id=-3),
    says(result=["ok"], branch_id=3.5),
    Reply(200, b'{"result": "', ends=True),
    Reply(200, b" " * 70_000),
    says(headers={"content-encoding": ["gzip"]}, result="ok"),
    says(201, result="started"),
    says(302, headers={"location": ["https://elsewhere.example.com"]}),
    says(400, result="started"),
    says(404, result="ok"),
    says(409),
]


@EACH
@pytest.mark.parametrize("answer", WRONG, ids=range(len(WRONG)))
def test_what_is_not_as_agreed_is_no_answer_is_asked_once_and_is_not_quoted(operation: str, answer: Reply) -> None:
    asker = Asker(answer)
    error = asker.result(WISHES[operation][0])
    assert type(error) is ChargeUnavailable
    assert "is not understood" in str(error) and "is partner_url right?" in str(error)
    assert "SECRET" not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    assert len(asker.partner.calls) == 1


@EACH
@pytest.mark.parametrize(("status", "says_what"), [(401, "partner_key_file"), (403, "partner_key_file"), (429, "429")])
def test_a_refusal_is_told_with_what_to_do_and_not_repeated(operation: str, status: int, says_what: str) -> None:
    asker = Asker(says(status))
    error = asker.result(WISHES[operation][0])
    assert isinstance(error, ChargeUnavailable)
    assert says_what in str(error)
    assert len(asker.partner.calls) == 1


@EACH
@pytest.mark.parametrize("failure", [REFUSED, SILENT, ConnectionLost(), DNSLookupError(), says(500), says(503)])
def test_only_what_somebody_waits_for_is_repeated_and_once(operation: str, failure: Any) -> None:
    wish, _, times = WISHES[operation]
    asker = Asker(failure)
    error = asker.result(wish)
    assert isinstance(error, ChargeUnavailable)
    assert SECRET not in str(error)
    assert len(asker.partner.calls) == times


@pytest.mark.parametrize("operation", ["verify-ip", "check", "start"])
def test_a_repeat_is_the_same_request_and_its_answer_counts(operation: str) -> None:
    wish, answer, _ = WISHES[operation]
    asker = Asker(says(500), answer)
    assert not isinstance(asker.result(wish), Exception)
    first, second = asker.partner.calls
    assert (first.body, first.url) == (second.body, second.url)
    assert first.headers.getRawHeaders("idempotency-key") == second.headers.getRawHeaders("idempotency-key")


@EACH
def test_a_try_has_5_seconds_and_a_wish_11_at_most(operation: str) -> None:
    wish, _, times = WISHES[operation]
    asker = Asker(SILENT)
    came = asker.begin(wish)
    asker.turn(4.9)
    assert came == [] and asker.partner.cancelled == 0
    asker.turn(0.2)
    assert asker.partner.cancelled == 1
    asker.turn(5.95)
    assert len(came) == 1
    assert asker.partner.cancelled == times


def test_every_renewal_is_a_request_of_its_own() -> None:
    """A partner that gives the same answer to the same Idempotency-Key must see that money was put on."""
    asker = Asker(says(result="exhausted"), says(result="ok"))
    assert asker.result(renew) is False
    asker.turn(1)
    assert asker.result(renew) is True
    first, second = (call.headers.getRawHeaders("idempotency-key") for call in asker.partner.calls)
    assert first != second


def test_a_partner_that_fails_is_left_alone_for_half_a_minute(logged: list[LogEvent]) -> None:
    asker = Asker(says(500))
    for _ in range(3):
        asker.result(stop)
    assert "left alone" in str(asker.result(stop))
    assert len(asker.partner.calls) == 3
    asker.partner.answers = [says(result="stopped")]
    asker.turn(30)
    assert asker.result(stop) is None
    assert asker.result(renew).__class__ is ChargeUnavailable  # says "stopped", so it was asked
    assert len(asker.partner.calls) == 5
    assert len([each for each in logged if "is left alone" in each.get("log_format", "")]) == 1


def test_a_no_is_an_answer_and_nothing_fails() -> None:
    asker = Asker(says(result="refused"))
    assert [asker.result(start) for _ in range(10)] == [False] * 10


def test_no_more_than_so_many_are_asked_at_once() -> None:
    asker = Asker(SILENT)
    for _ in range(MOST_AT_ONCE):
        asker.begin(renew)
    assert "too much at once" in str(asker.result(renew))
    assert len(asker.partner.calls) == MOST_AT_ONCE
    asker.turn(6)
    asker.turn(30)
    assert "did not answer" in str(asker.result(renew))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "charging.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=b",
        "https://x#a",
        "http://[x",
        "h\n",
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(ValueError, match="the charging partner's address"):
        PartnerAccess(url=url, key="k")


@pytest.mark.parametrize("key", ["", "two words", "line\n", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="one word") as refusal:
        PartnerAccess(url=URL, key=key)
    assert not key or key not in str(refusal.value)


def test_the_key_is_in_no_repr_and_no_log(logged: list[LogEvent]) -> None:
    asker = Asker(says(401), says(500), REFUSED)
    for _ in range(5):
        asker.result(start)
    assert SECRET not in repr(PartnerAccess(url=URL, key=SECRET))
    assert SECRET not in repr(logged)


def test_who_wants_no_answer_any_more_hangs_up() -> None:
    asker = Asker(SILENT)
    asked: Deferred[Any] = Deferred.fromCoroutine(renew(asker.client))
    came: list[Any] = []
    asked.addErrback(lambda failure: came.append(failure.type))
    asked.cancel()
    assert (came, asker.partner.cancelled) == ([CancelledError], 1)


@pytest.mark.parametrize("answer", [says(401), says(404), says(result="exhausted"), says(result="ok")])
def test_whatever_it_says_it_did_answer_and_failures_are_counted_anew(answer: Reply) -> None:
    asker = Asker(says(500), says(500), answer, says(500), says(500), answer)
    for _ in range(6):
        asker.result(renew)
    assert len(asker.partner.calls) == 6
