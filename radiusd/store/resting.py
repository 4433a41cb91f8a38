"""Passes at rest: of which nothing is asked but how much their connections have used.

So it is with almost all who are online, for hours. What policy would see of such a pass takes more than a thousand
octets as values, and a fourth of that as one string of octets.
"""

from typing import Any

import msgspec
from attrs import define

from policy.accounts import Account
from policy.holding import Holding
from policy.package import Package
from policy.passes import Pass
from policy.quantities import Instant
from policy.usage import Usage
from radiusd.store import rows

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


@define(eq=False, weakref_slot=False)
class Awake:
    """A pass as it was last read or written, with the versions of its row and of those of its running connections."""

    holding: Holding
    account: Account
    wake_at: Instant | None
    is_open: bool
    version: int
    versions: dict[int, int]


def put_to_rest(awake: Awake) -> bytes:
    """All of it but the terms, which are the same value for all who have bought them."""
    holding, account = awake.holding, awake.account
    parts: Any = (
        _pass_values(holding.bought),
        [rows.session_values(each) for each in holding.sessions],
        [rows.connection_values(each) for each in holding.connections],
        (account.id, account.name, account.branch_id, account.is_blocked),
        (awake.wake_at, awake.is_open, awake.version),
        [(number, version) for number, version in awake.versions.items()],
    )
    return _encode(parts)


def woken(octets: bytes, terms: Package) -> Awake:
    """What was put to rest."""
    bought, sessions, connections, account, (wake_at, is_open, version), versions = _decode(octets)
    holding = Holding(
        _pass_from_values(bought, terms),
        tuple([rows.session_from_values(each) for each in sessions]),
        tuple([rows.connection_from_values(each) for each in connections]),
    )
    return Awake(holding, Account(*account), wake_at, is_open, version, dict(versions))


def _pass_values(bought: Pass) -> tuple[Any, ...]:
    used = bought.used
    return (
        bought.id, bought.account_id, bought.sold_at, bought.first_login_at, bought.extra_time, bought.extra_data,
        used.uploaded, used.downloaded, used.seconds, bought.held, bought.paused_at, bought.paused_for,
    )  # fmt: skip


def _pass_from_values(values: list[Any], terms: Package) -> Pass:
    (
        id_, account_id, sold_at, first_login_at, extra_time, extra_data, uploaded, downloaded, seconds, held,
        paused_at, paused_for,
    ) = values  # fmt: skip
    return Pass(
        id=id_,
        account_id=account_id,
        terms=terms,
        sold_at=sold_at,
        first_login_at=first_login_at,
        extra_time=extra_time,
        extra_data=extra_data,
        used=Usage(uploaded, downloaded, seconds),
        held=held,
        paused_at=paused_at,
        paused_for=paused_for,
    )
