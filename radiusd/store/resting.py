"""Passes at rest: of which nothing is asked but how much their connections have used.

So it is with almost all who are online, for hours. What policy would see of such a pass takes more than a thousand
octets as values, and a fourth of that as one string of octets.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from attrs import define

from policy.accounts import Account
from policy.holding import Holding
from policy.package import Package
from policy.quantities import Instant
from radiusd.store import rows

Guest = tuple[str, str]
"""A user name as it was sent, and the device."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[list[int], list[Guest], msgspec.Raw]).decode
_decode_rest = msgspec.msgpack.Decoder().decode


@define(eq=False, weakref_slot=False)
class Awake:
    """A pass as it was last read or written, with the versions of its row and of those of its running connections.

    `guests` are those by whom it is found.
    """

    holding: Holding
    account: Account
    wake_at: Instant | None
    is_open: bool
    version: int
    versions: dict[int, int]
    guests: Sequence[Guest] = ()


def put_to_rest(awake: Awake) -> bytes:
    """All of it but the terms, which are the same value for all who have bought them."""
    holding, account = awake.holding, awake.account
    parts: Any = (
        [each.id for each in holding.sessions],
        awake.guests,
        (
            rows.pass_values(holding.bought),
            [rows.session_values(each) for each in holding.sessions],
            [rows.connection_values(each) for each in holding.connections],
            (account.id, account.name, account.branch_id, account.is_blocked),
            (awake.wake_at, awake.is_open, awake.version),
            [awake.versions[each.id] for each in holding.connections],
        ),
    )
    return _encode(parts)


def found_by(octets: bytes) -> tuple[Sequence[int], Sequence[Guest]]:
    """The ids of the sessions, and the guests, of a pass that was put to rest."""
    session_ids, guests, _ = _decode(octets)
    return session_ids, guests


def woken(octets: bytes, terms: Package) -> Awake:
    """What was put to rest."""
    _, guests, rest = _decode(octets)
    bought, sessions, connections, account, (wake_at, is_open, version), versions = _decode_rest(rest)
    lines = tuple([rows.connection_from_values(each) for each in connections])
    holding = Holding(
        rows.sold_pass_from_values(bought, terms),
        tuple([rows.session_from_values(each) for each in sessions]),
        lines,
    )
    of_lines = {each.id: version for each, version in zip(lines, versions, strict=True)}
    return Awake(holding, Account(*account), wake_at, is_open, version, of_lines, guests)
