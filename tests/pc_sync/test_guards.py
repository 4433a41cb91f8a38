"""Token, signature and address together, at the right time and place; and nobody else (R13, T4)."""

import json
from collections.abc import Iterator
from random import Random

import pytest
from attrs import evolve

from radiusd.web.pc_sync.guards import WINDOW, Delivery, Guards, LetIn, TurnedAway
from radiusd.web.pc_sync.shapes import Unreadable
from tests.pc_sync.given import (
    CENTRE,
    KEY,
    NOW,
    OTHER_KEY,
    OTHER_TOKEN,
    RIVERSIDE,
    SOURCE,
    TOKEN,
    a_key,
    a_system,
    an_event,
    delivered,
    told,
)

GUARDS = Guards({1: CENTRE, 2: RIVERSIDE})


def cause(delivery: Delivery, guards: Guards = GUARDS) -> str:
    judged = guards.judge(delivery)
    return "let in" if isinstance(judged, LetIn) else judged.cause


def test_an_event_with_all_three_guards_right_is_let_in() -> None:
    judged = GUARDS.judge(delivered(an_event()))
    assert isinstance(judged, LetIn)
    assert (judged.system, judged.event.kind, judged.event.pc_user_id) == (CENTRE, "USER_LOGOUT", "nora_01")


@pytest.mark.parametrize("source", [SOURCE, "10.77.3.4", "2001:db8::17"])
def test_it_may_come_from_any_network_of_the_branch(source: str) -> None:
    assert cause(delivered(an_event(), source=source)) == "let in"


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (evolve(delivered(an_event()), token=None), "token_missing"),
        (evolve(delivered(an_event()), token=""), "token_unknown"),
        (evolve(delivered(an_event()), token=TOKEN + "x"), "token_unknown"),
        (evolve(delivered(an_event()), token="caf\u00e9"), "token_unknown"),
        (evolve(delivered(an_event()), signature=None), "signature_missing"),
        (evolve(delivered(an_event()), signature="sha256="), "signature_wrong"),
        (evolve(delivered(an_event()), signature="caf\u00e9"), "signature_wrong"),
        (evolve(delivered(an_event()), signature=(delivered(an_event()).signature or "").upper()), "signature_wrong"),
        (delivered(an_event(), key=OTHER_KEY), "signature_wrong"),
        (delivered(an_event(), token=OTHER_TOKEN), "signature_wrong"),
        (delivered(an_event(), source="203.0.113.8"), "address_foreign"),
        (delivered(an_event(), source="198.51.100.9"), "address_foreign"),
        (delivered(an_event(), source="not an address"), "address_foreign"),
        (delivered(an_event(), token=OTHER_TOKEN, key=OTHER_KEY, source="198.51.100.9"), "location_wrong"),
        (delivered(an_event(at=NOW - WINDOW - 1_000)), "timestamp_stale"),
        (delivered(an_event(at=NOW + WINDOW + 1_000)), "timestamp_future"),
        (delivered(an_event(at=NOW - 600_000)), "timestamp_stale"),
    ],
)
def test_one_guard_that_fails_is_enough(delivery: Delivery, expected: str) -> None:
    assert cause(delivery) == expected


@pytest.mark.parametrize("off_by", [-WINDOW, -299_000, 0, 299_000, WINDOW])
def test_clocks_may_differ_by_five_minutes(off_by: int) -> None:
    assert cause(delivered(an_event(at=NOW + off_by))) == "let in"


def forgeries(delivery: Delivery) -> Iterator[Delivery]:
    """Every delivery that differs in one bit of the body, the token or the signature."""
    for number in range(8 * len(delivery.body)):
        flipped = bytearray(delivery.body)
        flipped[number // 8] ^= 1 << number % 8
        yield evolve(delivery, body=bytes(flipped))
    for name in ("token", "signature"):
        text = getattr(delivery, name)
        for number in range(7 * len(text)):
            at, bit = divmod(number, 7)
            changed = text[:at] + chr(ord(text[at]) ^ 1 << bit) + text[at + 1 :]
            yield evolve(delivery, **{name: changed})


def test_ten_thousand_forgeries_of_one_bit_are_all_turned_away() -> None:
    users = [f"user_{number}" for number in range(7)]
    forged = [each for user in users for each in forgeries(delivered(an_event(user=user)))]
    assert len(forged) >= 10_000
    assert all(isinstance(GUARDS.judge(each), TurnedAway) for each in forged)


def test_a_body_that_was_written_anew_is_another_body() -> None:
    original = delivered(an_event())
    fields = json.loads(original.body)
    for again in (
        json.dumps(fields, separators=(",", ":")),
        json.dumps(fields, indent=1),
        json.dumps(dict(reversed(fields.items()))),
        json.dumps(fields) + "\n",
        json.dumps(fields).replace("nora", "\\u006eora"),
    ):
        assert cause(evolve(original, body=again.encode())) == "signature_wrong"


def test_garbage_from_a_stranger_is_not_even_read() -> None:
    random = Random(7)
    for length in range(200):
        assert cause(evolve(delivered(random.randbytes(length)), token="x")) == "token_unknown"


def test_signed_garbage_is_told_what_is_wrong_with_it() -> None:
    with pytest.raises(Unreadable, match=r"Expected `str`, got `int` - at `\$.pc_user_id`"):
        GUARDS.judge(delivered(an_event(pc_user_id=5)))
    with pytest.raises(Unreadable, match=r"at `\$.pc_user_id`"):
        GUARDS.judge(delivered(an_event(user="nora\x00")))
    with pytest.raises(Unreadable, match="offset from UTC"):
        GUARDS.judge(delivered(an_event(timestamp="2026-02-16T10:30:00")))
    with pytest.raises(Unreadable, match="ISO 8601"):
        GUARDS.judge(delivered(an_event(timestamp="yesterday")))
    with pytest.raises(Unreadable, match="Invalid enum value"):
        GUARDS.judge(delivered(an_event(kind="USER_NAP")))
    with pytest.raises(Unreadable, match="nested too deep"):
        GUARDS.judge(delivered(b'{"x": ' + b"[" * 5_000))
    for body in (b"", b"null", b"[]", b"{}", b"\xff\xfe", b'{"event_type": "USER_LOGOUT"'):
        with pytest.raises(Unreadable):
            GUARDS.judge(delivered(body))


def test_fields_we_do_not_know_are_ignored() -> None:
    assert cause(delivered(an_event(balance=150_000, seat="A7"))) == "let in"


# Rotation


def test_while_a_key_is_replaced_both_are_valid_and_then_only_the_new_one() -> None:
    old, new = a_key(retires_at=NOW + 10_000), a_key("pc_new", b"new key")
    guards = Guards({1: evolve(CENTRE, keys=(new, old))})
    assert cause(delivered(an_event()), guards) == "let in"
    assert cause(delivered(an_event(), token="pc_new", key=b"new key"), guards) == "let in"
    assert cause(delivered(an_event(), at=NOW + 10_000), guards) == "key_retired"


def test_the_token_of_one_pair_does_not_go_with_the_key_of_another() -> None:
    guards = Guards({1: evolve(CENTRE, keys=(a_key("pc_new", b"new key"), a_key(retires_at=NOW + 10_000)))})
    assert cause(delivered(an_event(), token="pc_new", key=KEY), guards) == "signature_wrong"


# What names an event


def digest(delivery: Delivery, guards: Guards = GUARDS) -> str:
    judged = guards.judge(delivery)
    assert isinstance(judged, LetIn)
    return judged.event.digest


def test_the_same_octets_are_the_same_event_whenever_and_under_whichever_key_they_come() -> None:
    guards = Guards({1: evolve(CENTRE, keys=(a_key("pc_new", b"new key"), a_key(retires_at=NOW + 10_000)))})
    first = digest(delivered(an_event()), guards)
    assert digest(delivered(an_event(), at=NOW + 5_000), guards) == first
    assert digest(delivered(an_event(), token="pc_new", key=b"new key"), guards) == first
    assert digest(delivered(an_event(at=NOW + 1)), guards) != first


def test_the_same_octets_at_another_branch_are_another_event() -> None:
    one, other = a_system(1, "loc_centre"), a_system(2, "loc_centre")
    assert digest(delivered(an_event()), Guards({1: one})) != digest(delivered(an_event()), Guards({2: other}))


def test_a_time_in_whole_seconds_means_that_second_to_its_end() -> None:
    def happened_at(timestamp: str) -> int:
        judged = GUARDS.judge(delivered(an_event(timestamp=timestamp)))
        assert isinstance(judged, LetIn)
        return judged.event.happened_at

    assert happened_at("2026-02-16T10:30:00Z") == NOW + 999
    assert happened_at("2026-02-16T17:30:00+07:00") == NOW + 999
    assert happened_at("2026-02-16T10:30:00.250Z") == NOW + 250
    assert told(NOW) == "2026-02-16T10:30:00.000Z"
