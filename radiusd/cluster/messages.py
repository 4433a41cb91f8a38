"""What goes over the channel: JSON, one message for all that was announced since the last."""

import msgspec
from attrs import frozen

from radiusd.cluster.announcements import Whose

LONGEST = 64 << 10
"""Octets; what is longer is none of ours."""
MOST_BALANCES = 200
"""In one message: of the longest names there are, it stays well under LONGEST."""


class NotAMessage(Exception):
    """What came over the channel is nothing that a server said; the text tells why, and nothing of what it was."""


@frozen
class Message:
    """What one server announces to all."""

    # Keys of later versions are passed over, so that servers of two versions understand each other during an upgrade.
    sender: str
    look: bool = False
    balances: tuple[Whose, ...] = ()


def encode(message: Message) -> bytes:
    """`message` as JSON."""
    return msgspec.json.encode(message)


def decode(octets: object) -> Message:
    """What was said; raises NotAMessage."""
    if not isinstance(octets, bytes):
        raise NotAMessage("not octets")
    if len(octets) > LONGEST:
        raise NotAMessage(f"longer than {LONGEST} octets")
    try:
        return msgspec.json.decode(octets, type=Message, strict=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # What msgspec quotes of a value is its type, never the value; a name of a field may be anything.
        raise NotAMessage(f"not of our form ({type(error).__name__})") from error
