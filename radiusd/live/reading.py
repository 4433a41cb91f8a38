"""Reads from the store what is told of sessions. Nothing is locked, and everything is of one page at a time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, bindparam, or_, select

from policy.connection import Connection as Line
from policy.holding import Holding, gathered, left, wake_at
from policy.passes import Pass
from policy.quantities import Instant
from policy.session import Session
from radiusd.live.states import State
from radiusd.store.directory import Cafe
from radiusd.store.keys import among
from radiusd.store.rows import (
    CONNECTION,
    PASS,
    SESSION,
    connection_from_values,
    pass_from_values,
    session_from_values,
)
from radiusd.store.schema import IS_ACTIVE, accounts, connections, passes, routers, sessions

_ENDED_LATELY = 3_600_000
"""Milliseconds: an end may be of the time of a router's last packet, and be learned long after."""

# The passes before their sessions: what is read of these is never older than the version it is told with.
_PASSES = (
    select(*(passes.c[name] for name in PASS), passes.c.version, accounts.c.name, accounts.c.branch_id)
    .join_from(passes, accounts, passes.c.account_id == accounts.c.id)
    .where(among(passes.c.id))
)
_OF_PASSES = select(*(sessions.c[name] for name in SESSION)).where(
    among(sessions.c.pass_id), or_(IS_ACTIVE, sessions.c.ended_at > bindparam("since"))
)
_RUNNING = (
    select(*(connections.c[name] for name in CONNECTION), routers.c.name)
    .join_from(connections, routers, connections.c.router_id == routers.c.id)
    .where(among(connections.c.session_id), connections.c.state != "CLOSED")
    .order_by(connections.c.opened_at, connections.c.id)
)
_PASS_IDS = select(sessions.c.pass_id).where(among(sessions.c.id)).distinct()
_OF_IDS = select(*(sessions.c[name] for name in SESSION)).where(among(sessions.c.id))
_ACTIVE_PASSES = (
    select(sessions.c.pass_id)
    .where(IS_ACTIVE, sessions.c.pass_id > bindparam("after"))
    .distinct()
    .order_by(sessions.c.pass_id)
    .limit(bindparam("most"))
)
_ENDING = (
    select(passes.c.id)
    .where(passes.c.wake_at > bindparam("after"), passes.c.wake_at <= bindparam("until"))
    .order_by(passes.c.wake_at)
    .limit(bindparam("most"))
)


@frozen
class _Bought:
    """A row of a pass with whose it is."""

    bought: Pass
    version: int
    account: str
    branch_id: int


def of_passes(connection: Connection, ids: Collection[int], cafes: Mapping[int, Cafe], at: Instant) -> list[State]:
    """The active sessions of these passes, and those that ended lately."""
    bought = _bought(connection, ids)
    since = {"keys": list(bought), "since": at - _ENDED_LATELY}
    found = [session_from_values(row) for row in connection.execute(_OF_PASSES, since)] if bought else []
    return _states(connection, bought, found, cafes, at)


def of_sessions(connection: Connection, ids: Collection[int], cafes: Mapping[int, Cafe], at: Instant) -> list[State]:
    """These sessions, as far as there are such, whenever they ended."""
    keys = {"keys": list(ids)}
    bought = _bought(connection, connection.execute(_PASS_IDS, keys).scalars().all())
    # All that is active of a pass counts together, so it is read with whatever was asked for.
    of_passes = {"keys": list(bought), "since": at}
    active = [session_from_values(row) for row in connection.execute(_OF_PASSES, of_passes)]
    known = {each.id for each in active}
    others = [session_from_values(row) for row in connection.execute(_OF_IDS, keys)]
    found = [*active, *(each for each in others if each.id not in known and each.phase.is_final)]
    wanted = set(ids)
    return [each for each in _states(connection, bought, found, cafes, at) if each.session.id in wanted]


def active_passes(connection: Connection, after: int, most: int) -> list[int]:
    """The next passes with active sessions, by id."""
    return list(connection.execute(_ACTIVE_PASSES, {"after": after, "most": most}).scalars())


def ending(connection: Connection, after: Instant, until: Instant, most: int) -> list[int]:
    """Passes of which something ends between these instants, by time alone."""
    return list(connection.execute(_ENDING, {"after": after, "until": until, "most": most}).scalars())


def _bought(connection: Connection, ids: Collection[int]) -> dict[int, _Bought]:
    rows = connection.execute(_PASSES, {"keys": list(ids)}) if ids else ()
    return {row[0]: _Bought(pass_from_values(row[:-3]), *row[-3:]) for row in rows}


def _states(
    connection: Connection,
    bought: Mapping[int, _Bought],
    found: Sequence[Session],
    cafes: Mapping[int, Cafe],
    at: Instant,
) -> list[State]:
    lines: defaultdict[int, list[tuple[Line, str]]] = defaultdict(list)
    active = [each.id for each in found if each.is_active]
    for row in connection.execute(_RUNNING, {"keys": active}) if active else ():
        line = connection_from_values(row[:-1])
        lines[line.session_id or 0].append((line, row[-1]))
    of_pass: defaultdict[int, list[Session]] = defaultdict(list)
    for each in found:
        of_pass[each.pass_id].append(each)
    states: list[State] = []
    for pass_id, its in of_pass.items():
        if pass_id in bought and bought[pass_id].branch_id in cafes:
            states += _of_pass(bought[pass_id], its, lines, cafes[bought[pass_id].branch_id], at)
    return states


def _of_pass(
    row: _Bought, found: Sequence[Session], lines: Mapping[int, list[tuple[Line, str]]], cafe: Cafe, at: Instant
) -> list[State]:
    running = [line for each in found if each.id in lines for line, _ in lines[each.id]]
    holding = gathered(row.bought, found, running)
    branch = cafe.branch(at)
    common: dict[str, Any] = {
        "version": row.version,
        "at": at,
        "account": row.account,
        "branch": cafe.name,
        "package": row.bought.terms.name,
        "granted": (row.bought.time, row.bought.data),
    }
    ends_at, remaining = wake_at(holding, branch, at), left(holding, branch, at)
    return [_state(each, holding, lines, common, ends_at, remaining) for each in found]


def _state(
    session: Session,
    holding: Holding,
    lines: Mapping[int, list[tuple[Line, str]]],
    common: Mapping[str, Any],
    ends_at: Instant | None,
    remaining: int | None,
) -> State:
    session = holding.session(session.id)
    if not session.is_active:
        return State(session=session, **common)
    its = lines.get(session.id, [])
    line, router = its[-1] if its else (None, None)
    return State(
        session=session,
        router=router,
        login=None if line is None else line.user_name,
        ends_at=ends_at,
        remaining=remaining,
        last_heartbeat=max((each.last_at for each, _ in its), default=None),
        **common,
    )
