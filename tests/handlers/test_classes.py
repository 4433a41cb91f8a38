"""Class names what we let in, and only we can have written it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.handlers.classes import LENGTH, ClassKey, read, write

KEY = bytes(range(32))
NAMED = ClassKey(1, 2)
IDS = st.integers(0, 2**64 - 1)


@given(IDS, IDS)
def test_what_was_written_is_read(session_id: int, connection_id: int) -> None:
    named = ClassKey(session_id, connection_id)
    assert read(write(named, KEY), KEY) == named


def test_its_octets_stay_what_they_were_for_routers_bring_them_back_after_an_upgrade() -> None:
    octets = write(NAMED, KEY)
    assert len(octets) == LENGTH
    assert octets.hex() == "69633100000000000000010000000000000002b1d7c4187683e844fdbcc39a"


@pytest.mark.parametrize("at", range(LENGTH))
def test_a_changed_bit_anywhere_is_noticed(at: int) -> None:
    octets = bytearray(write(NAMED, KEY))
    octets[at] ^= 1
    assert read(bytes(octets), KEY) is None


def test_another_server_wrote_nothing_of_ours() -> None:
    assert read(write(NAMED, bytes(32)), KEY) is None


@pytest.mark.parametrize("value", [b"", b"ic1", write(NAMED, KEY)[:-1], write(NAMED, KEY) + b"\0", b"x" * 253])
def test_what_others_write_is_nothing_of_ours(value: bytes) -> None:
    assert read(value, KEY) is None
