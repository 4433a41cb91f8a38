"""Games, launchers and who plays what, for whoever asks; without any secret."""

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping, Select, func, select

from policy.game import SILENT_FOR
from policy.quantities import Instant, later
from radiusd.store.game_rows import session_from_row
from radiusd.store.game_schema import charge_stops, game_keys, game_sessions, games, launcher_sessions, launchers
from radiusd.store.schema import branches

Record = dict[str, Any]

_IS_LIVE = game_sessions.c.ended_at.is_(None)
_LIVE = select(func.count()).where(game_sessions.c.game_id == games.c.id, _IS_LIVE).scalar_subquery()
_GAMES = select(games, _LIVE.label("playing")).order_by(games.c.name)
_LAUNCHERS = (
    select(
        launchers.c.name, branches.c.name.label("branch"), launchers.c.is_active, launchers.c.created_at, launchers.c.id
    )
    .join_from(launchers, branches, launchers.c.branch_id == branches.c.id)
    .order_by(launchers.c.name)
)
_SESSIONS = (
    select(
        game_sessions,
        games.c.name.label("game"),
        branches.c.name.label("branch"),
        launchers.c.name.label("launcher"),
        launcher_sessions.c.internal_ip,
        launcher_sessions.c.pc_user_id,
        launcher_sessions.c.seen_at.label("launcher_seen_at"),
        *(charge_stops.c[name].label(f"stop_{name}") for name in ("created_at", "due_at", "done_at", "attempts")),
    )
    .join_from(game_sessions, games, game_sessions.c.game_id == games.c.id)
    .join(branches, game_sessions.c.branch_id == branches.c.id)
    .join(launcher_sessions, game_sessions.c.launcher_session_id == launcher_sessions.c.id)
    .join(launchers, launcher_sessions.c.launcher_id == launchers.c.id)
    .outerjoin(charge_stops, charge_stops.c.game_session_id == game_sessions.c.id)
)


@frozen(kw_only=True)
class Wanted:
    """Which game sessions; None leaves it open."""

    session_id: str | None = None
    game_id: int | None = None
    branch_id: int | None = None
    is_live: bool = False


def list_games(connection: Connection, limit: int, name: str | None = None) -> list[Record]:
    """Games by name; `playing` is how many sessions are live."""
    query = _GAMES if name is None else _GAMES.where(games.c.name == name)
    kept = ("id", "name", "provider", "place_id", "image_url", "rate", "period", "is_active", "playing", "created_at")
    found = connection.execute(query.limit(limit)).mappings()
    return [{key: row[key] for key in kept} for row in found]


def show_game(connection: Connection, game: RowMapping, at: Instant) -> Record:
    """One game with its keys, the newest first; of the keys only since when and until when they are valid."""
    keys = connection.execute(
        select(game_keys.c.created_at, game_keys.c.retires_at)
        .where(game_keys.c.game_id == game["id"])
        .order_by(game_keys.c.id.desc())
    ).mappings()
    found = list_games(connection, 1, game["name"])[0]
    return {**found, "keys": [{**row, "is_valid": row["retires_at"] is None or at < row["retires_at"]} for row in keys]}


def list_launchers(connection: Connection, limit: int) -> list[Record]:
    """Launchers by name."""
    return [_launcher(row) for row in connection.execute(_LAUNCHERS.limit(limit)).mappings()]


def show_launcher(connection: Connection, launcher: RowMapping, at: Instant) -> Record:
    """One launcher: on how many PCs it is alive, and when it was last heard of."""
    row = connection.execute(_LAUNCHERS.where(launchers.c.id == launcher["id"])).mappings().one()
    mine = launcher_sessions.c.launcher_id == launcher["id"]
    is_alive = launcher_sessions.c.ended_at.is_(None) & (launcher_sessions.c.seen_at >= later(at, -SILENT_FOR))
    pcs = select(func.count(launcher_sessions.c.pc.distinct())).where(mine, is_alive)
    seen_at = select(func.max(launcher_sessions.c.seen_at)).where(mine)
    return {
        **_launcher(row),
        "pcs": connection.execute(pcs).scalar_one(),
        "seen_at": connection.execute(seen_at).scalar_one(),
    }


def _launcher(row: RowMapping) -> Record:
    return {name: row[name] for name in ("name", "branch", "is_active", "created_at")}


def list_game_sessions(connection: Connection, wanted: Wanted, limit: int, at: Instant) -> list[Record]:
    """Game sessions, the newest first; `play_seconds` and `unbilled_seconds` are those by `at`."""
    return [_session(row, at) for row in connection.execute(_query(wanted).limit(limit)).mappings()]


def _query(wanted: Wanted) -> Select[Any]:
    query = _SESSIONS.order_by(game_sessions.c.started_at.desc(), game_sessions.c.id)
    if wanted.session_id is not None:
        query = query.where(game_sessions.c.id == wanted.session_id)
    if wanted.game_id is not None:
        query = query.where(game_sessions.c.game_id == wanted.game_id)
    if wanted.branch_id is not None:
        query = query.where(game_sessions.c.branch_id == wanted.branch_id)
    return query.where(_IS_LIVE) if wanted.is_live else query


def _session(row: RowMapping, at: Instant) -> Record:
    session = session_from_row(row)
    kept = ("id", "game", "branch", "launcher", "pc", "internal_ip", "pc_user_id", "provider_user_id", "phase")
    seen = ("started_at", "last_heartbeat_at", "launcher_seen_at", "ended_at", "client_seconds")
    return {
        **{name: row[name] for name in kept},
        "end": row["end_reason"],
        **{name: row[name] for name in seen},
        "play_seconds": session.played(at),
        "unbilled_seconds": session.unbilled,
        "unpaid_at": session.grace_from,
        "unrenewed_at": session.unrenewed_since,
        "charge": _charge(row),
        "charge_stop": None if row["stop_created_at"] is None else _stop(row),
    }


def _charge(row: RowMapping) -> str:
    """Whether the charge runs, is waiting to be stopped, or is stopped."""
    if row["stop_done_at"] is not None:
        return "stopped"
    if row["ended_at"] is None:
        return "runs"
    return "stopping" if row["stop_due_at"] is not None else "unknown"


def _stop(row: RowMapping) -> Record:
    return {name: row[f"stop_{name}"] for name in ("created_at", "attempts", "due_at", "done_at")}
