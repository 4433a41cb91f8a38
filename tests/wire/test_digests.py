"""Our digests are those of the standard library, whatever the lengths."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusd.wire import digests

LENGTHS = (0, 1, 15, 16, 55, 56, 63, 64, 65, 119, 128, 4096)


@given(st.binary(max_size=300))
def test_md5(octets: bytes) -> None:
    assert digests.md5(octets) == hashlib.md5(octets, usedforsecurity=False).digest()


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_hmac_md5(secret: bytes, octets: bytes) -> None:
    assert digests.hmac_md5(secret, octets) == hmac.digest(secret, octets, "md5")


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("secret_length", LENGTHS)
def test_at_the_edges_of_a_block(length: int, secret_length: int) -> None:
    secret, octets = b"s" * secret_length, b"o" * length
    assert digests.md5(octets) == hashlib.md5(octets, usedforsecurity=False).digest()
    assert digests.hmac_md5(secret, octets) == hmac.digest(secret, octets, "md5")


def test_an_interpreter_without_an_md5_of_its_own_takes_openssls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_new", hashlib.md5)
    assert digests.hmac_md5(b"secret", b"octets") == hmac.digest(b"secret", b"octets", "md5")
