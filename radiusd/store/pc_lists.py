"""What PC systems reported, and what came of it, for whoever asks."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping, Select, or_, select

from policy.cut import Outcome
from policy.quantities import Instant
from policy.session import EndReason
from radiusd.store import naming
from radiusd.store.errors import NotFound
from radiusd.store.keys import among
from radiusd.store.pc_schema import pc_events, pc_presences, pc_refusals, pc_systems, pc_users
from radiusd.store.schema import accounts, branches, commands, connections, decisions
from radiusd.store.session_list import outcome

Record = dict[str, Any]

_PROVEN = {Outcome.CONFIRMED.value, Outcome.GONE.value}
_EVENTS = select(pc_events, branches.c.name.label("branch")).join_from(
    pc_events, branches, pc_events.c.branch_id == branches.c.id
)
_PC_USERS = (select(pc_events.c.pc_user_id), select(pc_users.c.pc_user_id))
_TIED = (
    select(pc_users.c.pc_user_id, pc_systems.c.branch_id)
    .join_from(pc_users, accounts, pc_users.c.account_id == accounts.c.id)
    .join(pc_systems, pc_systems.c.realm == pc_users.c.realm)
)
_ENDED = select(decisions.c.at, decisions.c.session_id, decisions.c.facts).where(
    decisions.c.verdict == "ended", decisions.c.reason == EndReason.PC_LOGOUT.value, among(decisions.c.at)
)
_CUTS = (
    select(commands, connections.c.session_id)
    .join_from(connections, commands, commands.c.connection_id == connections.c.id)
    .where(commands.c.kind == "cut", among(connections.c.session_id))
    .order_by(commands.c.id)
)
_PRESENT = (
    select(pc_presences, accounts.c.name.label("account"))
    .join_from(pc_presences, pc_systems, pc_systems.c.branch_id == pc_presences.c.branch_id)
    .outerjoin(
        pc_users, (pc_users.c.pc_user_id == pc_presences.c.pc_user_id) & (pc_users.c.realm == pc_systems.c.realm)
    )
    .outerjoin(accounts, accounts.c.id == pc_users.c.account_id)
)


@frozen(kw_only=True)
class Wanted:
    """Which events: those of these branches, and those about these PC users; None leaves it open."""

    branch_ids: Collection[int] | None = None
    pc_users: Collection[str] | None = None


def find(connection: Connection, name: str) -> Wanted:
    """Whose events are meant by `name`: a branch's, else a PC user's, else those of an account. Raises NotFound."""
    branch_id = connection.execute(select(branches.c.id).where(branches.c.name == name)).scalar()
    if branch_id is not None:
        return Wanted(branch_ids=[branch_id])
    if any(connection.execute(each.where(each.selected_columns[0] == name).limit(1)).first() for each in _PC_USERS):
        return Wanted(pc_users=[name])
    tied = connection.execute(_TIED.where(accounts.c.name == name)).all()
    if not tied:
        raise NotFound(
            f"{name!r} is no branch, no PC user, and no account that is tied to one"
            + naming.suggestion(connection, branches, name)
        )
    return Wanted(branch_ids={row.branch_id for row in tied}, pc_users={row.pc_user_id for row in tied})


def list_events(connection: Connection, wanted: Wanted, limit: int) -> list[Record]:
    """Events, the newest first.

    `lateness` is how many milliseconds after the event it was received, by the PC system's clock and ours. `cuts` are
    the disconnects a logout asked for; `took` is how many milliseconds after it was received the last was proven.
    """
    found = connection.execute(_query(wanted).limit(limit)).mappings().all()
    cuts = _cuts_of(connection, found)
    return [_event(row, cuts[row["id"]]) for row in found]


def _query(wanted: Wanted) -> Select[Any]:
    query = _EVENTS.order_by(pc_events.c.id.desc())
    if wanted.branch_ids is not None:
        query = query.where(pc_events.c.branch_id.in_(wanted.branch_ids))
    if wanted.pc_users is not None:
        query = query.where(pc_events.c.pc_user_id.in_(wanted.pc_users))
    return query


def _event(row: RowMapping, cuts: Sequence[Record]) -> Record:
    kept = ("id", "branch", "kind", "pc_user_id", "happened_at", "received_at", "source", "effect")
    return {
        **{name: row[name] for name in kept},
        "sessions_terminated": row["sessions_terminated"],
        "lateness": row["received_at"] - row["happened_at"],
        "outcome": _summed_up([each["outcome"] for each in cuts]),
        "took": max((each["elapsed"] for each in cuts), default=None) if all(map(_is_proven, cuts)) else None,
        "cuts": list(cuts),
    }


def _is_proven(cut: Record) -> bool:
    return cut["outcome"] in _PROVEN


def _summed_up(outcomes: Sequence[str]) -> str | None:
    """One outcome where all are alike, else how many there are of each."""
    if len(set(outcomes)) < 2:
        return next(iter(outcomes), None)
    return ", ".join(f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes))


def _cuts_of(connection: Connection, found: Sequence[RowMapping]) -> Mapping[int, list[Record]]:
    """By event id. An end and its orders carry the very instant at which the event was received."""
    ending = [row for row in found if row["sessions_terminated"]]
    sessions_of = _sessions_of(connection, {row["received_at"] for row in ending})
    ids = sorted({each for some in sessions_of.values() for each in some})
    orders: defaultdict[tuple[int, int], list[Record]] = defaultdict(list)
    for row in connection.execute(_CUTS, {"keys": ids}).mappings() if ids else ():
        orders[row["session_id"], row["created_at"]].append(_cut(row))
    return defaultdict(
        list,
        {
            row["id"]: [
                cut
                for session_id in sessions_of[row["received_at"], row["pc_user_id"], row["branch"]]
                for cut in orders[session_id, row["received_at"]]
            ]
            for row in ending
        },
    )


def _sessions_of(connection: Connection, instants: Collection[Instant]) -> Mapping[tuple[int, str, str], list[int]]:
    """The sessions that ended at these instants, by instant, PC user and branch."""
    found: defaultdict[tuple[int, str, str], list[int]] = defaultdict(list)
    for row in connection.execute(_ENDED, {"keys": sorted(instants)}) if instants else ():
        why = next(values for code, values in json.loads(row.facts) if code == "pc_logged_off")
        found[row.at, why["pc_user"], why["branch"]].append(row.session_id)
    return found


def _cut(row: Any) -> Record:
    kept = ("session_id", "connection_id", "created_at", "evidence", "decided_at", "elapsed")
    return {**{name: row[name] for name in kept}, "outcome": outcome(row)}


def list_present(connection: Connection, branch_id: int, limit: int) -> list[Record]:
    """Who is at a gaming PC of the branch, the latest first."""
    query = (
        _PRESENT.where(pc_presences.c.branch_id == branch_id, _is_present())
        .order_by(pc_presences.c.logged_in_at.desc(), pc_presences.c.pc_user_id)
        .limit(limit)
    )
    return [
        {"pc_user_id": row.pc_user_id, "account": row.account, "logged_in_at": row.logged_in_at}
        for row in connection.execute(query)
    ]


def _is_present() -> Any:
    # Who changes seats is often logged off and on within one second: that is somebody who is there.
    at, out = pc_presences.c.logged_in_at, pc_presences.c.logged_out_at
    return at.is_not(None) & (out.is_(None) | (out <= at))


def latest_event(connection: Connection, branch_id: int) -> Record | None:
    """The event a branch sent last, None if it never sent one."""
    found = list_events(connection, Wanted(branch_ids=[branch_id]), 1)
    return found[0] if found else None


def list_refusals(connection: Connection, branch_id: int, since: Instant, limit: int) -> list[Record]:
    """Events that were turned away since, the latest first: the branch's, and those that no branch could be told of.

    A sample; `times` says how many of a kind each stands for.
    """
    query = (
        select(pc_refusals)
        .where(
            pc_refusals.c.at > since,
            or_(pc_refusals.c.branch_id == branch_id, pc_refusals.c.branch_id.is_(None)),
        )
        .order_by(pc_refusals.c.at.desc(), pc_refusals.c.id.desc())
        .limit(limit)
    )
    return [
        {
            "at": row.at,
            "source": row.source,
            "cause": row.cause,
            "times": row.times,
            "is_of_branch": row.branch_id is not None,
        }
        for row in connection.execute(query)
    ]


def count_tied(connection: Connection, branch_id: int) -> int:
    """How many accounts of the branch are known by a name of its PC system's realm."""
    query = (
        select(pc_users.c.account_id)
        .join_from(pc_users, accounts, pc_users.c.account_id == accounts.c.id)
        .join(pc_systems, pc_systems.c.realm == pc_users.c.realm)
        .where(pc_systems.c.branch_id == branch_id, accounts.c.branch_id == branch_id)
        .distinct()
    )
    return len(connection.execute(query).all())
