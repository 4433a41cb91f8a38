"""Our Class attribute: names the session and connection of an Access-Accept, and comes back in accounting.

"ic1" (3 octets) | session id (8) | connection id (8) | HMAC-SHA256 of all before, its first 12 octets
"""

from hmac import compare_digest
from hmac import digest as hmac_digest
from struct import Struct

from attrs import frozen

_MARK = b"ic1"
_IDS = Struct("!3sQQ")
_SIGNATURE_LENGTH = 12
NOBODY = 0
"""The connection of an Access-Accept from memory: there is none until its Start."""
LENGTH = _IDS.size + _SIGNATURE_LENGTH


@frozen
class ClassKey:
    """What a Class of ours names."""

    session_id: int
    connection_id: int


def write(named: ClassKey, key: bytes) -> bytes:
    """The value of Class, 31 octets."""
    ids = _IDS.pack(_MARK, named.session_id, named.connection_id)
    return ids + hmac_digest(key, ids, "sha256")[:_SIGNATURE_LENGTH]


def read(value: bytes, key: bytes) -> ClassKey | None:
    """What `value` names; None when we did not write it."""
    if len(value) != LENGTH or not value.startswith(_MARK):
        return None
    ids = value[: _IDS.size]
    if not compare_digest(value[_IDS.size :], hmac_digest(key, ids, "sha256")[:_SIGNATURE_LENGTH]):
        return None
    _, session_id, connection_id = _IDS.unpack(ids)
    return ClassKey(session_id, connection_id)
