"""Records and segments as octets: what is whole is read, what is not is told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.spool.layout import (
    HEADER_LENGTH,
    LONGEST_BODY,
    RECORD_LENGTH,
    Damage,
    Record,
    encode,
    header,
    is_header,
    record_at,
    scan,
)

ID = bytes(range(16))
OTHER = bytes(16)
FIRST = encode(ID, 1, 1_000, b"first")
SECOND = encode(ID, 2, 2_000, b"second, longer")
THIRD = encode(ID, 3, 3_000, b"")


def bodies(octets: bytes, start: int = 0) -> list[bytes]:
    return [each.body for each in scan(octets, start, ID) if isinstance(each, Record)]


def test_the_octets_are_those_that_the_page_about_the_format_shows() -> None:
    assert header(ID, 7).hex() == "494353504f4f4c01" + ID.hex() + "0000000000000007" + "470429af"
    assert encode(ID, 7, 1_795_262_400_000, b"hi").hex() == (
        "f5494352" "00000002" "0000000000000007" "000001a1fdfa4600" "13081dd4" "6869"
    )  # fmt: skip


def test_what_was_written_is_read() -> None:
    found = list(scan(FIRST + SECOND + THIRD, 0, ID))
    assert found == [
        Record(1, 1_000, b"first", len(FIRST)),
        Record(2, 2_000, b"second, longer", len(FIRST + SECOND)),
        Record(3, 3_000, b"", len(FIRST + SECOND + THIRD)),
    ]


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_whatever_was_written_is_read(written: list[bytes]) -> None:
    octets = b"".join(encode(ID, number, 5, each) for number, each in enumerate(written, 1))
    assert bodies(octets) == written


def test_a_header_is_that_of_its_spool_alone() -> None:
    assert is_header(header(ID, 1) + FIRST, ID)
    assert not is_header(header(ID, 1), OTHER)
    assert not is_header(header(ID, 1)[:-1], ID)


@pytest.mark.parametrize("at", range(HEADER_LENGTH))
def test_a_header_with_one_wrong_bit_is_none(at: int) -> None:
    octets = bytearray(header(ID, 1))
    octets[at] ^= 1
    assert not is_header(bytes(octets), ID)


def test_a_record_of_another_spool_is_none() -> None:
    assert record_at(encode(OTHER, 1, 1_000, b"first"), 0, ID) is None


@pytest.mark.parametrize("length", range(len(SECOND)))
def test_a_torn_record_is_none_and_those_before_it_are_read(length: int) -> None:
    found = list(scan(FIRST + SECOND[:length], 0, ID))
    assert found[0] == Record(1, 1_000, b"first", len(FIRST))
    assert found[1:] == ([Damage(len(FIRST), len(FIRST) + length)] if length else [])


@pytest.mark.parametrize("at", range(len(SECOND)))
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_costs_its_record_and_no_other(at: int, bit: int) -> None:
    damaged = bytearray(SECOND)
    damaged[at] ^= 1 << bit
    found = list(scan(FIRST + bytes(damaged) + THIRD, 0, ID))
    assert found[1] == Damage(len(FIRST), len(FIRST + SECOND))
    assert [each.body for each in found if isinstance(each, Record)] == [b"first", b""]


def test_a_body_that_looks_like_a_record_is_a_body() -> None:
    inner = encode(ID, 9, 0, b"inner")
    assert bodies(encode(ID, 1, 0, inner) + THIRD) == [inner, b""]


@given(st.binary(max_size=400))
def test_any_octets_are_read_to_their_end(octets: bytes) -> None:
    parts = list(scan(octets, 0, ID))
    assert sum(each.end - getattr(each, "start", 0) for each in parts if isinstance(each, Damage)) == len(octets)


def test_a_length_beyond_the_longest_is_not_believed() -> None:
    octets = bytearray(encode(ID, 1, 0, b"x"))
    octets[4:8] = (LONGEST_BODY + 1).to_bytes(4, "big")
    assert record_at(bytes(octets) + bytes(LONGEST_BODY + RECORD_LENGTH), 0, ID) is None
