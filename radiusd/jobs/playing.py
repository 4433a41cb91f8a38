"""A game session on its way from its first heartbeat to its end."""

from enum import Enum

from attrs import evolve, frozen
from sqlalchemy import bindparam, delete, select, update

from policy.game import (
    Beat,
    EndCalled,
    GameEnd,
    GamePhase,
    GameSession,
    LauncherDied,
    SeatLeft,
    advance,
    consequence,
    stopped,
)
from policy.quantities import Instant, Seconds
from radiusd.store import game_rows
from radiusd.store.game_rows import Played
from radiusd.store.game_schema import launcher_nonces, launcher_sessions
from radiusd.store.work import Work
from radiusd.store.writer import Job

_AT_ONCE = 200
_NONCES_KEPT_FOR = 600_000

_SEATS = select(launcher_sessions.c.id).where(
    launcher_sessions.c.branch_id == bindparam("branch"),
    launcher_sessions.c.pc_user_id == bindparam("user"),
    launcher_sessions.c.ended_at.is_(None),
    launcher_sessions.c.started_at <= bindparam("happened_at"),
)
_END_LAUNCHER = (
    update(launcher_sessions)
    .where(launcher_sessions.c.id == bindparam("row_id"))
    .values(ended_at=bindparam("at"))
    .returning(launcher_sessions.c.seen_at)
)
_FORGET_NONCES = delete(launcher_nonces).where(launcher_nonces.c.seen_at < bindparam("before"))


class Standing(Enum):
    """How a session stands towards whoever asks."""

    LIVE = "live"
    NOT_FOUND = "not found"
    REPLACED = "replaced"
    ENDING = "ending"
    ENDED = "ended"


@frozen(kw_only=True)
class Stand:
    """How a session stands; `ended_now`: it ended on this very call, and its charge is to be stopped."""

    standing: Standing
    phase: GamePhase | None = None
    played: Seconds = Seconds(0)
    payable: Seconds = Seconds(0)
    unrenewed_since: Instant | None = None
    ended_now: bool = False


_NOT_FOUND = Stand(standing=Standing.NOT_FOUND)


@frozen(kw_only=True)
class HeartbeatJob(Job):
    """A heartbeat of `game_id`'s key. Without `event` it only looks; with it the heartbeat is accepted.

    The café's side is asked in between, so what was live may be over by then: how it stands is decided anew.
    """

    at: Instant
    session_id: str
    game_id: int
    provider_user_id: str
    event: Beat | None = None

    def run(self, work: Work) -> Stand:
        """Take it, unless the session is over, or ends now: its launcher may have died."""
        played = game_rows.find(work.database, self.session_id)
        if played is None or (played.game_id, played.provider_user_id) != (self.game_id, self.provider_user_id):
            return _NOT_FOUND
        played, ended_now = up_to(work, played, self.at)
        if self.event is not None and played.session.phase.is_live:
            after = advance(played.session, self.event)
            game_rows.save(work.database, played, after, self.at)
            return _stand(after, self.at, ended_now=False)
        return _stand(played.session, self.at, ended_now=ended_now)


@frozen(kw_only=True)
class EndJob(Job):
    """The game server says that the player left; `client_seconds` is its own measure, kept for comparison."""

    at: Instant
    session_id: str
    game_id: int
    client_seconds: int | None

    def run(self, work: Work) -> Stand:
        """End it; LIVE says that it was alive until now."""
        played = game_rows.find(work.database, self.session_id)
        if played is None or played.game_id != self.game_id:
            return _NOT_FOUND
        played, ended_now = up_to(work, played, self.at)
        if not played.session.phase.is_live:
            return _stand(played.session, self.at, ended_now=ended_now)
        after = advance(played.session, EndCalled(self.at))
        game_rows.save(work.database, played, after, self.at, client_seconds=self.client_seconds)
        return Stand(standing=Standing.LIVE, phase=after.phase, played=after.played(self.at), ended_now=True)


@frozen
class StoppedJob(Job):
    """The charge of a session is stopped."""

    session_id: str
    at: Instant

    def run(self, work: Work) -> None:
        """Close it; of a claim that was given up there is nothing to close."""
        played = game_rows.find(work.database, self.session_id)
        if played is not None:
            game_rows.save(work.database, played, advance(played.session, stopped(played.session, self.at)), self.at)


@frozen
class GameTickJob(Job):
    """Sessions of which something may follow from the time alone."""

    at: Instant

    def run(self, work: Work) -> bool:
        """End what is over, and set the others a later time to wake; whether there may be more."""
        work.database.execute(_FORGET_NONCES, {"before": self.at - _NONCES_KEPT_FOR})
        found = game_rows.waking(work.database, self.at, _AT_ONCE)
        for played in found:
            after, ended_now = up_to(work, played, self.at)
            if not ended_now:
                game_rows.save(work.database, after, after.session, self.at)
        return len(found) == _AT_ONCE


def up_to(work: Work, played: Played, at: Instant) -> tuple[Played, bool]:
    """The session after what has followed from the time by `at`, and whether that ended it."""
    event = consequence(played.session, played.launcher_seen_at, at)
    if event is None:
        return played, False
    after = advance(played.session, event)
    game_rows.save(work.database, played, after, at)
    return evolve(played, session=after), True


def _stand(session: GameSession, at: Instant, *, ended_now: bool) -> Stand:
    return Stand(
        standing=_standing(session),
        phase=session.phase,
        played=session.played(at),
        payable=session.payable(at),
        unrenewed_since=session.unrenewed_since,
        ended_now=ended_now,
    )


def _standing(session: GameSession) -> Standing:
    if session.phase.is_live:
        return Standing.LIVE
    if session.end is GameEnd.HEARTBEAT_TIMEOUT:
        return Standing.NOT_FOUND
    if session.end is GameEnd.SESSION_REPLACED:
        return Standing.REPLACED
    # The very heartbeat on which the launcher is found dead is told that it is over.
    is_over = session.phase is not GamePhase.ENDING or session.end is GameEnd.LAUNCHER_TIMEOUT
    return Standing.ENDED if is_over else Standing.ENDING


def end_launcher(work: Work, launcher_session_id: int, event: LauncherDied | SeatLeft) -> None:
    """A launcher's session is over, and what is played with it."""
    for played in close_launcher(work, launcher_session_id, event.at):
        game_rows.save(work.database, played, advance(played.session, event), event.at)


def close_launcher(work: Work, launcher_session_id: int, at: Instant) -> list[Played]:
    """A launcher's session is over; what is still played with it."""
    seen_at = work.database.execute(_END_LAUNCHER, {"row_id": launcher_session_id, "at": at}).scalar_one()
    # While nobody looked, something may have followed from the time before.
    found = [evolve(each, launcher_seen_at=seen_at) for each in game_rows.live_of(work.database, launcher_session_id)]
    return [played for played, is_over in (up_to(work, each, at) for each in found) if not is_over]


def leave_seat(work: Work, branch_id: int, pc_user: str, happened_at: Instant, at: Instant) -> None:
    """The PC of this user was logged off: its launcher's session ends, and the game with it."""
    seats = {"branch": branch_id, "user": pc_user, "happened_at": happened_at}
    for launcher_session_id in work.database.execute(_SEATS, seats).scalars().all():
        end_launcher(work, launcher_session_id, SeatLeft(at))
