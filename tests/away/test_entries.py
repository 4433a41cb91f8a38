"""What is spooled, as octets and back."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.facts import fact
from policy.quantities import Seconds
from radiusd.away.entries import Accounting, NotAnEntry, decode, encode
from radiusd.store.decisions import Decision
from tests.server.given import NOON

REQUEST = Accounting(3, NOON, ("10.0.0.1", 40_000), b"\x04...")
DECISION = Decision(
    at=NOON, verdict="accepted", reason="store_away", name="nörä", facts=(fact("store_away", time=Seconds(60)),)
)


def test_the_octets_are_those_that_the_page_about_the_format_shows() -> None:
    octets = "01" "0000000000000003" "000001a1fdfa4600" "9c40" "08" + b"10.0.0.1".hex() + "042e2e2e"  # fmt: skip
    assert encode(REQUEST).hex() == octets


@pytest.mark.parametrize("entry", [REQUEST, DECISION, Accounting(1, NOON, ("2001:db8::1", 1), b"")])
def test_what_was_kept_is_found(entry: Accounting | Decision) -> None:
    assert decode(encode(entry)) == entry


@given(st.binary(max_size=80))
def test_any_octets_are_an_entry_or_none(octets: bytes) -> None:
    with suppress(NotAnEntry):
        decode(octets)


@pytest.mark.parametrize("octets", [b"", b"\x07", b"\x01", encode(REQUEST)[:22], b"\x02{}", b"\x02[]", b"\x02\xff"])
def test_what_this_version_did_not_write_is_told(octets: bytes) -> None:
    with pytest.raises(NotAnEntry):
        decode(octets)
