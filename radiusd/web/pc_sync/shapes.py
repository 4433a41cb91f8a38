"""The forms an event of a PC system may come in: the present one, and older ones that a branch may switch on.

name          where the signature is            the body
(present)     header X-PC-Signature             event_type, pc_user_id, timestamp, location_id
short         header X-PC-Signature             pc_user_id, event = LOGOUT
signed-body   `signature` in the body           event = PC_LOGOUT, username, location_id, timestamp, signature
webhook       `signature` in the body           event = logout, user_id, location_id, [timestamp,] signature
template      header X-Webhook-Signature        event, timestamp, data = {pc_user_id, location_id}
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from attrs import frozen

from policy.quantities import Instant

SHORT, SIGNED_BODY, WEBHOOK, TEMPLATE = "short", "signed-body", "webhook", "template"
OLDER = (SHORT, SIGNED_BODY, WEBHOOK, TEMPLATE)

_A_SECOND = 999

# A store does not keep the character NUL in a text.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern="^[^\\x00]*$")]
Kind = Literal["USER_LOGOUT", "USER_LOGIN", "BALANCE_UPDATE"]


class Unreadable(Exception):
    """The event is signed as it should be, and cannot be understood; the message says where and why."""


@frozen
class PcSyncEvent:
    """An event of the PC system. `timestamp` is ISO 8601 with its offset from UTC, as in 2026-02-16T10:30:00.123Z."""

    event_type: Kind
    pc_user_id: Name
    timestamp: str
    location_id: Name


@frozen
class Short:
    """Form `short`: only logouts, and without a time."""

    pc_user_id: Name
    event: Literal["LOGOUT"]


@frozen
class SignedBody:
    """Form `signed-body`."""

    event: Literal["PC_LOGOUT"]
    username: Name
    location_id: Name
    timestamp: str
    signature: str


@frozen
class Webhook:
    """Form `webhook`, with a time or without."""

    event: Literal["logout"]
    user_id: Name
    location_id: Name
    signature: str
    timestamp: str | None = None


@frozen
class About:
    """Whom a `template` is about."""

    pc_user_id: Name
    location_id: Name


@frozen
class Template:
    """Form `template`."""

    event: Kind
    timestamp: str
    data: About


@frozen(kw_only=True)
class Report:
    """What every form says. `location_id` is None where the form has none, `happened_at` where it has no time.

    `latest` is the end of the second where the time was given in whole seconds: a session that began within that
    second is meant as well.
    """

    kind: str
    pc_user_id: str
    location_id: str | None = None
    happened_at: Instant | None = None
    latest: Instant | None = None


def read(body: bytes) -> Report:
    """An event in the present form. Raises Unreadable."""
    event = _decoded(body, PcSyncEvent)
    return _report(event.event_type, event.pc_user_id, event.location_id, event.timestamp)


def read_short(body: bytes) -> Report:
    """An event in the form `short`. Raises Unreadable."""
    return Report(kind="USER_LOGOUT", pc_user_id=_decoded(body, Short).pc_user_id)


def read_older(body: bytes) -> tuple[str, Report, str | None]:
    """An event in one of the forms without X-PC-Secret: which, what it says, and the signature in its body.

    Raises Unreadable if it is none of them.
    """
    for name, kind, told in _READERS:
        try:
            event = _decoded(body, kind)
        except Unreadable:
            continue
        return name, told(event), getattr(event, "signature", None)
    raise Unreadable("the body is none of the forms of an event")


def signed_text(body: bytes) -> bytes:
    """What a `signature` in the body is over: the other fields as JSON, keys sorted, without spaces.

    Raises Unreadable for what cannot be told again: a number of thousands of digits, half a pair of surrogates.
    """
    try:
        fields: Mapping[str, Any] = json.loads(body)
        rest = {key: value for key, value in fields.items() if key != "signature"}
        return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _decoded(body: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=kind, strict=True)
    except ValueError as error:  # msgspec's own errors, and a body that is not UTF-8
        raise Unreadable(str(error)) from error
    except RecursionError as error:
        raise Unreadable("the JSON is nested too deep") from error


def _report(kind: str, user: str, location_id: str, timestamp: str | None) -> Report:
    if timestamp is None:
        return Report(kind=kind, pc_user_id=user, location_id=location_id)
    happened_at = read_time(timestamp)
    latest = happened_at if happened_at % 1000 else Instant(happened_at + _A_SECOND)
    return Report(kind=kind, pc_user_id=user, location_id=location_id, happened_at=happened_at, latest=latest)


def read_time(text: str) -> Instant:
    """ISO 8601 with its offset from UTC. Raises Unreadable."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("timestamp: expected ISO 8601, as in 2026-02-16T10:30:00Z - at `$.timestamp`") from error
    if at.utcoffset() is None:
        raise Unreadable("timestamp: say the offset from UTC, as in 2026-02-16T10:30:00+07:00 - at `$.timestamp`")
    return Instant(int(at.timestamp() * 1000))


_READERS: tuple[tuple[str, type[Any], Callable[[Any], Report]], ...] = (
    (SIGNED_BODY, SignedBody, lambda it: _report("USER_LOGOUT", it.username, it.location_id, it.timestamp)),
    (WEBHOOK, Webhook, lambda it: _report("USER_LOGOUT", it.user_id, it.location_id, it.timestamp)),
    (TEMPLATE, Template, lambda it: _report(it.event, it.data.pc_user_id, it.data.location_id, it.timestamp)),
)
