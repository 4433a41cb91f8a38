"""What a café owes a studio for a month: sessions counted, and their seconds added up."""

from typing import Self

from attrs import evolve, frozen

from policy.game import GameEnd, GamePhase, GameSession
from policy.quantities import Seconds

ABNORMAL = frozenset({GameEnd.HEARTBEAT_TIMEOUT, GameEnd.LAUNCHER_TIMEOUT})
"""Ends that nobody told of: what was played after the last heartbeat is not known, and not counted."""

_FINAL = (GamePhase.ENDED, GamePhase.EXPIRED)


@frozen(kw_only=True)
class Tally:
    """`play_seconds` are all that was played, each session's rounded down; the others say how much of it is what.

    `open_sessions` are not counted in any other: they are played still, or their charge is not stopped yet.
    """

    sessions: int = 0
    play_seconds: Seconds = Seconds(0)
    unbilled_seconds: Seconds = Seconds(0)
    abnormal_sessions: int = 0
    abnormal_seconds: Seconds = Seconds(0)
    open_sessions: int = 0

    def __add__(self, other: Self) -> Self:
        """Both together."""
        return evolve(
            self,
            sessions=self.sessions + other.sessions,
            play_seconds=Seconds(self.play_seconds + other.play_seconds),
            unbilled_seconds=Seconds(self.unbilled_seconds + other.unbilled_seconds),
            abnormal_sessions=self.abnormal_sessions + other.abnormal_sessions,
            abnormal_seconds=Seconds(self.abnormal_seconds + other.abnormal_seconds),
            open_sessions=self.open_sessions + other.open_sessions,
        )


def is_settled(session: GameSession) -> bool:
    """Whether nothing about it can change any more."""
    return session.phase in _FINAL


def tally(session: GameSession) -> Tally:
    """What one session counts."""
    if session.ended_at is None or not is_settled(session):
        return Tally(open_sessions=1)
    played = session.played(session.ended_at)
    is_abnormal = session.end in ABNORMAL
    return Tally(
        sessions=1,
        play_seconds=played,
        unbilled_seconds=session.unbilled,
        abnormal_sessions=int(is_abnormal),
        abnormal_seconds=played if is_abnormal else Seconds(0),
    )
