"""What must be read back but never lie about in clear: sealed with AES-256-GCM under the key file's key."""

import os
import stat
from hmac import digest as hmac_digest
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_LENGTH = 32
_NONCE_LENGTH = 12
_KEPT_OPEN = 1_000
"""So many that a login opens what it needs once: opening is quicker than to keep it for all who may come again."""


class VaultError(Exception):
    """The key cannot be used; the message says why and what to do, and never shows a secret."""


class Vault:
    """Seals and opens octets; `purpose` binds a sealed value to the use it was made for."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise VaultError(f"a key has {KEY_LENGTH} octets")
        self._cipher = AESGCM(key)
        self._opened: dict[tuple[str, bytes], bytes] = {}
        self.class_key = hmac_digest(key, b"Class attribute", "sha256")

    def seal(self, clear: bytes, purpose: str) -> bytes:
        """Nonce (12 octets), ciphertext and tag (16 octets)."""
        nonce = token_bytes(_NONCE_LENGTH)
        return nonce + self._cipher.encrypt(nonce, clear, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The octets sealed for `purpose`; raises VaultError when the key is another."""
        clear = self._opened.get((purpose, sealed))
        if clear is None:
            try:
                clear = self._cipher.decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], purpose.encode())
            except (InvalidTag, ValueError) as error:  # ValueError: not even as long as a nonce
                raise VaultError(
                    "a stored secret does not open: the key file is not the one it was sealed with"
                ) from error
            if len(self._opened) >= _KEPT_OPEN:
                self._opened.clear()
            self._opened[purpose, sealed] = clear
        return clear


def make_key_file(path: Path) -> None:
    """A new key, readable by its owner only; raises FileExistsError rather than replace one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token_bytes(KEY_LENGTH).hex() + "\n")


def read_key_file(path: Path) -> bytes:
    """The key in `path`; raises VaultError when it is missing, not a key, or readable by others."""
    try:
        mode = path.stat().st_mode
        text = path.read_text().strip()
    except OSError as error:
        raise VaultError(
            f"cannot read the key file {path}: {error.strerror}; `icafectl store init` makes one"
        ) from error
    except UnicodeDecodeError as error:
        raise VaultError(f"the key file {path} does not hold 64 hexadecimal digits") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise VaultError(f"the key file {path} can be read by others: run chmod 600 {path}")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_LENGTH:
        raise VaultError(f"the key file {path} does not hold 64 hexadecimal digits")
    return key
