"""A one-time token on its way to a game session, each step in a transaction of its own.

The café's side is asked in between, so the token is first *claimed*: nobody else may use it meanwhile. Then it is
spent, or released when nobody could tell whether the café can be charged. A claim that a crash left over is given up,
and its charge stopped in case it was begun.
"""

from attrs import frozen
from sqlalchemy import bindparam, insert, select, update

from policy.game import ABANDONED, GameSession, OttRefusal, Replaced, advance, refusal
from policy.quantities import Instant, Seconds
from radiusd.jobs.playing import up_to
from radiusd.store import game_rows
from radiusd.store.game_rows import Played, Token
from radiusd.store.game_schema import charge_stops, launcher_sessions, otts
from radiusd.store.work import Work
from radiusd.store.writer import Job

CLAIM_LASTS = Seconds(30)

_CLAIM = (
    update(otts)
    .where(otts.c.ott_hash == bindparam("hash"), otts.c.spent_at.is_(None), otts.c.claimed_at.is_(None))
    .values(claimed_at=bindparam("at"), claimed_by=bindparam("by"))
)
_SETTLE = (
    update(otts)
    .where(otts.c.ott_hash == bindparam("hash"), otts.c.claimed_by == bindparam("by"))
    .values(claimed_at=None, claimed_by=None, spent_at=bindparam("spent"), outcome=bindparam("what"))
)
_SPEND = (
    update(otts).where(otts.c.ott_hash == bindparam("hash")).values(spent_at=bindparam("at"), outcome=bindparam("what"))
)
_LEFT_OVER = (
    select(otts.c.ott_hash, otts.c.claimed_by, otts.c.game_id, launcher_sessions.c.branch_id)
    .join_from(otts, launcher_sessions, otts.c.launcher_session_id == launcher_sessions.c.id)
    .where(otts.c.claimed_at <= bindparam("before"))
    .limit(100)
)


@frozen(kw_only=True)
class Claim:
    """A token that this session id may become a session of."""

    session_id: str
    token: Token


@frozen(kw_only=True)
class ClaimJob(Job):
    """Whether a game's key may begin a session with a token; if so, it is claimed for `session_id`."""

    at: Instant
    ott_hash: bytes
    game_id: int
    session_id: str

    def run(self, work: Work) -> Claim | OttRefusal:
        """Look, and claim it by one conditional update: of many at once one has it."""
        token = game_rows.find_token(work.database, self.ott_hash)
        seen = None if token is None else token.launcher_seen_at
        why = refusal(None if token is None else token.ott, self.game_id, seen, self.at)
        if why is OttRefusal.GAME_MISMATCH:
            work.database.execute(_SPEND, {"hash": self.ott_hash, "at": self.at, "what": why.value})
        if why is not None:
            return why
        assert token is not None  # noqa: S101 - a token nobody issued is refused
        claim = {"hash": self.ott_hash, "at": self.at, "by": self.session_id}
        if not work.database.execute(_CLAIM, claim).rowcount:
            return OttRefusal.ALREADY_USED
        return Claim(session_id=self.session_id, token=token)


@frozen(kw_only=True)
class ReplaceJob(Job):
    """Another game is about to begin on a PC: what is played there ends."""

    at: Instant
    pc: str

    def run(self, work: Work) -> str | None:
        """The id of what ended."""
        return replace(work, self.pc, self.at)


def replace(work: Work, pc: str, at: Instant) -> str | None:
    """End what is played on a PC; its id."""
    old = game_rows.live_on(work.database, pc)
    if old is None:
        return None
    old, is_over = up_to(work, old, at)
    if not is_over:
        game_rows.save(work.database, old, advance(old.session, Replaced(at)), at)
    return old.session.id


@frozen(kw_only=True)
class BeginJob(Job):
    """The charge is started: the token is spent, and the session lives."""

    at: Instant
    ott_hash: bytes
    claim: Claim
    provider_user_id: str

    def run(self, work: Work) -> bool | OttRefusal:
        """Whether it began; not if the claim was given up meanwhile, and EXPIRED if the launcher was closed."""
        seen_at = game_rows.launcher_seen_at(work.database, self.claim.token.launcher_session_id)
        outcome = "OK" if seen_at is not None else OttRefusal.EXPIRED.value
        settled = {"hash": self.ott_hash, "by": self.claim.session_id, "spent": self.at, "what": outcome}
        if not work.database.execute(_SETTLE, settled).rowcount:
            return False
        token = self.claim.token
        if seen_at is None:
            _stop(work, self.claim.session_id, token.branch_id, token.ott.game_id, self.at)
            return OttRefusal.EXPIRED
        replace(work, token.pc, self.at)
        session = GameSession(id=self.claim.session_id, started_at=self.at, last_heartbeat_at=self.at)
        game_rows.add(
            work.database,
            Played(
                session=session,
                game_id=token.ott.game_id,
                branch_id=token.branch_id,
                launcher_session_id=token.launcher_session_id,
                pc=token.pc,
                provider_user_id=self.provider_user_id,
                launcher_seen_at=seen_at,
            ),
        )
        return True


@frozen(kw_only=True)
class GiveUpJob(Job):
    """No session comes of a claim: the token is spent for the reason `why`, or with None may be used again.

    `stops`: whether its charge is to be stopped, in case it was started.
    """

    at: Instant
    ott_hash: bytes
    claim: Claim
    why: OttRefusal | None
    stops: bool

    def run(self, work: Work) -> None:
        """Settle it."""
        spent = None if self.why is None else self.at
        what = None if self.why is None else self.why.value
        settled = {"hash": self.ott_hash, "by": self.claim.session_id, "spent": spent, "what": what}
        if work.database.execute(_SETTLE, settled).rowcount and self.stops:
            _stop(work, self.claim.session_id, self.claim.token.branch_id, self.claim.token.ott.game_id, self.at)


@frozen
class AbandonedJob(Job):
    """Claims that a crash left over are given up: their tokens are spent, and their charges stopped."""

    at: Instant

    def run(self, work: Work) -> None:
        """Settle them."""
        before = self.at - CLAIM_LASTS * 1000
        for row in work.database.execute(_LEFT_OVER, {"before": before}).all():
            settled = {"hash": row.ott_hash, "by": row.claimed_by, "spent": self.at, "what": "ABANDONED"}
            if work.database.execute(_SETTLE, settled).rowcount:
                _stop(work, row.claimed_by, row.branch_id, row.game_id, self.at)


def _stop(work: Work, session_id: str, branch_id: int, game_id: int, at: Instant) -> None:
    values = {
        "game_session_id": session_id,
        "branch_id": branch_id,
        "game_id": game_id,
        "played": 0,
        "unbilled": 0,
        "reason": ABANDONED,
        "created_at": at,
        "due_at": at,
    }
    work.database.execute(insert(charge_stops), values)
