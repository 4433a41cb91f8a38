"""What can be known of a game session from outside: answers, and when they were asked for and came."""

from attrs import define, field, frozen

from radiusd.virtual_playwave.wire import Answer

_BRIEF = 1e-6
_NEAR = 1.05


@frozen
class Span:
    """The server acted somewhere between these two readings of our clock."""

    asked: float
    answered: float


def span(answer: Answer) -> Span:
    """When an answer was asked for, and when it came."""
    return Span(answer.asked_at, answer.answered_at)


@frozen(kw_only=True)
class Rules:
    """The server's times, in seconds. `early` is what two clocks may differ by, `late` what a timer may be behind."""

    ott: float = 60.0
    silence: float = 240.0
    launcher: float = 240.0
    grace: float = 120.0
    early: float = 1.0
    late: float = 5.0
    unlimited: float = 30.0

    @classmethod
    def of(cls, heartbeat: float, ott: float = 60.0) -> "Rules":
        """Those of a server with this heartbeat interval, its other times in proportion to it."""
        return cls(
            ott=ott,
            silence=2 * heartbeat,
            launcher=2 * heartbeat,
            grace=heartbeat,
            early=min(1.0, heartbeat / 4),
            late=max(1.0, min(5.0, heartbeat)),
        )

    def may_be_over(self, since: Span, limit: float, at: Span) -> bool:
        """Whether `limit` may have passed by the time of an answer."""
        return at.answered - since.asked >= limit - self.early - _BRIEF

    def is_near(self, played: int, began: Span, at: Span) -> bool:
        """Whether whole seconds of play are within a second of what our clock says."""
        return at.asked - began.answered - _NEAR <= played <= at.answered - began.asked + _NEAR

    def must_be_over(self, since: Span, limit: float, at: Span) -> bool:
        """Whether `limit` had passed before the question was even asked."""
        return at.asked - since.answered > limit + self.late


@define(eq=False)
class Heard:
    """When somebody was last heard of: at least then (`sure`), and at most then, counting what had no answer."""

    sure: Span
    perhaps: Span

    @classmethod
    def at(cls, when: Span) -> "Heard":
        """For the first time."""
        return cls(when, when)

    def again(self, when: Span, *, is_sure: bool) -> None:
        """Once more; an answer may come after that of a later question."""
        if is_sure and when.asked > self.sure.asked:
            self.sure = when
        if when.answered > self.perhaps.answered:
            self.perhaps = when


@define(eq=False)
class LauncherSeen:
    """A PC's latest launcher session. `quit_at` is when its end was first asked for."""

    heard: Heard
    quit_at: Span | None = None
    is_quit_sure: bool = False


@define(eq=False)
class SessionSeen:
    """A game session. `low` is the play time told last; `over` how it proved to be over, empty until it did.

    `spent_at` is when its grace surely began, `maybe_spent_at` when it may have: an answer that said so may be lost.
    """

    id: str
    user_id: str
    pc: str
    began: Span
    launcher: LauncherSeen
    heard: Heard
    low: int = 0
    spent_at: Span | None = None
    maybe_spent_at: Span | None = None
    end_at: Span | None = None
    is_end_sure: bool = False
    replaced_at: Span | None = None
    over: str = ""


@define(eq=False)
class OttSeen:
    """A one-time token: who got it when, and what each of its verifies came to."""

    pc: str
    issued: Span
    results: list[str] = field(factory=list)
    asked: list[Span] = field(factory=list)
    is_orphan: bool = False
