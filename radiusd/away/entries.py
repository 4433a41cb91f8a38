"""What is spooled, as octets and back: Accounting-Requests as they came, and decisions made without the store.

Integers are big-endian. The first octet says which of the two it is.

1  router id (8), when it came in ms (8), source port (2), length of the source address (1), the address, the datagram
2  a decision: a JSON object in UTF-8
"""

import json
from struct import Struct, error
from typing import Any

from attrs import frozen

from policy.facts import Fact
from policy.quantities import Instant
from radiusd.store.decisions import Decision

_ACCOUNTING, _DECISION = 1, 2
_HEAD = Struct("!BQQHB")


class NotAnEntry(Exception):
    """The octets are nothing that this version wrote."""


@frozen
class Accounting:
    """An Accounting-Request whose authenticator was right when it came."""

    router_id: int
    at: Instant
    source: tuple[str, int]
    datagram: bytes


Entry = Accounting | Decision


def encode(entry: Entry) -> bytes:
    """The octets that `decode` reads."""
    if isinstance(entry, Accounting):
        host, port = entry.source
        address = host.encode()
        return _HEAD.pack(_ACCOUNTING, entry.router_id, entry.at, port, len(address)) + address + entry.datagram
    values: dict[str, Any] = {
        "at": entry.at,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "name": entry.name,
        "device": entry.device,
        "router_id": entry.router_id,
        "account_id": entry.account_id,
        "session_id": entry.session_id,
        "facts": [[each.code, dict(each.values)] for each in entry.facts],
    }
    return bytes((_DECISION,)) + json.dumps(values, ensure_ascii=False).encode()


def decode(octets: bytes) -> Entry:
    """The entry in `octets`. Raises NotAnEntry, and nothing else."""
    try:
        if octets[0] == _ACCOUNTING:
            return _accounting(octets)
        if octets[0] == _DECISION:
            values = json.loads(octets[1:])
            facts = tuple(Fact(code, known) for code, known in values.pop("facts"))
            return Decision(facts=facts, **values)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, error) as wrong:
        raise NotAnEntry("the record was not written by this version") from wrong
    raise NotAnEntry(f"the record is of a kind that this version does not know: {octets[0]}")


def _accounting(octets: bytes) -> Accounting:
    _, router_id, at, port, length = _HEAD.unpack_from(octets)
    start = _HEAD.size + length
    if start > len(octets):
        raise NotAnEntry("the record is too short")
    return Accounting(router_id, Instant(at), (octets[_HEAD.size : start].decode(), port), octets[start:])
