"""Passes, sessions and connections between their rows and their values."""

import json
from typing import Any

from sqlalchemy import RowMapping

from policy.connection import Closing, Connection, ConnectionState
from policy.passes import Pass
from policy.quantities import Instant
from policy.session import EndReason, Phase, Session
from policy.usage import Counters, Sample, Usage
from radiusd.store import terms

Row = RowMapping


def _usage(row: Row) -> Usage:
    return Usage(row["uploaded"], row["downloaded"], row["seconds"])


def _usage_columns(used: Usage) -> dict[str, int]:
    return {"uploaded": used.uploaded, "downloaded": used.downloaded, "seconds": used.seconds}


def pass_from_row(row: Row) -> Pass:
    """A row of `passes`."""
    return Pass(
        id=row["id"],
        account_id=row["account_id"],
        terms=terms.from_columns(row["package"], row),
        sold_at=row["sold_at"],
        first_login_at=row["first_login_at"],
        extra_time=row["extra_time"],
        extra_data=row["extra_data"],
        used=_usage(row),
        held=row["held"],
        paused_at=row["paused_at"],
        paused_for=row["paused_for"],
    )


def new_pass_row(bought: Pass) -> dict[str, Any]:
    """What never changes of a pass, and the rest."""
    return {
        "id": bought.id,
        "account_id": bought.account_id,
        "package": bought.terms.name,
        **terms.to_columns(bought.terms),
        "sold_at": bought.sold_at,
        **changed_pass_row(bought, wake_at=None, is_open=True),
    }


def changed_pass_row(bought: Pass, *, wake_at: Instant | None, is_open: bool) -> dict[str, Any]:
    """What may change of a pass."""
    return {
        "first_login_at": bought.first_login_at,
        "extra_time": bought.extra_time,
        "extra_data": bought.extra_data,
        **_usage_columns(bought.used),
        "held": bought.held,
        "paused_at": bought.paused_at,
        "paused_for": bought.paused_for,
        "is_open": is_open,
        "wake_at": wake_at,
    }


def session_from_row(row: Row) -> Session:
    """A row of `sessions`."""
    reason = row["end_reason"]
    return Session(
        id=row["id"],
        pass_id=row["pass_id"],
        phase=Phase(row["phase"]),
        device=row["device"],
        slot=row["slot"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        end_reason=None if reason is None else EndReason(reason),
        used=_usage(row),
    )


def new_session_row(session: Session) -> dict[str, Any]:
    """What never changes of a session, and the rest."""
    return {
        "id": session.id,
        "pass_id": session.pass_id,
        "created_at": session.created_at,
        **changed_session_row(session),
    }


def changed_session_row(session: Session) -> dict[str, Any]:
    """What may change of a session."""
    return {
        "phase": session.phase.value,
        "device": session.device,
        "slot": session.slot,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "end_reason": session.end_reason and session.end_reason.value,
        **_usage_columns(session.used),
    }


def connection_key(router_id: int, nas: str, acct_session_id: str) -> str:
    """What an Acct-Session-Id is found by: only its own NAS's, and hexadecimal digits in either case."""
    return f"{router_id}/{nas}/{acct_session_id.lower()}"


def key_of(connection: Connection) -> str | None:
    """The key of a connection, None while its NAS has not named it."""
    name = connection.acct_session_id
    return None if name is None else connection_key(connection.router_id, connection.nas, name)


def connection_from_row(row: Row) -> Connection:
    """A row of `connections`."""
    closing = row["closing"]
    return Connection(
        id=row["id"],
        session_id=row["session_id"],
        router_id=row["router_id"],
        nas=row["nas"],
        nas_address=row["nas_address"],
        state=ConnectionState(row["state"]),
        user_name=row["user_name"],
        device=row["device"],
        acct_session_id=row["acct_session_id"],
        framed_ip_address=row["framed_ip_address"],
        boot=row["boot"],
        opened_at=row["opened_at"],
        started_at=row["started_at"],
        last_at=row["last_at"],
        closed_at=row["closed_at"],
        closing=None if closing is None else Closing(closing),
        terminate_cause=row["terminate_cause"],
        counters=_counters(row),
    )


def new_connection_row(connection: Connection) -> dict[str, Any]:
    """What never changes of a connection, and the rest."""
    return {
        "id": connection.id,
        "router_id": connection.router_id,
        "nas": connection.nas,
        "user_name": connection.user_name,
        "device": connection.device,
        "opened_at": connection.opened_at,
        **changed_connection_row(connection),
    }


def changed_connection_row(connection: Connection) -> dict[str, Any]:
    """What may change of a connection."""
    return {
        "session_id": connection.session_id,
        "state": connection.state.value,
        "nas_address": connection.nas_address,
        "acct_session_id": connection.acct_session_id,
        "key": key_of(connection),
        "framed_ip_address": connection.framed_ip_address,
        "boot": connection.boot,
        "started_at": connection.started_at,
        "last_at": connection.last_at,
        "closed_at": connection.closed_at,
        "closing": connection.closing and connection.closing.value,
        "terminate_cause": connection.terminate_cause,
        **_usage_columns(connection.counters.used),
        "loose": _loose(connection.counters),
    }


def _loose(counters: Counters) -> str | None:
    """The samples that are kept while a NAS leaves Gigawords out; None on every other."""
    if not counters.inexact:
        return None
    exact = counters.exact
    return json.dumps([exact and _triple(exact), [_triple(each) for each in counters.inexact]])


def _triple(sample: Sample) -> tuple[int, int, int]:
    return sample.seconds, sample.uploaded, sample.downloaded


def _counters(row: Row) -> Counters:
    if row["loose"] is None:
        return Counters(_usage(row))
    exact, inexact = json.loads(row["loose"])
    return Counters(_usage(row), exact and Sample(*exact), tuple(Sample(*each) for each in inexact))
