"""Sessions as an administrator sees them, with their latest connection and what became of a cut."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping, Select, select

from policy.holding import Holding, left
from policy.quantities import Instant
from policy.session import Phase
from radiusd.store import holdings
from radiusd.store.directory import Cafe, cafe_from_row
from radiusd.store.keys import among
from radiusd.store.schema import IS_ACTIVE, accounts, branches, commands, connections, logins, passes, routers, sessions

Record = dict[str, Any]


@frozen(kw_only=True)
class Wanted:
    """Which sessions; None leaves it open."""

    session_id: int | None = None
    phase: str | None = None
    account_id: int | None = None
    branch_id: int | None = None
    device: str | None = None


_SESSIONS = (
    select(
        sessions,
        accounts.c.name.label("account"),
        accounts.c.branch_id,
        logins.c.name.label("own_login"),
    )
    .join_from(sessions, passes, sessions.c.pass_id == passes.c.id)
    .join(accounts, passes.c.account_id == accounts.c.id)
    .outerjoin(logins, logins.c.pass_id == passes.c.id)
)
_CONNECTIONS = (
    select(connections, routers.c.name.label("router"))
    .join_from(connections, routers, connections.c.router_id == routers.c.id)
    .where(among(connections.c.session_id))
)
_COMMANDS = (
    select(commands, connections.c.session_id)
    .join_from(connections, commands, commands.c.connection_id == connections.c.id)
    .where(among(connections.c.session_id))
)


def list_sessions(connection: Connection, wanted: Wanted, limit: int, at: Instant) -> list[Record]:
    """Sessions, the newest first; `time_left` is that of the pass at `at`, 0 once the session has ended."""
    found = connection.execute(_query(wanted).limit(limit)).mappings().all()
    ids = [row["id"] for row in found]
    lines, orders = _connections(connection, ids), _commands(connection, ids)
    live = holdings.look_at(connection, {row["pass_id"] for row in found})
    cafes = {row["id"]: cafe_from_row(row) for row in connection.execute(select(branches)).mappings()}
    return [
        _record(row, live[row["pass_id"]], cafes[row["branch_id"]], lines[row["id"]], orders[row["id"]], at)
        for row in found
    ]


def show_session(connection: Connection, session_id: int, at: Instant) -> Record | None:
    """One session with all its connections and commands, None if there is none."""
    found = list_sessions(connection, Wanted(session_id=session_id), 1, at)
    if not found:
        return None
    lines = _connections(connection, [session_id])[session_id]
    orders = _commands(connection, [session_id])[session_id]
    return {
        **found[0],
        "connections": [_connection_record(each) for each in lines],
        "commands": [_command_record(each) for each in orders],
    }


def _query(wanted: Wanted) -> Select[Any]:
    query = _SESSIONS
    if wanted.session_id is not None:
        query = query.where(sessions.c.id == wanted.session_id)
    if wanted.account_id is not None:
        query = query.where(passes.c.account_id == wanted.account_id)
    if wanted.branch_id is not None:
        query = query.where(accounts.c.branch_id == wanted.branch_id)
    if wanted.device is not None:
        query = query.where(sessions.c.device == wanted.device)
    if wanted.phase == Phase.ACTIVE.value:
        return query.where(IS_ACTIVE).order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
    if wanted.phase is not None:
        query = query.where(sessions.c.phase == wanted.phase)
    return query.order_by(sessions.c.id.desc())


def _connections(connection: Connection, session_ids: Sequence[int]) -> Mapping[int, list[Record]]:
    """The connections of each session, oldest first."""
    return _by_session(connection, _CONNECTIONS.order_by(connections.c.opened_at, connections.c.id), session_ids)


def _commands(connection: Connection, session_ids: Sequence[int]) -> Mapping[int, list[Record]]:
    return _by_session(connection, _COMMANDS.order_by(commands.c.created_at, commands.c.id), session_ids)


def _by_session(connection: Connection, query: Select[Any], session_ids: Sequence[int]) -> Mapping[int, list[Record]]:
    found: defaultdict[int, list[Record]] = defaultdict(list)
    for row in connection.execute(query, {"keys": list(session_ids)}).mappings() if session_ids else ():
        found[row["session_id"]].append(dict(row))
    return found


def _record(
    row: RowMapping,
    holding: Holding,
    cafe: Cafe,
    lines: Sequence[Record],
    orders: Sequence[Record],
    at: Instant,
) -> Record:
    bought = holding.bought
    latest = lines[-1] if lines else {}
    has_ended = row["end_reason"] is not None
    return {
        "id": row["id"],
        "phase": row["phase"],
        "end_reason": row["end_reason"],
        "account": row["account"],
        "login": latest.get("user_name") or row["own_login"] or row["account"],
        "device": row["device"],
        "branch": cafe.name,
        "router": latest.get("router"),
        "package": bought.terms.name,
        "pass_id": bought.id,
        "created_at": row["created_at"],
        "started_at": row["started_at"],
        "ended_at": row["ended_at"],
        "time_left": 0 if has_ended else left(holding, cafe.branch(at), at),
        "data_used": bought.used.octets,
        "data_limit": bought.data,
        "uploaded": _used(row, lines, "uploaded"),
        "downloaded": _used(row, lines, "downloaded"),
        "seconds_online": _used(row, lines, "seconds"),
        "slot": row["slot"],
        "devices": bought.terms.devices,
        "acct_session_id": latest.get("acct_session_id"),
        "framed_ip_address": latest.get("framed_ip_address"),
        "rate_up": bought.terms.rate and bought.terms.rate.up,
        "rate_down": bought.terms.rate and bought.terms.rate.down,
        "held": bought.held,
        "online": any(holding.running(row["id"])),
        "cut": next((outcome(each) for each in reversed(orders) if each["kind"] == "cut"), None),
    }


def _used(row: RowMapping, lines: Sequence[Record], what: str) -> int:
    """What an open connection used is kept with it alone."""
    return int(row[what]) + sum(int(each[what]) for each in lines if each["state"] == "OPEN")


def outcome(row: Record) -> str:
    """What became of a command: `waiting` until something is known; `not cut` is tried again until it is."""
    told: str = row["outcome"] or "waiting"
    return told


def _connection_record(row: Record) -> Record:
    kept = (
        "id", "router", "nas", "state", "user_name", "device", "acct_session_id", "framed_ip_address",
        "opened_at", "started_at", "last_at", "closed_at", "closing", "terminate_cause",
        "uploaded", "downloaded", "seconds",
    )  # fmt: skip
    return {name: row[name] for name in kept}


def _command_record(row: Record) -> Record:
    kept = ("id", "kind", "connection_id", "created_at", "attempts", "evidence", "decided_at", "elapsed", "alerted_at")
    asked = json.loads(row["attributes"]) if row["attributes"] else {}
    is_open = row["due_at"] is not None
    return {**{name: row[name] for name in kept}, "attributes": asked, "outcome": outcome(row), "is_open": is_open}
