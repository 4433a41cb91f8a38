"""Which connection a report is about. An Acct-Session-Id alone does not say: NASes use them again."""

from policy.connection import AccountingEvent, AccountingStart, AccountingStop, Closing, Connection
from policy.quantities import Instant

_LATE_START_WITHIN = 60_000
_CLOCKS_AGREE_WITHIN = 2_000


def is_about(connection: Connection, event: AccountingEvent, *, by_class: bool) -> bool:
    """Whether `event` reports `connection`, found by our Class or else by its Acct-Session-Id at this NAS."""
    if not _may_be_named(connection, event.acct_session_id):
        return False
    if connection.closed_at is None:
        return True
    if isinstance(event, AccountingStart):
        return _is_late_start(connection.closed_at, event, by_class=by_class)
    if by_class or _began(event) <= connection.closed_at + _CLOCKS_AGREE_WITHIN:
        return True
    return isinstance(event, AccountingStop) and _repeats(connection, event)


def _may_be_named(connection: Connection, name: str | None) -> bool:
    known = connection.acct_session_id
    return known is None or name is None or known.lower() == name.lower()


def _repeats(connection: Connection, event: AccountingStop) -> bool:
    """Whether it is the Stop that was recorded, to the octet and the second: a server that has heard little of a NAS
    may take an old one for a fresh one."""
    report, used = event.report, connection.counters.used
    counted = (report.uploaded, report.downloaded, report.seconds)
    is_closed_by_stop = connection.closing is Closing.STOPPED
    return is_closed_by_stop and used.octets > 0 and counted == (used.uploaded, used.downloaded, used.seconds)


def _began(event: AccountingEvent) -> Instant:
    return Instant(event.at - (event.report.seconds or 0) * 1000)


def _is_late_start(closed_at: Instant, event: AccountingStart, *, by_class: bool) -> bool:
    """A Start after the Stop is the old one come late, or the same NAS opening a new line under the old id."""
    if event.is_dated:
        # Stamps are in whole seconds, and two servers that hear of one NAS reckon its clock apart.
        return event.at <= closed_at + _CLOCKS_AGREE_WITHIN
    return by_class or event.at <= closed_at + _LATE_START_WITHIN
