"""A game session: somebody at a café's PC plays a studio's game, and the café is charged for the time.

It lives while its game server's heartbeats come, while the launcher on the PC lives, and while the charge can be
renewed. Whatever ends it first ends it once; its charge is then stopped, and until that is acknowledged it is ENDING.
"""

from enum import Enum

from attrs import frozen

from policy.quantities import Instant, Seconds, later
from policy.table import ignore, on, table
from policy.values import evolve

OTT_LASTS = Seconds(60)
HEARTBEAT_EVERY = Seconds(120)
SILENT_FOR = Seconds(240)
"""Without a heartbeat for so long a game session is over; a launcher, when it is longer."""
GRACE = Seconds(120)


class GamePhase(Enum):
    """ENDED and EXPIRED are final."""

    ACTIVE = "ACTIVE"
    GRACE = "GRACE"
    ENDING = "ENDING"
    ENDED = "ENDED"
    EXPIRED = "EXPIRED"

    @property
    def is_live(self) -> bool:
        """Whether somebody plays."""
        return self in (GamePhase.ACTIVE, GamePhase.GRACE)


class GameEnd(Enum):
    """Why a game session ended."""

    NORMAL = "normal"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    CHARGE_EXHAUSTED = "charge_exhausted"
    SESSION_REPLACED = "session_replaced"
    LAUNCHER_TIMEOUT = "launcher_timeout"
    PC_LOGOUT = "pc_logout"


@frozen(kw_only=True)
class GameSession:
    """`grace_from`: when the charge was found exhausted, None while it is not.

    `unpaid_for`: milliseconds of graces that were lifted. `unrenewed_since`: since when nobody could tell whether the
    charge is renewed, None while it is.
    """

    id: str
    phase: GamePhase = GamePhase.ACTIVE
    started_at: Instant
    last_heartbeat_at: Instant
    grace_from: Instant | None = None
    unpaid_for: int = 0
    unrenewed_since: Instant | None = None
    ended_at: Instant | None = None
    end: GameEnd | None = None

    def played(self, at: Instant) -> Seconds:
        """Whole seconds of play by `at`; after its end no more are added."""
        until = at if self.ended_at is None else self.ended_at
        return Seconds(max(0, until - self.started_at) // 1000)

    def payable(self, at: Instant) -> Seconds:
        """Whole seconds of play by `at` that are to be paid: without those of graces."""
        until = at if self.ended_at is None else self.ended_at
        grace = 0 if self.grace_from is None else max(0, until - self.grace_from)
        return Seconds(max(0, until - self.started_at - self.unpaid_for - grace) // 1000)

    @property
    def unbilled(self) -> Seconds:
        """Whole seconds that were played after the charge was exhausted, up to the end if it has ended.

        With those that are to be paid they make up what was played: what rounding leaves over is not to be paid.
        """
        if self.ended_at is None:
            return Seconds(self.unpaid_for // 1000)
        return Seconds(self.played(self.ended_at) - self.payable(self.ended_at))


@frozen
class Beat:
    """A heartbeat was accepted at `at`; whether the charge can be renewed nobody could tell."""

    at: Instant


@frozen
class BeatRenewed(Beat):
    """A heartbeat was accepted, and the charge renewed."""


@frozen
class BeatUnpaid(Beat):
    """A heartbeat was accepted, and the charge is exhausted."""


@frozen
class EndCalled:
    """The game server says that the player left."""

    at: Instant


@frozen
class Replaced:
    """Another game began on the same PC."""

    at: Instant


@frozen
class FellSilent:
    """No heartbeat for too long."""

    at: Instant


@frozen
class LauncherDied:
    """The launcher on the PC was silent for too long, or ended."""

    at: Instant


@frozen
class GraceOver:
    """The time to top up is over."""

    at: Instant


@frozen
class SeatLeft:
    """The PC was logged off."""

    at: Instant


@frozen
class ChargeStopped:
    """That the charge is stopped was acknowledged."""

    at: Instant


@frozen
class LateChargeStopped:
    """As ChargeStopped, of a session that fell silent."""

    at: Instant


GameEvent = (
    Beat | EndCalled | Replaced | FellSilent | LauncherDied | GraceOver | SeatLeft | ChargeStopped | LateChargeStopped
)


def _seen(session: GameSession, event: Beat) -> GameSession:
    return evolve(session, last_heartbeat_at=max(event.at, session.last_heartbeat_at))


def beat(session: GameSession, event: Beat) -> GameSession:
    """It lives; since when it is not known whether it is paid is kept."""
    since = event.at if session.unrenewed_since is None else session.unrenewed_since
    return evolve(_seen(session, event), unrenewed_since=since)


def beat_renewed(session: GameSession, event: BeatRenewed) -> GameSession:
    """It lives, and is paid for (again)."""
    unpaid = 0 if session.grace_from is None else max(0, event.at - session.grace_from)
    return evolve(_seen(session, event), grace_from=None, unpaid_for=session.unpaid_for + unpaid, unrenewed_since=None)


def beat_unpaid(session: GameSession, event: BeatUnpaid) -> GameSession:
    """It lives for the time of the grace, which further heartbeats do not prolong."""
    grace_from = event.at if session.grace_from is None else session.grace_from
    return evolve(_seen(session, event), grace_from=grace_from, unrenewed_since=None)


def end_now(session: GameSession, event: EndCalled | Replaced | SeatLeft) -> GameSession:
    """It was played until this instant."""
    ends = {EndCalled: GameEnd.NORMAL, Replaced: GameEnd.SESSION_REPLACED, SeatLeft: GameEnd.PC_LOGOUT}
    return _over(session, event.at, ends[type(event)])


def end_at_grace(session: GameSession, event: GraceOver) -> GameSession:
    """It was played until the grace was over, whenever that was noticed."""
    began = session.grace_from
    return _over(session, event.at if began is None else later(began, GRACE), GameEnd.CHARGE_EXHAUSTED)


def end_at_last_heartbeat(session: GameSession, event: FellSilent | LauncherDied) -> GameSession:
    """What was played after the last heartbeat, nobody knows."""
    end = GameEnd.HEARTBEAT_TIMEOUT if isinstance(event, FellSilent) else GameEnd.LAUNCHER_TIMEOUT
    return _over(session, session.last_heartbeat_at, end)


def _over(session: GameSession, at: Instant, end: GameEnd) -> GameSession:
    return evolve(session, ended_at=max(at, session.started_at), end=end)


_ACTIVE, _GRACE, _ENDING, _ENDED, _EXPIRED = GamePhase

# fmt: off
TRANSITIONS = table(
    # in phase    upon               enter      doing
    on(_ACTIVE,   Beat,              _ACTIVE,   beat),
    on(_ACTIVE,   BeatRenewed,       _ACTIVE,   beat_renewed),
    on(_ACTIVE,   BeatUnpaid,        _GRACE,    beat_unpaid),
    on(_ACTIVE,   EndCalled,         _ENDING,   end_now),
    on(_ACTIVE,   Replaced,          _ENDING,   end_now),
    on(_ACTIVE,   FellSilent,        _ENDING,   end_at_last_heartbeat),
    on(_ACTIVE,   LauncherDied,      _ENDING,   end_at_last_heartbeat),
    on(_ACTIVE,   GraceOver,         _ACTIVE,   ignore),
    on(_ACTIVE,   SeatLeft,          _ENDING,   end_now),
    on(_ACTIVE,   ChargeStopped,     _ACTIVE,   ignore),
    on(_ACTIVE,   LateChargeStopped, _ACTIVE,   ignore),
    on(_GRACE,    Beat,              _GRACE,    beat),
    on(_GRACE,    BeatRenewed,       _ACTIVE,   beat_renewed),           # topped up in time
    on(_GRACE,    BeatUnpaid,        _GRACE,    beat_unpaid),
    on(_GRACE,    EndCalled,         _ENDING,   end_now),
    on(_GRACE,    Replaced,          _ENDING,   end_now),
    on(_GRACE,    FellSilent,        _ENDING,   end_at_last_heartbeat),
    on(_GRACE,    LauncherDied,      _ENDING,   end_at_last_heartbeat),
    on(_GRACE,    GraceOver,         _ENDING,   end_at_grace),
    on(_GRACE,    SeatLeft,          _ENDING,   end_now),
    on(_GRACE,    ChargeStopped,     _GRACE,    ignore),
    on(_GRACE,    LateChargeStopped, _GRACE,    ignore),
    *(on(_ENDING, each,              _ENDING,   ignore) for each in
      (Beat, BeatRenewed, BeatUnpaid, EndCalled, Replaced, FellSilent, LauncherDied, GraceOver, SeatLeft)),
    on(_ENDING,   ChargeStopped,     _ENDED,    ignore),
    on(_ENDING,   LateChargeStopped, _EXPIRED,  ignore),
    *(on(final,   each,              final,     ignore) for final in (_ENDED, _EXPIRED) for each in
      (Beat, BeatRenewed, BeatUnpaid, EndCalled, Replaced, FellSilent, LauncherDied, GraceOver, SeatLeft,
       ChargeStopped, LateChargeStopped)),
)
# fmt: on


def advance(session: GameSession, event: GameEvent) -> GameSession:
    """The session after `event`."""
    row = TRANSITIONS[session.phase, type(event)]
    after = row.doing(session, event)
    return after if after.phase is row.target else evolve(after, phase=row.target)


def stopped(session: GameSession, at: Instant) -> GameEvent:
    """What the end of its charge means to a session."""
    return LateChargeStopped(at) if session.end is GameEnd.HEARTBEAT_TIMEOUT else ChargeStopped(at)


# What follows from the time alone


def consequence(session: GameSession, launcher_seen_at: Instant | None, at: Instant) -> GameEvent | None:
    """What has happened to a live session by `at`, whichever came first; None for nothing.

    `launcher_seen_at` is None once the launcher's session is over.
    """
    if not session.phase.is_live:
        return None
    due: list[tuple[int, GameEvent]] = []
    if launcher_seen_at is None:
        due.append((0, LauncherDied(at)))
    elif is_launcher_dead(launcher_seen_at, at):
        due.append((later(launcher_seen_at, SILENT_FOR) + 1, LauncherDied(at)))
    if at >= later(session.last_heartbeat_at, SILENT_FOR):
        due.append((later(session.last_heartbeat_at, SILENT_FOR), FellSilent(at)))
    if session.grace_from is not None and at >= later(session.grace_from, GRACE):
        due.append((later(session.grace_from, GRACE), GraceOver(at)))
    return min(due, key=lambda each: each[0])[1] if due else None


def is_launcher_dead(seen_at: Instant, at: Instant) -> bool:
    """Whether a launcher last heard of at `seen_at` counts as dead: after more than 240 s."""
    return at > later(seen_at, SILENT_FOR)


def wake_at(session: GameSession, launcher_seen_at: Instant | None) -> Instant | None:
    """When something follows from the time alone, or since when it has; None if nothing will."""
    if not session.phase.is_live:
        return None
    if launcher_seen_at is None:
        return session.last_heartbeat_at
    ends = [later(session.last_heartbeat_at, SILENT_FOR), Instant(later(launcher_seen_at, SILENT_FOR) + 1)]
    if session.grace_from is not None:
        ends.append(later(session.grace_from, GRACE))
    return min(ends)


# One-time tokens


class OttRefusal(Enum):
    """Why a token does not verify; in the order in which it is asked."""

    ALREADY_USED = "OTT_ALREADY_USED"
    EXPIRED = "OTT_EXPIRED"
    GAME_MISMATCH = "GAME_MISMATCH"
    NOT_CHARGEABLE = "NOT_CHARGEABLE"


@frozen(kw_only=True)
class Ott:
    """A one-time token. `spent_at`: when it was verified, or refused so that it is spent."""

    game_id: int
    issued_at: Instant
    spent_at: Instant | None = None


def refusal(ott: Ott | None, game_id: int, launcher_seen_at: Instant | None, at: Instant) -> OttRefusal | None:
    """Why the key of game `game_id` may not begin a session with this token at `at`; None if it may.

    A token nobody issued counts as expired: going back to the launcher is what helps. `launcher_seen_at` is None once
    the launcher's session is over.
    """
    if ott is None:
        return OttRefusal.EXPIRED
    if ott.spent_at is not None:
        return OttRefusal.ALREADY_USED
    if at >= later(ott.issued_at, OTT_LASTS):
        return OttRefusal.EXPIRED
    if ott.game_id != game_id:
        return OttRefusal.GAME_MISMATCH
    if launcher_seen_at is None or is_launcher_dead(launcher_seen_at, at):
        return OttRefusal.EXPIRED
    return None


# Charging

ABANDONED = "abandoned"
"""Why a charge is stopped that no session came of: nobody played, whatever the reason beside it."""


def periods_begun(played: Seconds, period: Seconds) -> int:
    """How many charge periods have begun after so much play: each is paid in advance, the first at the start."""
    return played // period + 1
