"""Game sessions between their rows and their values, and the tokens they begin with."""

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from policy.game import ABANDONED, GameEnd, GamePhase, GameSession, Ott, wake_at
from policy.quantities import Instant
from radiusd.store.game_schema import charge_stops, game_sessions, launcher_sessions, otts


@frozen(kw_only=True)
class Played:
    """A game session with what it belongs to. `launcher_seen_at` is None once the launcher's session is over."""

    session: GameSession
    game_id: int
    branch_id: int
    launcher_session_id: int
    pc: str
    provider_user_id: str
    launcher_seen_at: Instant | None


@frozen(kw_only=True)
class Token:
    """A one-time token with the launcher session it was issued to."""

    ott: Ott
    is_claimed: bool
    launcher_session_id: int
    branch_id: int
    pc: str
    external_ip: str
    launcher_seen_at: Instant | None


_SESSIONS = select(
    game_sessions, launcher_sessions.c.seen_at, launcher_sessions.c.ended_at.label("launcher_ended_at")
).join_from(game_sessions, launcher_sessions, game_sessions.c.launcher_session_id == launcher_sessions.c.id)
_BY_ID = _SESSIONS.where(game_sessions.c.id == bindparam("row_id")).with_for_update(of=game_sessions)
_LIVE_ON_PC = _SESSIONS.where(
    game_sessions.c.pc == bindparam("pc"), game_sessions.c.ended_at.is_(None)
).with_for_update(of=game_sessions)
_LIVE_OF_LAUNCHER = _SESSIONS.where(
    game_sessions.c.launcher_session_id == bindparam("launcher_session_id"), game_sessions.c.ended_at.is_(None)
).with_for_update(of=game_sessions)
_WAKING = (
    _SESSIONS.where(game_sessions.c.wake_at <= bindparam("at"))
    .order_by(game_sessions.c.wake_at, game_sessions.c.id)
    .limit(bindparam("most"))
    .with_for_update(of=game_sessions)
)
_UPDATE = update(game_sessions).where(game_sessions.c.id == bindparam("row_id"))
_INSERT = insert(game_sessions)
_STOP = insert(charge_stops)
_TOKEN = select(
    otts,
    launcher_sessions.c.branch_id,
    launcher_sessions.c.pc,
    launcher_sessions.c.external_ip,
    launcher_sessions.c.seen_at,
    launcher_sessions.c.ended_at.label("launcher_ended_at"),
).join_from(otts, launcher_sessions, otts.c.launcher_session_id == launcher_sessions.c.id)
_TOKEN_BY_HASH = _TOKEN.where(otts.c.ott_hash == bindparam("ott_hash")).with_for_update(of=otts)
# So that it is not closed before what begins with it is there to be ended.
_LAUNCHER = (
    select(launcher_sessions.c.seen_at, launcher_sessions.c.ended_at.label("launcher_ended_at"))
    .where(launcher_sessions.c.id == bindparam("row_id"))
    .with_for_update(read=True)
)


def find(database: Connection, session_id: str) -> Played | None:
    """The session of this id, its row locked."""
    return _one(database, _BY_ID, row_id=session_id)


def live_on(database: Connection, pc: str) -> Played | None:
    """What is played on a PC, its row locked."""
    return _one(database, _LIVE_ON_PC, pc=pc)


def live_of(database: Connection, launcher_session_id: int) -> list[Played]:
    """What is played that a launcher session began, the rows locked."""
    found = database.execute(_LIVE_OF_LAUNCHER, {"launcher_session_id": launcher_session_id}).mappings()
    return [_played(row) for row in found]


def waking(database: Connection, at: Instant, most: int) -> list[Played]:
    """Sessions of which something may follow from the time alone, the rows locked."""
    return [_played(row) for row in database.execute(_WAKING, {"at": at, "most": most}).mappings()]


def _one(database: Connection, query: Any, **values: Any) -> Played | None:
    row = database.execute(query, values).mappings().one_or_none()
    return None if row is None else _played(row)


def session_from_row(row: RowMapping) -> GameSession:
    """A row of `game_sessions` as policy sees it."""
    end = row["end_reason"]
    return GameSession(
        id=row["id"],
        phase=GamePhase(row["phase"]),
        started_at=row["started_at"],
        last_heartbeat_at=row["last_heartbeat_at"],
        grace_from=row["grace_from"],
        unpaid_for=row["unpaid_for"],
        unrenewed_since=row["unrenewed_since"],
        ended_at=row["ended_at"],
        end=None if end is None else GameEnd(end),
    )


def _played(row: RowMapping) -> Played:
    return Played(
        session=session_from_row(row),
        game_id=row["game_id"],
        branch_id=row["branch_id"],
        launcher_session_id=row["launcher_session_id"],
        pc=row["pc"],
        provider_user_id=row["provider_user_id"],
        launcher_seen_at=_seen(row),
    )


def _seen(row: RowMapping) -> Instant | None:
    seen: Instant | None = row["seen_at"] if row["launcher_ended_at"] is None else None
    return seen


def add(database: Connection, played: Played) -> None:
    """A new session."""
    values = {
        "id": played.session.id,
        "game_id": played.game_id,
        "branch_id": played.branch_id,
        "launcher_session_id": played.launcher_session_id,
        "pc": played.pc,
        "provider_user_id": played.provider_user_id,
        "started_at": played.session.started_at,
        **_changing(played.session, played.launcher_seen_at),
    }
    database.execute(_INSERT, values)


def save(database: Connection, before: Played, after: GameSession, at: Instant, **more: Any) -> None:
    """What became of a session; with its end the order to stop its charge is kept, once."""
    database.execute(_UPDATE, {"row_id": after.id, **_changing(after, before.launcher_seen_at), **more})
    if before.session.phase.is_live and after.ended_at is not None:
        order_stop(database, before, after, at)


def _changing(session: GameSession, launcher_seen_at: Instant | None) -> dict[str, Any]:
    return {
        "phase": session.phase.value,
        "last_heartbeat_at": session.last_heartbeat_at,
        "grace_from": session.grace_from,
        "unpaid_for": session.unpaid_for,
        "unrenewed_since": session.unrenewed_since,
        "ended_at": session.ended_at,
        "end_reason": session.end and session.end.value,
        "wake_at": wake_at(session, launcher_seen_at),
    }


def order_stop(database: Connection, played: Played, ended: GameSession, at: Instant) -> None:
    """Have the charge of a session stopped."""
    values = {
        "game_session_id": ended.id,
        "branch_id": played.branch_id,
        "game_id": played.game_id,
        "played": ended.played(at),
        "unbilled": ended.unbilled,
        "reason": ended.end.value if ended.end else ABANDONED,
        "created_at": at,
        "due_at": at,
    }
    database.execute(_STOP, values)


def launcher_seen_at(database: Connection, launcher_session_id: int) -> Instant | None:
    """When a launcher was last heard of, None once its session is over; which it stays until the commit."""
    return _seen(database.execute(_LAUNCHER, {"row_id": launcher_session_id}).mappings().one())


def find_token(database: Connection, ott_hash: bytes) -> Token | None:
    """The token of this hash, its row locked."""
    row = database.execute(_TOKEN_BY_HASH, {"ott_hash": ott_hash}).mappings().one_or_none()
    if row is None:
        return None
    return Token(
        ott=Ott(game_id=row["game_id"], issued_at=row["issued_at"], spent_at=row["spent_at"]),
        is_claimed=row["claimed_at"] is not None,
        launcher_session_id=row["launcher_session_id"],
        branch_id=row["branch_id"],
        pc=row["pc"],
        external_ip=row["external_ip"],
        launcher_seen_at=_seen(row),
    )
