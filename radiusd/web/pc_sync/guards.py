"""Who may report an event: token, signature and source address, all three, and the right time and place.

A stranger learns nothing from the answer: it is the same for every cause, and made by the same work. Nothing of the
body is looked at before its signature is right; only where a branch takes older forms, which name their branch in the
body and nowhere else, is that read first.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from ipaddress import ip_address

from attrs import frozen

from policy.quantities import Instant
from radiusd.jobs.pc_events import PcEvent
from radiusd.store.pc_directory import PcKey, PcSystem, hash_token
from radiusd.web.pc_sync import shapes
from radiusd.web.pc_sync.shapes import Report, Unreadable

WINDOW = 300_000
"""Milliseconds that an event's time may differ from ours."""
_RETRY = 60_000
_NOBODY = PcKey(token_hash=bytes(32), signing_key=bytes(32))


@frozen(kw_only=True)
class Delivery:
    """An event as it came: its octets, the headers that vouch for it, and from where."""

    body: bytes
    token: str | None
    signature: str | None
    template_signature: str | None = None
    source: str
    at: Instant


@frozen
class TurnedAway:
    """Not let in; `cause` is for the log and the administrator, never for the answer."""

    cause: str
    branch_id: int | None = None


@frozen
class LetIn:
    """An event of this PC system."""

    system: PcSystem
    event: PcEvent


def sign(signing_key: bytes, octets: bytes) -> str:
    """HMAC-SHA256 as 64 hexadecimal digits."""
    return hmac_digest(signing_key, octets, "sha256").hex()


class Guards:
    """Knows the PC systems as they are configured at the moment."""

    def __init__(self, systems: Mapping[int, PcSystem]) -> None:
        self._by_token = {key.token_hash: (system, key) for system in systems.values() for key in system.keys}
        self._by_location = {system.location_id: system for system in systems.values() if system.shapes}

    def judge(self, delivery: Delivery) -> LetIn | TurnedAway:
        """Whether it may be acted on. Raises Unreadable for one that is signed as it should be and makes no sense."""
        if delivery.token is None and self._by_location:
            return self._judge_older(delivery)
        return self._judge_present(delivery)

    def _judge_present(self, delivery: Delivery) -> LetIn | TurnedAway:
        system, key = self._by_token.get(hash_token(delivery.token or ""), (None, _NOBODY))
        # Reckoned for strangers too, so that they cannot tell by the time it takes how far they got.
        is_signed = is_signature(delivery.signature, "sha256=" + sign(key.signing_key, delivery.body))
        if system is None:
            return TurnedAway("token_missing" if delivery.token is None else "token_unknown")
        if not is_signed:
            return TurnedAway(
                "signature_missing" if delivery.signature is None else "signature_wrong", system.branch_id
            )
        if not key.is_valid(delivery.at):
            return TurnedAway("key_retired", system.branch_id)
        if not _is_from(system, delivery.source):
            return TurnedAway("address_foreign", system.branch_id)
        return _admit(system, _read_present(system, delivery.body), delivery)

    def _judge_older(self, delivery: Delivery) -> LetIn | TurnedAway:
        try:
            shape, report, in_body = shapes.read_older(delivery.body)
        except Unreadable:
            return TurnedAway("token_missing")
        system = self._by_location.get(report.location_id or "")
        if system is None or shape not in system.shapes:
            return TurnedAway("shape_not_allowed", None if system is None else system.branch_id)
        try:
            text = delivery.body if in_body is None else shapes.signed_text(delivery.body)
        except Unreadable:
            return TurnedAway("signature_wrong", system.branch_id)
        given = delivery.template_signature if in_body is None else in_body
        if not any(is_signature(given, sign(key, text)) for key in _valid_keys(system, delivery.at)):
            return TurnedAway("signature_wrong", system.branch_id)
        if not _is_from(system, delivery.source):
            return TurnedAway("address_foreign", system.branch_id)
        return _admit(system, report, delivery)


def _valid_keys(system: PcSystem, at: Instant) -> Iterator[bytes]:
    return (each.signing_key for each in system.keys if each.is_valid(at))


def is_signature(given: str | None, expected: str) -> bool:
    """Whether a signature is the one; it takes as long wherever it is wrong."""
    # As octets: text that is not ASCII would be refused with an exception.
    return compare_digest((given or "").encode(), expected.encode())


def _is_from(system: PcSystem, source: str) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    return any(address in network for network in system.networks)


def _read_present(system: PcSystem, body: bytes) -> Report:
    try:
        return shapes.read(body)
    except Unreadable as error:
        if shapes.SHORT not in system.shapes:
            raise
        try:
            return shapes.read_short(body)
        except Unreadable:
            # What is neither is told of as the form that is asked for.
            raise error from None


def _admit(system: PcSystem, report: Report, delivery: Delivery) -> LetIn | TurnedAway:
    if report.location_id not in (None, system.location_id):
        return TurnedAway("location_wrong", system.branch_id)
    at = delivery.at
    if report.happened_at is not None and report.happened_at < at - WINDOW:
        return TurnedAway("timestamp_stale", system.branch_id)
    if report.happened_at is not None and report.happened_at > at + WINDOW:
        return TurnedAway("timestamp_future", system.branch_id)
    event = PcEvent(
        kind=report.kind,
        pc_user_id=report.pc_user_id,
        happened_at=at if report.latest is None else report.latest,
        digest=_digest(system, report, delivery),
    )
    return LetIn(system, event)


def _digest(system: PcSystem, report: Report, delivery: Delivery) -> str:
    """What names the event for ever; one without a time is new after a minute, for it cannot be told from the last."""
    named = (
        f"{system.branch_id}\n" if report.happened_at is not None else f"{system.branch_id}\n{delivery.at // _RETRY}\n"
    )
    return sha256(named.encode() + delivery.body).hexdigest()
