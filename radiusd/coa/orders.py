"""What is asked of a NAS, and what can come of it."""

from attrs import field, frozen

from radiusd.wire.codes import Code


@frozen
class Target:
    """A Dynamic Authorization Server; `address` is where its packets come from."""

    router_id: int
    address: str
    port: int
    secret: bytes = field(repr=False)


@frozen
class Order:
    """One wish: to disconnect a session, or to change it. None means that the NAS never said."""

    key: int
    target: Target
    code: Code
    user_name: str
    acct_session_id: str | None
    framed_ip_address: str | None
    attributes: tuple[tuple[str, str | int], ...] = ()

    @property
    def session(self) -> tuple[object, ...]:
        """What a second wish must share with the first to be the same."""
        return (
            self.target.router_id,
            self.code,
            self.user_name,
            self.acct_session_id,
            self.framed_ip_address,
            self.attributes,
        )


@frozen
class Acknowledged:
    """An ACK; `elapsed` in milliseconds from the first datagram."""

    attempts: int
    elapsed: int


@frozen
class Refused:
    """A NAK; `error_cause` is None when the NAS gave none (RFC 5176 §3.5)."""

    error_cause: int | None
    attempts: int
    elapsed: int


@frozen
class Silent:
    """No answer in time. It proves nothing."""

    attempts: int
    elapsed: int


Answer = Acknowledged | Refused | Silent
