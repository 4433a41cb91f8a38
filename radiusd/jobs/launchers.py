"""What launchers on cafés' PCs ask for, inside their transactions."""

import json
from collections.abc import Mapping

from attrs import field, frozen
from sqlalchemy import bindparam, insert, select, update

from policy.game import LauncherDied, is_launcher_dead
from policy.quantities import Instant
from radiusd.jobs.playing import close_launcher, end_launcher
from radiusd.store.game_schema import game_sessions, launcher_nonces, launcher_sessions, otts
from radiusd.store.work import Work
from radiusd.store.writer import Job

_NONCE = select(launcher_nonces.c.nonce).where(
    launcher_nonces.c.launcher_id == bindparam("launcher_id"), launcher_nonces.c.nonce == bindparam("nonce")
)
_OF_PC = select(launcher_sessions.c.id).where(
    launcher_sessions.c.pc == bindparam("pc"), launcher_sessions.c.ended_at.is_(None)
)
_TAKE_OVER = update(game_sessions).where(
    game_sessions.c.launcher_session_id == bindparam("old"), game_sessions.c.ended_at.is_(None)
)
_BY_TOKEN = select(launcher_sessions.c.id, launcher_sessions.c.seen_at).where(
    launcher_sessions.c.token_hash == bindparam("token_hash"), launcher_sessions.c.ended_at.is_(None)
)
_SEEN = update(launcher_sessions).where(launcher_sessions.c.id == bindparam("row_id"))


@frozen(kw_only=True)
class Seat:
    """A PC in a café: what it says of itself, and who sits there if it says so."""

    internal_ip: str
    hardware_id: str
    hardware: Mapping[str, str | None]
    pc_user_id: str | None


@frozen(kw_only=True)
class LauncherStartJob(Job):
    """A launcher begins a session. One from before on the same PC is over, and its game goes on under this one."""

    at: Instant
    launcher_id: int
    branch_id: int
    nonce: str
    token_hash: bytes = field(repr=False)
    external_ip: str
    seat: Seat

    @property
    def _pc(self) -> str:
        return f"{self.branch_id}/{self.seat.hardware_id}/{self.seat.internal_ip}"

    def run(self, work: Work) -> bool:
        """Whether it began; not if the nonce came before."""
        nonce = {"launcher_id": self.launcher_id, "nonce": self.nonce}
        if work.database.execute(_NONCE, nonce).first() is not None:
            return False
        work.database.execute(insert(launcher_nonces), {**nonce, "seen_at": self.at})
        before = list(work.database.execute(_OF_PC, {"pc": self._pc}).scalars())
        session_id = work.new_id("launcher_sessions")
        work.database.execute(insert(launcher_sessions), self._row(session_id))
        for old in before:
            close_launcher(work, old, self.at)
            work.database.execute(_TAKE_OVER, {"old": old, "launcher_session_id": session_id})
        return True

    def _row(self, session_id: int) -> dict[str, object]:
        return {
            "id": session_id,
            "token_hash": self.token_hash,
            "launcher_id": self.launcher_id,
            "branch_id": self.branch_id,
            "pc": self._pc,
            "pc_user_id": self.seat.pc_user_id,
            "external_ip": self.external_ip,
            "internal_ip": self.seat.internal_ip,
            "hardware": json.dumps(dict(self.seat.hardware), ensure_ascii=False),
            "started_at": self.at,
            "seen_at": self.at,
        }


@frozen(kw_only=True)
class OttJob(Job):
    """A token for a game; that it is asked for is a sign of life as well."""

    at: Instant
    token_hash: bytes = field(repr=False)
    ott_hash: bytes = field(repr=False)
    game_id: int

    def run(self, work: Work) -> bool:
        """Whether it is issued; not to a launcher whose session is over."""
        session_id = _live(work, self.token_hash, self.at)
        if session_id is None:
            return False
        row = {"ott_hash": self.ott_hash, "game_id": self.game_id, "issued_at": self.at}
        work.database.execute(insert(otts), {"launcher_session_id": session_id, **row})
        work.database.execute(_SEEN, {"row_id": session_id, "seen_at": self.at})
        return True


@frozen(kw_only=True)
class LauncherBeatJob(Job):
    """The launcher lives."""

    at: Instant
    token_hash: bytes = field(repr=False)

    def run(self, work: Work) -> bool:
        """Whether its session does."""
        session_id = _live(work, self.token_hash, self.at)
        if session_id is not None:
            work.database.execute(_SEEN, {"row_id": session_id, "seen_at": self.at})
        return session_id is not None


@frozen(kw_only=True)
class LauncherEndJob(Job):
    """The launcher is closed."""

    at: Instant
    token_hash: bytes = field(repr=False)

    def run(self, work: Work) -> bool:
        """Whether its session was alive; what is played with it ends."""
        session_id = _live(work, self.token_hash, self.at)
        if session_id is not None:
            end_launcher(work, session_id, LauncherDied(self.at))
        return session_id is not None


def _live(work: Work, token_hash: bytes, at: Instant) -> int | None:
    """The launcher session of a token, None once it is over or was silent too long."""
    row = work.database.execute(_BY_TOKEN, {"token_hash": token_hash}).one_or_none()
    return None if row is None or is_launcher_dead(row.seen_at, at) else int(row.id)
