"""Guests' passwords as they are stored: sealed, or hashed where the branch has chosen so."""

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from radiusd.vault import Vault

PURPOSE, HASHED = "password", "argon2"
MAX_LENGTH = 128  # octets; no longer one fits User-Password (RFC 2865 §5.2)

# The least that OWASP recommends: 19 MiB and two passes take about 20 ms of one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def store_password(vault: Vault, hashes: bool, password: str) -> tuple[str, bytes]:
    """The columns `password_kind` and `password`: hashed if the branch hashes, else sealed so that CHAP can use it."""
    if hashes:
        return HASHED, _HASHER.hash(password).encode()
    return "recoverable", vault.seal(password.encode(), PURPOSE)


def verify_hash(encoded: bytes, password: bytes) -> bool:
    """Whether `password` gave the hash `encoded`; takes as long as making one."""
    try:
        return _HASHER.verify(encoded, password)
    except (Argon2Error, InvalidHashError):
        return False
