"""A cut: the wish to have a connection ended, and what became of it."""

from enum import Enum

from attrs import frozen

from policy.connection import Closing


class Outcome(Enum):
    """How a cut ends: the guest was put off, was gone already, or may still be online, which somebody must hear of."""

    CONFIRMED = "confirmed"
    GONE = "gone"
    NOT_CUT = "not cut"


@frozen
class Verdict:
    """`evidence` says in plain words what it rests on; `closing` is how the connection ended, None while it may run."""

    outcome: Outcome
    evidence: str
    closing: Closing | None = None


BY_CLOSING = {
    Closing.STOPPED: Verdict(Outcome.CONFIRMED, "the router's Stop", Closing.STOPPED),
    Closing.ABSENT: Verdict(Outcome.CONFIRMED, "the router's active list has it no more", Closing.ABSENT),
    Closing.GONE: Verdict(Outcome.GONE, "the router knows no such session", Closing.GONE),
    Closing.REBOOTED: Verdict(Outcome.GONE, "the router started anew", Closing.REBOOTED),
    Closing.SUPERSEDED: Verdict(Outcome.GONE, "the device came back on a new connection", Closing.SUPERSEDED),
    Closing.NEVER_STARTED: Verdict(Outcome.GONE, "the connection never began", Closing.NEVER_STARTED),
}
"""What it means for a cut that its connection closed."""
