"""Passes, sessions and connections between their rows and their values."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from policy.connection import Closing, Connection, ConnectionState
from policy.package import Package
from policy.passes import Pass
from policy.quantities import Instant, Octets, Seconds
from policy.session import EndReason, Phase, Session
from policy.usage import NOTHING, Counters, Sample, Usage
from policy.values import maker
from radiusd.store import terms

Values = Sequence[Any]
"""A row, its columns in the order that is asked for."""

_pass, _session, _connection = maker(Pass), maker(Session), maker(Connection)
_UNCOUNTED = Counters()

_STATES = {each.value: each for each in ConnectionState}
_CLOSINGS: dict[str | None, Closing | None] = {None: None, **{each.value: each for each in Closing}}
_PHASES = {each.value: each for each in Phase}
_REASONS: dict[str | None, EndReason | None] = {None: None, **{each.value: each for each in EndReason}}

PASS = (
    "id", "account_id", "package", "sold_at", "first_login_at", "extra_time", "extra_data", "uploaded", "downloaded",
    "seconds", "held", "paused_at", "paused_for", *terms.COLUMNS,
)  # fmt: skip
"""The columns that `pass_from_values` takes, in this order; the terms are the last."""


def pass_from_values(row: Values) -> Pass:
    """A row of `passes`; what its open connections used is with them."""
    (
        id_, account_id, package, sold_at, first_login_at, extra_time, extra_data, uploaded, downloaded, seconds, held,
        paused_at, paused_for, *of_terms,
    ) = row  # fmt: skip
    return _pass(
        id_, account_id, terms.from_values(package, tuple(of_terms)), sold_at, first_login_at, extra_time, extra_data,
        usage(uploaded, downloaded, seconds), held, paused_at, paused_for,
    )  # fmt: skip


def sold_pass_from_values(row: Values, of_terms: Package) -> Pass:
    """A pass of the values that `pass_values` gave, and its terms."""
    (
        id_, account_id, sold_at, first_login_at, extra_time, extra_data, uploaded, downloaded, seconds, held,
        paused_at, paused_for,
    ) = row  # fmt: skip
    return _pass(
        id_, account_id, of_terms, sold_at, first_login_at, extra_time, extra_data,
        usage(uploaded, downloaded, seconds), held, paused_at, paused_for,
    )  # fmt: skip


def pass_values(bought: Pass) -> tuple[Any, ...]:
    """A pass but for its terms, by value."""
    used = bought.used
    return (
        bought.id, bought.account_id, bought.sold_at, bought.first_login_at, bought.extra_time, bought.extra_data,
        used.uploaded, used.downloaded, used.seconds, bought.held, bought.paused_at, bought.paused_for,
    )  # fmt: skip


def usage(uploaded: int, downloaded: int, seconds: int) -> Usage:
    """So much; nothing is the same value for all who have used nothing."""
    if uploaded or downloaded or seconds:
        return Usage(Octets(uploaded), Octets(downloaded), Seconds(seconds))
    return NOTHING


def _usage_columns(used: Usage) -> dict[str, int]:
    return {"uploaded": used.uploaded, "downloaded": used.downloaded, "seconds": used.seconds}


CHANGED_PASS = (
    "first_login_at", "extra_time", "extra_data", "uploaded", "downloaded", "seconds", "held", "paused_at",
    "paused_for", "is_open", "wake_at",
)  # fmt: skip
"""What may change of a pass."""


def changed_pass(bought: Pass, settled: Usage, *, wake_at: Instant | None, is_open: bool) -> tuple[Any, ...]:
    """The values of CHANGED_PASS; `settled` is what connections used that are not open."""
    return (
        bought.first_login_at, bought.extra_time, bought.extra_data, settled.uploaded, settled.downloaded,
        settled.seconds, bought.held, bought.paused_at, bought.paused_for, is_open, wake_at,
    )  # fmt: skip


def new_pass_row(bought: Pass, wake_at: Instant | None) -> dict[str, Any]:
    """A pass that was just sold, by column."""
    return {
        "id": bought.id,
        "account_id": bought.account_id,
        "package": bought.terms.name,
        **terms.to_columns(bought.terms),
        "sold_at": bought.sold_at,
        **dict(zip(CHANGED_PASS, changed_pass(bought, bought.used, wake_at=wake_at, is_open=True), strict=True)),
    }


SESSION = (
    "id", "pass_id", "phase", "device", "slot", "created_at", "started_at", "ended_at", "end_reason",
    "uploaded", "downloaded", "seconds",
)  # fmt: skip
"""The columns that `session_from_values` takes, in this order."""


def session_from_values(row: Values) -> Session:
    """A row of `sessions`; what its open connections used is with them."""
    (
        id_, pass_id, phase, device, slot, created_at, started_at, ended_at, end_reason, uploaded, downloaded, seconds
    ) = row  # fmt: skip
    return _session(
        id_, pass_id, _PHASES[phase], device, slot, created_at, started_at, ended_at, _REASONS[end_reason],
        usage(uploaded, downloaded, seconds),
    )  # fmt: skip


def session_values(session: Session) -> tuple[Any, ...]:
    """What `session_from_values` makes the same session of."""
    used, reason = session.used, session.end_reason
    return (
        session.id, session.pass_id, session.phase.value, session.device, session.slot, session.created_at,
        session.started_at, session.ended_at, None if reason is None else reason.value,
        used.uploaded, used.downloaded, used.seconds,
    )  # fmt: skip


CHANGED_SESSION = (
    "phase", "device", "slot", "started_at", "ended_at", "end_reason", "uploaded", "downloaded", "seconds",
)  # fmt: skip
"""What may change of a session."""


def changed_session(session: Session, settled: Usage) -> tuple[Any, ...]:
    """The values of CHANGED_SESSION; `settled` is what connections used that are not open."""
    reason = session.end_reason
    return (
        session.phase.value, session.device, session.slot, session.started_at, session.ended_at,
        None if reason is None else reason.value, settled.uploaded, settled.downloaded, settled.seconds,
    )  # fmt: skip


NEW_SESSION = ("id", "pass_id", "created_at", *CHANGED_SESSION)
"""All columns of a session."""


def new_session(session: Session, settled: Usage) -> tuple[Any, ...]:
    """The values of NEW_SESSION."""
    return (session.id, session.pass_id, session.created_at, *changed_session(session, settled))


def new_session_row(session: Session) -> dict[str, Any]:
    """A session nobody has used yet, by column."""
    return dict(zip(NEW_SESSION, new_session(session, session.used), strict=True))


def connection_key(router_id: int, nas: str, acct_session_id: str) -> str:
    """What an Acct-Session-Id is found by: only its own NAS's, and hexadecimal digits in either case."""
    return f"{router_id}/{nas}/{acct_session_id.lower()}"


def key_of(connection: Connection) -> str | None:
    """The key of a connection, None while its NAS has not named it."""
    name = connection.acct_session_id
    return None if name is None else connection_key(connection.router_id, connection.nas, name)


CONNECTION = (
    "id", "session_id", "router_id", "nas", "nas_address", "state", "user_name", "device", "acct_session_id",
    "framed_ip_address", "boot", "opened_at", "started_at", "last_at", "closed_at", "closing", "terminate_cause",
    "uploaded", "downloaded", "seconds", "loose",
)  # fmt: skip
"""The columns that `connection_from_values` takes, in this order."""


def connection_from_row(row: RowMapping) -> Connection:
    """A row of `connections`, whatever else is in it."""
    return connection_from_values([row[name] for name in CONNECTION])


def connection_from_values(row: Values) -> Connection:
    """A row of `connections`."""
    (
        id_, session_id, router_id, nas, nas_address, state, user_name, device, acct_session_id, framed_ip_address,
        boot, opened_at, started_at, last_at, closed_at, closing, terminate_cause, uploaded, downloaded, seconds, loose,
    ) = row  # fmt: skip
    return _connection(
        id_, session_id, router_id, nas, nas_address, _STATES[state], user_name, device, acct_session_id,
        framed_ip_address, boot, opened_at, started_at, last_at, closed_at, _CLOSINGS[closing], terminate_cause,
        _counters(usage(uploaded, downloaded, seconds), loose),
    )  # fmt: skip


def connection_values(connection: Connection) -> tuple[Any, ...]:
    """What `connection_from_values` makes the same connection of."""
    each, used, closing = connection, connection.counters.used, connection.closing
    return (
        each.id, each.session_id, each.router_id, each.nas, each.nas_address, each.state.value, each.user_name,
        each.device, each.acct_session_id, each.framed_ip_address, each.boot, each.opened_at, each.started_at,
        each.last_at, each.closed_at, None if closing is None else closing.value, each.terminate_cause,
        used.uploaded, used.downloaded, used.seconds, _loose(each.counters),
    )  # fmt: skip


COUNTED = (
    "uploaded",
    "downloaded",
    "seconds",
    "last_at",
    "started_at",
    "state",
    "closed_at",
    "closing",
    "terminate_cause",
)
"""What its Start, Interim-Updates and Stop change of a connection."""


GOES_ON = (None, "OPEN", None, None, None)
"""The last values of COUNTED for a connection of which an Interim-Update says nothing but what it used."""


def counted(connection: Connection) -> tuple[Any, ...]:
    """The values of COUNTED."""
    used, closing = connection.counters.used, connection.closing
    return (
        used.uploaded, used.downloaded, used.seconds, connection.last_at, connection.started_at,
        connection.state.value, connection.closed_at, None if closing is None else closing.value,
        connection.terminate_cause,
    )  # fmt: skip


DESCRIBED = ("session_id", "nas_address", "acct_session_id", "key", "framed_ip_address", "boot", "loose")
"""What else may change of it, once or never."""


def described(connection: Connection) -> tuple[Any, ...]:
    """The values of DESCRIBED."""
    return (
        connection.session_id, connection.nas_address, connection.acct_session_id, key_of(connection),
        connection.framed_ip_address, connection.boot, _loose(connection.counters),
    )  # fmt: skip


NEW_CONNECTION = ("id", "router_id", "nas", "user_name", "device", "opened_at", *DESCRIBED, *COUNTED)
"""All columns of a connection."""


def new_connection(connection: Connection) -> tuple[Any, ...]:
    """The values of NEW_CONNECTION."""
    each = connection
    named = (each.id, each.router_id, each.nas, each.user_name, each.device, each.opened_at)
    return (*named, *described(each), *counted(each))


def _loose(counters: Counters) -> str | None:
    """The samples that are kept while a NAS leaves Gigawords out; None on every other."""
    if not counters.inexact:
        return None
    exact = counters.exact
    return json.dumps([exact and _triple(exact), [_triple(each) for each in counters.inexact]])


def _triple(sample: Sample) -> tuple[int, int, int]:
    return sample.seconds, sample.uploaded, sample.downloaded


def _counters(used: Usage, loose: str | None) -> Counters:
    if loose is None:
        return _UNCOUNTED if used is NOTHING else Counters(used)
    exact, inexact = json.loads(loose)
    return Counters(used, exact and Sample(*exact), tuple(Sample(*each) for each in inexact))
