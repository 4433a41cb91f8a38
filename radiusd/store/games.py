"""Studios' games and the keys of their servers: added, changed, stopped, their keys replaced."""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from policy.quantities import Instant
from radiusd.store import naming, revisions
from radiusd.store.errors import Refused
from radiusd.store.game_schema import charge_stops, game_keys, game_sessions, games
from radiusd.store.identifiers import take_one
from radiusd.store.pc_directory import hash_token


def find(connection: Connection, name: str) -> RowMapping:
    """The game of this name; raises NotFound."""
    return naming.find(connection, games, name, "game")


def add(connection: Connection, name: str, settings: Mapping[str, Any], at: Instant) -> str:
    """A new game; `settings` are its columns. Raises AlreadyThere.

    Gives its first API key, which nobody can read again: only its SHA-256 is stored.
    """
    naming.require_free(connection, games, name, "game")
    game_id = take_one(connection, "games")
    connection.execute(insert(games).values(id=game_id, name=name, created_at=at, **settings))
    return _issue(connection, game_id, at)


def change(connection: Connection, name: str, settings: Mapping[str, Any]) -> None:
    """Other settings for a game; `settings` are columns. Raises NotFound; Refused for its period while it is played."""
    row = find(connection, name)
    if settings.get("period", row["period"]) != row["period"]:
        _require_uncharged(connection, row)
    connection.execute(update(games).where(games.c.id == row["id"]).values(**settings))
    revisions.announce(connection)


def _require_uncharged(connection: Connection, row: RowMapping) -> None:
    """Running charges are counted in periods: with another one they would at once owe more, or nothing for long."""
    live = select(game_sessions.c.id).where(game_sessions.c.game_id == row["id"], game_sessions.c.ended_at.is_(None))
    ending = select(charge_stops.c.game_session_id).where(
        charge_stops.c.game_id == row["id"], charge_stops.c.due_at.is_not(None)
    )
    if any(connection.execute(each.limit(1)).first() for each in (live, ending)):
        raise Refused(
            f"charges of game {row['name']} run, and they are counted in its periods: `icafectl game stop` it, wait "
            "until `icafectl game sessions` shows all charges stopped, change the period, and start it again"
        )


def set_active(connection: Connection, name: str, *, is_active: bool) -> bool:
    """Refuse a game's servers and launchers from now on, or take them again; whether that is new. Raises NotFound."""
    was_active: bool = find(connection, name)["is_active"]
    change(connection, name, {"is_active": is_active})
    return was_active is not is_active


def rotate_key(connection: Connection, name: str, ends: Instant, at: Instant) -> str:
    """Another API key, which nobody can read again; raises NotFound.

    The former ones retire at `ends`, or at their own end if that is before.
    """
    game_id = find(connection, name)["id"]
    mine = game_keys.c.game_id == game_id
    connection.execute(delete(game_keys).where(mine, game_keys.c.retires_at <= at))
    is_longer = game_keys.c.retires_at.is_(None) | (game_keys.c.retires_at > ends)
    connection.execute(update(game_keys).where(mine, is_longer).values(retires_at=ends))
    return _issue(connection, game_id, at)


def _issue(connection: Connection, game_id: int, at: Instant) -> str:
    made = f"pw_{token_urlsafe(32)}"
    key_id = take_one(connection, "game_keys")
    connection.execute(insert(game_keys).values(id=key_id, game_id=game_id, key_hash=hash_token(made), created_at=at))
    revisions.announce(connection)
    return made
