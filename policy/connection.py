"""A connection: one stretch of a session under one Acct-Session-Id on one NAS."""

from enum import Enum
from typing import Any

from attrs import frozen

from policy.quantities import Instant, Seconds
from policy.table import ignore, on, table
from policy.usage import NOTHING, Counters, Report, Usage, take_over
from policy.values import evolve


class ConnectionState(Enum):
    """OPEN from the Access-Accept on; CUTTING from the decision to cut until its outcome; then CLOSED."""

    OPEN = "OPEN"
    CUTTING = "CUTTING"
    CLOSED = "CLOSED"


class Closing(Enum):
    """How we know that a connection is over."""

    STOPPED = "stopped"  # the NAS sent its Stop
    ABSENT = "absent"  # the NAS's own list of active sessions does not have it
    GONE = "gone"  # the NAS answered that it has no such session (Error-Cause 503)
    REBOOTED = "rebooted"  # the NAS started anew, told or inferred
    SUPERSEDED = "superseded"  # the same device came back on the same NAS: its Stop was lost
    NEVER_STARTED = "never started"  # accepted, and nothing more was heard


@frozen(kw_only=True)
class Connection:
    """`last_at` is the last packet's time; `closed_at` and `closing` are set together.

    `nas` is what the NAS calls itself, since several may share one entry; its packets come from `nas_address`.
    `acct_session_id` is None until the NAS named it; `boot` is the boot digit in it where the NAS has one.
    """

    id: int
    session_id: int | None
    router_id: int
    nas: str = ""
    nas_address: str = ""
    state: ConnectionState = ConnectionState.OPEN
    user_name: str
    device: str
    acct_session_id: str | None = None
    framed_ip_address: str | None = None
    boot: str | None = None
    opened_at: Instant
    started_at: Instant | None = None
    last_at: Instant
    closed_at: Instant | None = None
    closing: Closing | None = None
    terminate_cause: int | None = None
    counters: Counters = Counters()

    @property
    def is_open(self) -> bool:
        """Whether it runs and is not to be cut."""
        return self.state is ConnectionState.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return self.state is ConnectionState.CLOSED

    def is_stale(self, at: Instant) -> bool:
        """Whether it was accepted a while ago and its Start never came: it holds no place then."""
        return self.started_at is None and at - self.last_at > _START_AWAITED


_START_AWAITED = 300_000


@frozen(kw_only=True)
class AccountingEvent:
    """What every accounting report says: when it happened, what it is about, and what it counts."""

    at: Instant
    acct_session_id: str | None = None
    framed_ip_address: str | None = None
    nas_address: str = ""
    boot: str | None = None
    report: Report = Report()


@frozen(kw_only=True)
class AccountingStart(AccountingEvent):
    """The NAS opened the line (RFC 2866 §5.1). `is_dated` says that the NAS told the time itself."""

    is_dated: bool = False


@frozen(kw_only=True)
class InterimUpdate(AccountingEvent):
    """The NAS's counters so far (RFC 2869 §2.1)."""


@frozen(kw_only=True)
class AccountingStop(AccountingEvent):
    """The NAS closed the line; `cause` is its Acct-Terminate-Cause. `is_back`: the guest was let in again since."""

    cause: int | None = None
    is_back: bool = False


@frozen
class CutOrdered:
    """Policy wants the connection ended."""

    at: Instant


@frozen
class CutProven:
    """The NAS shows that the connection is over: it knows of none, or its active list has none."""

    at: Instant
    closing: Closing


@frozen
class FoundGone:
    """Asked whether the connection goes on, the NAS knew of none."""

    at: Instant


@frozen
class RouterRebooted:
    """The NAS lost all its connections."""

    at: Instant


@frozen
class Superseded:
    """A newer connection took this one's place without its Stop."""

    at: Instant


@frozen
class FoundAlive:
    """A report shows that the connection goes on, though we took it for closed."""

    at: Instant


AccountingReport = AccountingStart | InterimUpdate | AccountingStop

ConnectionEvent = (
    AccountingStart
    | InterimUpdate
    | AccountingStop
    | CutOrdered
    | CutProven
    | RouterRebooted
    | Superseded
    | FoundAlive
    | FoundGone
)


def meter(connection: Connection, event: AccountingEvent, **more: Any) -> Connection:
    """Take over counters, and the latest address the NAS reported.

    `more` changes with them.
    """
    is_latest = event.at >= connection.last_at
    address = event.framed_ip_address if is_latest else connection.framed_ip_address
    changes = {
        "counters": take_over(connection.counters, _believable(connection, event)),
        "last_at": event.at if is_latest else connection.last_at,
        "started_at": connection.opened_at if connection.started_at is None else connection.started_at,
        "acct_session_id": connection.acct_session_id or event.acct_session_id,
        "framed_ip_address": address or connection.framed_ip_address or event.framed_ip_address,
        "nas_address": event.nas_address or connection.nas_address,
        "boot": connection.boot or event.boot,
    }
    return evolve(connection, **{**changes, **more})


def _believable(connection: Connection, event: AccountingEvent) -> Report:
    """The report, its session time not beyond wall time since the connection opened, and 2 s for rounding."""
    seconds = event.report.seconds
    longest = Seconds((max(event.at, connection.last_at) - connection.opened_at) // 1000 + 2)
    if seconds is None or seconds <= longest:
        return event.report
    return evolve(event.report, seconds=Seconds(max(0, longest)))


def begin(connection: Connection, event: AccountingStart) -> Connection:
    """The NAS names the connection."""
    started = event.at if connection.started_at is None else connection.started_at
    return meter(connection, event, started_at=max(started, connection.opened_at))


def finish(connection: Connection, event: AccountingStop) -> Connection:
    """The Stop has the last word, and its counters are taken over first."""
    closed_at = max(event.at, connection.opened_at)
    closed = {"state": ConnectionState.CLOSED, "closed_at": closed_at, "closing": Closing.STOPPED}
    return meter(connection, event, terminate_cause=event.cause, **closed)


def close_as_proven(connection: Connection, event: CutProven) -> Connection:
    """Believe the NAS; its Stop may still bring the last counters."""
    return _closed(connection, event.at, event.closing)


def miss(connection: Connection, event: FoundGone) -> Connection:
    """Over since the last packet: its Stop was lost."""
    return _closed(connection, connection.last_at, Closing.GONE)


def lose(connection: Connection, event: RouterRebooted) -> Connection:
    """Over since the last packet: nobody knows how long it went on after that."""
    return _closed(connection, connection.last_at, Closing.REBOOTED)


def replace(connection: Connection, event: Superseded) -> Connection:
    """Over since the last packet, as the lost Stop would have said."""
    closing = Closing.NEVER_STARTED if connection.started_at is None else Closing.SUPERSEDED
    return _closed(connection, connection.last_at, closing)


def reopen(connection: Connection, event: FoundAlive) -> Connection:
    """We were wrong."""
    return evolve(connection, closed_at=None, closing=None)


def confirm_stop(connection: Connection, event: AccountingStop) -> Connection:
    """A Stop after we took the connection for closed: the last counters, and now the NAS's own word."""
    return finish(connection, event)


def _closed(connection: Connection, at: Instant, closing: Closing) -> Connection:
    closed_at = max(at, connection.opened_at)
    return evolve(connection, state=ConnectionState.CLOSED, closed_at=closed_at, closing=closing)


_OPEN, _CUTTING, _CLOSED = ConnectionState.OPEN, ConnectionState.CUTTING, ConnectionState.CLOSED

# fmt: off
TRANSITIONS = table(
    # in state   upon              enter      doing
    on(_OPEN,    AccountingStart,  _OPEN,     begin),
    on(_OPEN,    InterimUpdate,    _OPEN,     meter),
    on(_OPEN,    AccountingStop,   _CLOSED,   finish),
    on(_OPEN,    CutOrdered,       _CUTTING,  ignore),
    on(_OPEN,    CutProven,        _OPEN,     ignore),
    on(_OPEN,    RouterRebooted,   _CLOSED,   lose),
    on(_OPEN,    Superseded,       _CLOSED,   replace),
    on(_OPEN,    FoundAlive,       _OPEN,     ignore),
    on(_OPEN,    FoundGone,        _CLOSED,   miss),
    on(_CUTTING, AccountingStart,  _CUTTING,  begin),
    on(_CUTTING, InterimUpdate,    _CUTTING,  meter),            # usage until the cut bites still counts
    on(_CUTTING, AccountingStop,   _CLOSED,   finish),
    on(_CUTTING, CutOrdered,       _CUTTING,  ignore),           # a second wish joins the first
    on(_CUTTING, CutProven,        _CLOSED,   close_as_proven),
    on(_CUTTING, RouterRebooted,   _CLOSED,   lose),
    on(_CUTTING, Superseded,       _CLOSED,   replace),
    on(_CUTTING, FoundAlive,       _CUTTING,  ignore),
    on(_CUTTING, FoundGone,        _CLOSED,   miss),
    on(_CLOSED,  AccountingStart,  _CLOSED,   ignore),           # its Start, late
    on(_CLOSED,  InterimUpdate,    _CLOSED,   meter),            # a late report still counts
    on(_CLOSED,  AccountingStop,   _CLOSED,   confirm_stop),
    on(_CLOSED,  CutOrdered,       _CLOSED,   ignore),
    on(_CLOSED,  CutProven,        _CLOSED,   ignore),
    on(_CLOSED,  RouterRebooted,   _CLOSED,   ignore),
    on(_CLOSED,  Superseded,       _CLOSED,   ignore),
    on(_CLOSED,  FoundAlive,       _OPEN,     reopen),
    on(_CLOSED,  FoundGone,        _CLOSED,   ignore),
)
# fmt: on


def advance(connection: Connection, event: ConnectionEvent) -> tuple[Connection, Usage]:
    """The connection after `event`, and the usage that was new in it."""
    row = TRANSITIONS[connection.state, type(event)]
    after = row.doing(connection, event)
    if after.state is not row.target:
        after = evolve(after, state=row.target)
    return after, _fresh(connection.counters.used, after.counters.used)


def _fresh(before: Usage, after: Usage) -> Usage:
    if before is after:
        return NOTHING
    return after.less(before)
