"""Game sessions in the store of a café, as if they had been played."""

from typing import Any

from sqlalchemy import insert, select

from policy.quantities import Instant
from radiusd.store.database import Database
from radiusd.store.game_schema import charge_stops, game_sessions, games, launcher_sessions, launchers
from radiusd.store.schema import branches
from tests.icafectl.counter import Counter


class Arcade:
    """A café with one game, and one launcher at each branch that is played at."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.counter.run("game", "add", "Sky", "--place-id", "1818", "--rate", "5")
        self._count = 0

    def played(self, started_at: int, seconds: float, end: str = "normal", **session: Any) -> str:
        """A session that has ended, and its charge is stopped; its id."""
        phase = "EXPIRED" if end == "heartbeat_timeout" else "ENDED"
        ended_at = started_at + int(seconds * 1000)
        row = {"phase": phase, "started_at": started_at, "ended_at": ended_at, "end_reason": end, **session}
        session_id = self.put(**row)
        self.stop(session_id, done_at=ended_at + 400)
        return session_id

    def put(self, *, game: str = "Sky", branch: str = "Centre", **session: Any) -> str:
        """A session with these columns, else ACTIVE since the counter's clock; its id."""
        self._count += 1
        database = Database(self.counter.database_url)
        with database.writing() as connection:
            branch_id = connection.execute(select(branches.c.id).where(branches.c.name == branch)).scalar_one()
            game_id = connection.execute(select(games.c.id).where(games.c.name == game)).scalar_one()
            seat = self._seat(connection, branch_id)
            row = {
                "id": f"gs_{self._count:04}",
                "game_id": game_id,
                "branch_id": branch_id,
                "launcher_session_id": seat,
                "pc": f"pc {self._count}",
                "provider_user_id": str(9000 + self._count),
                "phase": "ACTIVE",
                "started_at": self.counter.at,
                **session,
            }
            connection.execute(insert(game_sessions).values(**{"last_heartbeat_at": row["started_at"], **row}))
        database.close()
        return str(row["id"])

    def _seat(self, connection: Any, branch_id: int) -> int:
        number = self._count
        at = self.counter.at
        connection.execute(
            insert(launchers).values(
                id=1000 + number, name=f"l{number}", branch_id=branch_id, secret=b"sealed", created_at=at
            )
        )
        connection.execute(
            insert(launcher_sessions).values(
                id=number,
                token_hash=bytes([number % 256]) * 16 + number.to_bytes(16, "big"),
                launcher_id=1000 + number,
                branch_id=branch_id,
                pc=f"pc {number}",
                pc_user_id="nora",
                external_ip="203.0.113.7",
                internal_ip=f"10.5.{number // 250}.{number % 250}",
                hardware="{}",
                started_at=at,
                seen_at=at,
            )
        )
        return number

    def stop(self, session_id: str, *, done_at: int | None = None, attempts: int = 1) -> None:
        """The stop of a session's charge is ordered, and acknowledged at `done_at`."""
        database = Database(self.counter.database_url)
        with database.writing() as connection:
            row = connection.execute(select(game_sessions).where(game_sessions.c.id == session_id)).mappings().one()
            connection.execute(
                insert(charge_stops).values(
                    game_session_id=session_id,
                    branch_id=row["branch_id"],
                    game_id=row["game_id"],
                    played=0,
                    unbilled=0,
                    reason=row["end_reason"],
                    created_at=row["ended_at"],
                    attempts=attempts,
                    due_at=Instant(row["ended_at"] + 30_000) if done_at is None else None,
                    done_at=done_at,
                )
            )
        database.close()
