"""Devices that come back: let in from memory, where the store has nothing to say.

A phone that wakes up logs in again, on the same pass and into the same session. Whether it may, and with what, follows
from the last answer and the clock, until somebody changes the pass, the session or who it belongs to. Whoever does so
through this server is heard of with the commit; what others do is seen at the next look at the store, ten times a
second. While the store was not seen lately, nothing is answered from here.

Such an answer writes no connection: its Class names the session alone, and the Start that follows makes the connection
in the transaction that acknowledges it. That the device was here is told later, in one decision for all its returns.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from hmac import digest as hmac_digest
from itertools import islice
from struct import Struct

import msgspec
from attrs import define, field

from policy.facts import fact
from policy.quantities import Instant, whole_seconds_between
from radiusd.groups import Groups, too_many
from radiusd.handlers import classes
from radiusd.handlers.translate import class_attribute, device_of, offered_attributes, timed_attributes
from radiusd.jobs.access import Granted
from radiusd.server.protocol import Reply, Request
from radiusd.store.decisions import Decision
from radiusd.wire.attributes import Attribute, decode_text
from radiusd.wire.codes import Code
from radiusd.wire.passwords import is_chap_answer, is_one_of, reveal

MOST = 100_000
MOST_CHANGED = 10_000
"""Passes of which is kept when others changed them: far more than change while an answer is on its way."""
_LONG_AGO = Instant(0)
TRUSTED_FOR = 500
"""Milliseconds after the last look at the store."""

_USER_NAME = int(Attribute.USER_NAME)
_USER_PASSWORD = int(Attribute.USER_PASSWORD)
_CHAP_PASSWORD = int(Attribute.CHAP_PASSWORD)
_CHAP_CHALLENGE = int(Attribute.CHAP_CHALLENGE)
_CALLING_STATION_ID = int(Attribute.CALLING_STATION_ID)
_EAP_MESSAGE = int(Attribute.EAP_MESSAGE)
_ACCT_SESSION_ID = int(Attribute.ACCT_SESSION_ID)
_BOOT_DIGIT = slice(2, 3)
"""Of an Acct-Session-Id of RouterOS."""

Key = bytes
"""A router's id, and the octets of User-Name and Calling-Station-Id."""
_BEFORE_NAMES = Struct("!QB")
"""In a key: the router's id, and how long the first of the names is."""

_Guest = tuple[int, int, int, str | None, Instant | None, tuple[bytes, ...], bytes]
"""Ids of pass, session and account; the account's name if it is not User-Name; when the time is over; passwords, mark.

There are as many guests as there are sessions, so what is known of one is written as one string of octets.
"""
_written = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(_Guest).decode


@define(eq=False, weakref_slot=False)
class Remembered:
    """The last answer to a device. `times` counts what was answered from here and not told yet.

    `package` and `offered` are the same values for all who have bought it. `named` is the Class, once it was told.
    `acct_session_id` is how the NAS named the last login, empty if it did not.
    """

    guest: bytes = field(repr=False)
    package: str
    offered: bytes
    named: bytes = b""
    times: int = 0
    since: Instant = _LONG_AGO
    acct_session_id: bytes = b""


class Returning:
    """The devices that were let in lately. `key` signs the Class; it marks passwords that are kept as hashes too."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[Key, Remembered] = {}
        self._of_pass: Groups[Key] = Groups()
        self._untold: dict[Remembered, Key] = {}
        self._seen_at = Instant(-TRUSTED_FOR - 1)
        self._cleared_at = _LONG_AGO
        self._changed_at: OrderedDict[int, Instant] = OrderedDict()

    # What is known

    def saw_store(self, at: Instant) -> None:
        """The store was looked at, and whoever had been changed there was forgotten."""
        self._seen_at = at

    def remember(self, request: Request, granted: Granted, offer: tuple[int, int | None]) -> None:
        """The device of `request` was let in; `offer` is what the branch tells all: Interim and Idle-Timeout."""
        values = request.packet.values
        user, station, hidden = values.get(_USER_NAME), values.get(_CALLING_STATION_ID), values.get(_USER_PASSWORD)
        if user is None or station is None or (granted.hashed is not None and hidden is None):
            return
        if not _follows_from_the_clock(granted):
            return
        if request.at <= self._cleared_at or request.at <= self._changed_at.get(granted.pass_id, _LONG_AGO):
            return  # others changed it while the answer was on its way
        mark = b""
        if hidden is not None and granted.hashed is not None:
            mark = self._mark(reveal(hidden, request.router.secret, request.packet.authenticator))
        key = _key(request.router.id, user, station)
        self._forget(key)
        offered = offered_attributes(granted.rate, granted.devices, *offer)
        self._known[key] = Remembered(
            _guest(granted, user, mark),
            granted.package,
            offered,
            acct_session_id=values.get(_ACCT_SESSION_ID, b""),
        )
        self._of_pass.add(granted.pass_id, key)
        for each in too_many(self._known, MOST):
            self._forget(each)

    def forget_passes(self, pass_ids: Iterable[int], heard_at: Instant | None = None) -> None:
        """These passes were changed, or their sessions were: by others, if `heard_at` tells when that was heard."""
        for pass_id in pass_ids:
            for key in self._of_pass.of(pass_id):
                self._forget(key)
            if heard_at is not None:
                self._changed_at[pass_id] = heard_at
                if len(self._changed_at) > MOST_CHANGED:
                    self._changed_at.popitem(last=False)

    def clear(self, heard_at: Instant | None = None) -> None:
        """Anything may have changed, as was heard at `heard_at`."""
        if heard_at is not None:
            self._cleared_at = heard_at
        self._known.clear()
        self._of_pass.clear()

    def _forget(self, key: Key) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            self._of_pass.discard(_read(known.guest)[0], key)

    # What is answered

    def answer(self, request: Request) -> Reply | None:
        """The Access-Accept for a device that comes back; None if the store must be asked."""
        if not 0 <= request.at - self._seen_at <= TRUSTED_FOR:
            return None
        values = request.packet.values
        key = _key(request.router.id, values.get(_USER_NAME, b""), values.get(_CALLING_STATION_ID, b""))
        known = self._known.get(key)
        if known is None or _EAP_MESSAGE in values:
            return None
        acct_session_id = values.get(_ACCT_SESSION_ID, b"")
        if request.router.is_mikrotik and acct_session_id[_BOOT_DIGIT] != known.acct_session_id[_BOOT_DIGIT]:
            return None  # the router was started anew, and whoever was here before is not any more
        _, session_id, _, _, ends_at, passwords, mark = _read(known.guest)
        if not self._is_the_guest(request, passwords, mark):
            return None
        time = None
        if ends_at is not None:
            time = whole_seconds_between(request.at, ends_at)
            if time == 0:
                return None
        if not known.named:
            known.named = class_attribute(session_id, classes.NOBODY, self._key)
        if not known.times:
            known.since = request.at
            self._untold[known] = key
        known.times += 1
        known.acct_session_id = acct_session_id
        return Reply(Code.ACCESS_ACCEPT, known.named + known.offered + timed_attributes(known.package, time))

    def stopped(self, router_id: int, values: Mapping[int, bytes], *, may_end: bool) -> bool:
        """A Stop of this device came, by which its session `may_end`: whether the device was let in again since.

        Else it is let in from here no more: the Stop is on its way to the store.
        """
        key = _key(router_id, values.get(_USER_NAME, b""), values.get(_CALLING_STATION_ID, b""))
        known = self._known.get(key)
        if known is None:
            return False
        if known.acct_session_id and known.acct_session_id != values.get(_ACCT_SESSION_ID):
            return True
        if may_end:
            self._forget(key)
        return False

    def _is_the_guest(self, request: Request, passwords: tuple[bytes, ...], mark: bytes) -> bool:
        values = request.packet.values
        hidden = values.get(_USER_PASSWORD)
        if hidden is not None:
            password = reveal(hidden, request.router.secret, request.packet.authenticator)
            if mark:
                return compare_digest(mark, self._mark(password))
            return is_one_of(password, passwords)
        response = values.get(_CHAP_PASSWORD)
        if response is None or len(response) != 17:
            return False
        challenge = values.get(_CHAP_CHALLENGE, request.packet.authenticator)
        return sum(is_chap_answer(response, each, challenge) for each in passwords) > 0

    def _mark(self, password: bytes) -> bytes:
        return hmac_digest(self._key, password, "sha256")

    # What is told later

    def untold(self, most: int) -> list[Decision]:
        """Decisions about devices that were answered from here, the longest untold first; told with this."""
        decisions = []
        for known in list(islice(self._untold, most)):
            decisions.append(_told(self._untold.pop(known), known))
            known.times = 0
        return decisions


def _told(key: Key, known: Remembered) -> Decision:
    router_id, user, station = _names(key)
    _, session_id, account_id, account, *_ = _read(known.guest)
    device = device_of(station)
    why = fact("came_back", device=device, session_id=session_id, times=known.times)
    return Decision(
        at=known.since,
        verdict="accepted",
        reason="granted",
        name=decode_text(user) if account is None else account,
        device=device or None,
        router_id=router_id,
        account_id=account_id,
        session_id=session_id,
        facts=(why,),
    )


def _follows_from_the_clock(granted: Granted) -> bool:
    """Whether its end is all that must be known to tell what is left of it; so it is of all that are repeatable."""
    return granted.data is None and (granted.ends_at is not None or granted.time is None)


def _guest(granted: Granted, user: bytes, mark: bytes) -> bytes:
    account = None if granted.account.encode() == user else granted.account
    guest: _Guest = (
        granted.pass_id, granted.session_id, granted.account_id, account, granted.ends_at, granted.passwords, mark
    )  # fmt: skip
    return _written(guest)


def _key(router_id: int, user: bytes, station: bytes) -> Key:
    return _BEFORE_NAMES.pack(router_id, len(user)) + user + station


def _names(key: Key) -> tuple[int, bytes, bytes]:
    """What `_key` was made of."""
    router_id, length = _BEFORE_NAMES.unpack_from(key)
    names = key[_BEFORE_NAMES.size :]
    return router_id, names[:length], names[length:]
