"""What must be done after a decision; frozen values, so that nothing happens while deciding."""

from attrs import frozen

from policy.facts import Fact


@frozen
class Disconnect:
    """Cut the connection at its NAS (RFC 5176 §3.1)."""

    connection_id: int


@frozen
class SessionEnded:
    """Keep why the session ended."""

    session_id: int
    facts: tuple[Fact, ...]


Effect = Disconnect | SessionEnded
