"""What goes over the channel is what was meant, and everything else is no message."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.cluster.messages import LONGEST, MOST_BALANCES, Message, NotAMessage, decode, encode

NORA = (1, "nora_01")


@given(st.text(), st.booleans(), st.lists(st.tuples(st.integers(1, 2**53), st.text()), max_size=3))
def test_what_is_said_is_heard(sender: str, look: bool, balances: list[tuple[int, str]]) -> None:
    message = Message(sender, look, tuple(balances))
    assert decode(encode(message)) == message


def test_it_is_written_like_this() -> None:
    written = json.loads(encode(Message("a1", True, (NORA,))))
    assert written == {"sender": "a1", "look": True, "balances": [[1, "nora_01"]]}


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert decode(b'{"sender":"a1","look":true,"weather":"fair"}') == Message("a1", True)


def test_the_longest_message_is_not_too_long() -> None:
    name = "\N{PILE OF POO}" * 64
    longest = Message("0" * 16, True, tuple((2**31 - each, name) for each in range(MOST_BALANCES)))
    assert len(encode(longest)) <= LONGEST


GARBAGE = [
    b"",
    b"hello",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"{}",
    b'{"look":true}',
    b'{"sender":5,"look":true}',
    b'{"sender":"a1","look":1}',
    b'{"sender":"a1","look":"true"}',
    b'{"sender":"a1","balances":[["1","nora_01"]]}',
    b'{"sender":"a1","balances":[[1]]}',
    b'{"sender":"a1","balances":[[1,"nora_01",2]]}',
    b'{"sender":"a1"}x',
    b'{"sender":"\xff"}',
    b"[" * 60_000,
    b'{"sender":"a1","weather":' + b"[" * 60_000,
    b'{"sender":"' + b"a" * LONGEST + b'"}',
    1,
    None,
    "text",
]


@pytest.mark.parametrize("octets", GARBAGE, ids=lambda each: repr(each)[:40])
def test_garbage_is_no_message(octets: object) -> None:
    with pytest.raises(NotAMessage):
        decode(octets)


@given(st.binary())
def test_any_octets_are_a_message_or_none(octets: bytes) -> None:
    with suppress(NotAMessage):
        decode(octets)


def test_why_it_is_none_quotes_nothing_of_it() -> None:
    with pytest.raises(NotAMessage) as caught:
        decode(b'{"sender":"a1","look":"the secret"}')
    assert str(caught.value) == "not of our form (ValidationError)"
