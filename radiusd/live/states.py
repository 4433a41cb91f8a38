"""What is told of a session, and how it goes to Redis."""

from collections.abc import Iterable
from typing import Any

import msgspec
from attrs import frozen

from policy.quantities import DAY, Instant
from policy.session import Phase, Session
from policy.usage import Usage
from radiusd.web.times import iso

FRESH = 60_000
"""Milliseconds in which a start or an end is news, though Redis has never heard of the session."""
_LINGERS = 60
_ENDED_FOR = 120
"""Seconds that an ended session stays: for as long as its end is news, so that it is told once."""


@frozen(kw_only=True)
class State:
    """An active session, or one that has ended, as the store had it at `at`.

    `version` goes up with every change. `granted`: seconds and octets its pass holds, None for no limit. `router` is
    None while it has no connection, `ends_at` while there is no end in sight.
    """

    session: Session
    version: int
    at: Instant
    account: str
    branch: str
    package: str
    router: str | None = None
    login: str | None = None
    granted: tuple[int | None, int | None] = (None, None)
    ends_at: Instant | None = None
    remaining: int | None = None
    last_heartbeat: Instant | None = None


def encode(states: Iterable[State], expiring: int) -> bytes:
    """A JSON list of them, for the script; `expiring`: seconds before its end in which a session is about to end."""
    return msgspec.json.encode([_record(each, expiring) for each in states])


def _record(state: State, expiring: int) -> dict[str, Any]:
    session = state.session
    moment = session.started_at if session.is_active else session.ended_at
    rest = None if state.ends_at is None else state.ends_at - state.at
    return {
        "id": session.id,
        "version": state.version,
        "at": state.at,
        "phase": session.phase.value,
        "channel": "expired" if session.phase is Phase.EXPIRED else "stopped",
        "is_fresh": moment is not None and state.at - moment <= FRESH,
        "is_soon": session.is_active and rest is not None and rest <= expiring * 1000,
        "life": _life(rest) if session.is_active else _ENDED_FOR,
        "fields": {name: str(value) for name, value in _fields(state).items() if value is not None},
    }


def _life(rest: int | None) -> int:
    return DAY if rest is None else min(max(rest, 0) // 1000 + _LINGERS, DAY)


def _fields(state: State) -> dict[str, Any]:
    session, used = state.session, state.session.used
    return {
        "session_id": session.id,
        "phase": session.phase.value,
        "account": state.account,
        "login": state.login,
        "device": session.device,
        "branch": state.branch,
        "router": state.router,
        "package": state.package,
        "pass_id": session.pass_id,
        "started_at": _told(session.started_at),
        "ends_at": _told(state.ends_at),
        "remaining_seconds": state.remaining,
        "ended_at": _told(session.ended_at),
        "end_reason": None if session.end_reason is None else session.end_reason.value,
        "granted_seconds": state.granted[0],
        "granted_octets": state.granted[1],
        **_usage(used),
        "last_heartbeat": _told(state.last_heartbeat),
        "updated_at": _told(state.at),
    }


def _usage(used: Usage) -> dict[str, int]:
    return {
        "used": used.octets,
        "uploaded": used.uploaded,
        "downloaded": used.downloaded,
        "seconds_online": used.seconds,
    }


def _told(at: Instant | None) -> str | None:
    return None if at is None else iso(at)
