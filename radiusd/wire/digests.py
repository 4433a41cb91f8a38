"""MD5 and HMAC-MD5, as RADIUS uses them: over little, many times for each packet.

With OpenSSL, as of hashlib and hmac, most of the time goes into the setting up. The interpreter has an MD5 of its own.
"""

import hashlib
from functools import lru_cache, partial
from typing import Any

try:
    from _md5 import md5 as md5_of_python  # type: ignore[import-not-found]
except ImportError:  # it was built without
    md5_of_python = None

_new: Any = md5_of_python or partial(hashlib.md5, usedforsecurity=False)

_BLOCK = 64  # octets (RFC 2104 §2)
_MOST_SECRETS = 10_000


def md5(octets: bytes) -> bytes:
    """The 16 octets of MD5 (RFC 1321)."""
    digest: bytes = _new(octets).digest()
    return digest


def hmac_md5(secret: bytes, octets: bytes) -> bytes:
    """The 16 octets of HMAC-MD5 (RFC 2104 §2)."""
    inner, outer = _pads(secret)
    digest: bytes = _new(outer + _new(inner + octets).digest()).digest()
    return digest


@lru_cache(_MOST_SECRETS)
def _pads(secret: bytes) -> tuple[bytes, bytes]:
    key = (secret if len(secret) <= _BLOCK else md5(secret)).ljust(_BLOCK, b"\0")
    return bytes(each ^ 0x36 for each in key), bytes(each ^ 0x5C for each in key)
