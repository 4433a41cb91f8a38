"""What launchers and game servers did, one request at a time, for whoever watches them."""

from collections.abc import Callable
from enum import Enum

from attrs import field, frozen

from radiusd.virtual_playwave.wire import Answer


class What(Enum):
    """Which request it was."""

    START = "start"
    OTT = "ott"
    ALIVE = "launcher heartbeat"
    QUIT = "launcher end"
    VERIFY = "verify"
    HEARTBEAT = "heartbeat"
    END = "end"


class Reaction(Enum):
    """What a client does because of an answer."""

    LET_IN = "lets the player in as a café's guest"
    ORDINARY = "lets the player in as anybody"
    TO_LAUNCHER = "sends the player back to the launcher"
    KICK = "kicks the player"
    GO_ON = "goes on"
    TELL_SPENT = "tells the player that the charge is used up, and goes on"
    STOP = "stops heartbeating, and does not call end"
    RETRY = "tries again later"
    LEAVE = "lets the player go"


@frozen(kw_only=True)
class Step:
    """One request and its answer. `about` is the one-time token or the game session's id; empty for a PC's own.

    `who` asked: a PC, or a game server. `user` is the player a verify was for, `sent` the play time that an end told.
    """

    who: str
    what: What
    user: str = ""
    about: str = field(default="", repr=False)
    sent: int | None = None
    answer: Answer
    reaction: Reaction | None = None


Told = Callable[[Step], None]


def untold(_: Step) -> None:
    """Nobody watches."""
