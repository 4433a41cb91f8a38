"""Guests' passwords as they are stored."""

import pytest

from radiusd.passwords import PURPOSE, store_password, verify_hash
from radiusd.vault import Vault

VAULT = Vault(bytes(range(32)))


@pytest.mark.parametrize("password", ["geheim", "mật khẩu", "x" * 128])
def test_a_sealed_password_comes_back(password: str) -> None:
    kind, stored = store_password(VAULT, False, password)
    assert kind == "recoverable"
    assert password.encode() not in stored
    assert VAULT.open(stored, PURPOSE) == password.encode()


def test_a_hashed_password_only_verifies() -> None:
    kind, stored = store_password(VAULT, True, "mật khẩu")
    assert kind == "argon2"
    assert stored.startswith(b"$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_hash(stored, "mật khẩu".encode())
    assert not verify_hash(stored, b"another")


@pytest.mark.parametrize("stored", [b"", b"$argon2id$", b"\xff\xfe"])
def test_what_is_no_hash_verifies_nothing(stored: bytes) -> None:
    assert not verify_hash(stored, b"geheim")
