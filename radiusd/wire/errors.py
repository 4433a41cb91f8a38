"""What can be wrong with a datagram. `reason` is short and stable: it names a counter and a log line."""


class WireError(Exception):
    """The datagram is not a RADIUS packet we can believe."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedPacket(WireError):
    """The octets break the layout of RFC 2865 §3 or §5."""


class BadAuthenticator(WireError):
    """Nobody who knows the shared secret made these octets."""


class PasswordTooLong(WireError):
    """A User-Password has at most 128 octets (RFC 2865 §5.2)."""

    def __init__(self) -> None:
        super().__init__("password_too_long")
