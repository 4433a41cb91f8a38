"""A pass with its live sessions and their connections: what one event may change, and all that follows from it."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from attrs import frozen

from policy import connection as connections
from policy import session as sessions
from policy.accounts import Branch
from policy.connection import (
    AccountingEvent,
    AccountingReport,
    AccountingStart,
    AccountingStop,
    Closing,
    Connection,
    ConnectionEvent,
    CutOrdered,
    CutProven,
    FoundAlive,
    FoundGone,
    InterimUpdate,
    RouterRebooted,
    Superseded,
)
from policy.effects import Disconnect, Effect, SessionEnded
from policy.facts import Fact, fact
from policy.package import time_of_day
from policy.passes import Pass, data_left, is_over_data, time_left
from policy.quantities import Instant, Seconds, later
from policy.session import (
    ENDINGS,
    CutByAdministrator,
    DataSpent,
    Ended,
    LoggedOut,
    Metered,
    Phase,
    RouterLost,
    Session,
    TimeSpent,
)
from policy.usage import NOTHING, Usage
from policy.values import evolve

USER_REQUEST, SESSION_TIMEOUT, NAS_REQUEST = 1, 5, 10  # Acct-Terminate-Cause (RFC 2866 §5.10)
MAY_END_SESSION = frozenset((USER_REQUEST, SESSION_TIMEOUT, NAS_REQUEST))
"""The causes of a Stop with which its session may be over; with any other its device may come back."""

_ROUTER_IS_EARLY_BY = Seconds(5)
_STILL_ALIVE_AFTER = 5_000


class _Numbered(Protocol):
    @property
    def id(self) -> int: ...


V = TypeVar("V", bound=_Numbered)


@frozen
class Holding:
    """`sessions` are those that live, and those an event is about; likewise `connections`."""

    bought: Pass
    sessions: tuple[Session, ...] = ()
    connections: tuple[Connection, ...] = ()

    def session(self, session_id: int) -> Session:
        """The session of this id."""
        for each in self.sessions:
            if each.id == session_id:
                return each
        raise KeyError(session_id)

    def connection(self, connection_id: int) -> Connection:
        """The connection of this id."""
        for each in self.connections:
            if each.id == connection_id:
                return each
        raise KeyError(connection_id)

    def active(self) -> Iterator[Session]:
        """The sessions that hold a place."""
        return (each for each in self.sessions if each.is_active)

    def running(self, session_id: int) -> Iterator[Connection]:
        """The connections of this session that are not over."""
        return (each for each in self.connections if each.session_id == session_id and not each.is_closed)

    def with_session(self, changed: Session) -> "Holding":
        """This, with a session in its new state, or one more session."""
        return Holding(self.bought, _with(self.sessions, changed), self.connections)

    def with_connection(self, changed: Connection) -> "Holding":
        """This, with a connection in its new state, or one more connection."""
        return Holding(self.bought, self.sessions, _with(self.connections, changed))


def _with(values: tuple[V, ...], changed: V) -> tuple[V, ...]:
    """One of `values` replaced by how it is now, or one more."""
    if len(values) == 1 and values[0].id == changed.id:
        return (changed,)
    return (*(each for each in values if each.id != changed.id), changed)


def gathered(bought: Pass, live: Iterable[Session], lines: Iterable[Connection]) -> Holding:
    """A holding from its parts as they are kept: what an open connection used is kept with that connection alone."""
    lines = tuple(lines)
    live = tuple(live)
    for each in lines:
        if each.is_open and each.session_id is not None and each.counters.used != NOTHING:
            used = each.counters.used
            bought = evolve(bought, used=bought.used.plus(used))
            live = tuple(evolve(i, used=i.used.plus(used)) if i.id == each.session_id else i for i in live)
    return Holding(bought, live, lines)


def settled(used: Usage, open_lines: Iterable[Connection]) -> Usage:
    """What is kept of `used` with the pass or the session: all but what its open connections used."""
    for each in open_lines:
        used = used.less(each.counters.used)
    return used


Step = tuple[Holding, tuple[Effect, ...]]


# What is left, and when it ends


def online(holding: Holding, at: Instant) -> Seconds:
    """Time online up to `at`: what was reported, and what has passed since on the connections that run."""
    since = sum(max(0, at - each.last_at) // 1000 for each in _counted(holding))
    return Seconds(holding.bought.used.seconds + since)


def _counted(holding: Holding) -> list[Connection]:
    return [each for each in holding.connections if not each.is_closed and each.started_at is not None]


def left(holding: Holding, branch: Branch, at: Instant) -> Seconds | None:
    """Time the guest may still be online from `at` on, for Session-Timeout; None for no limit."""
    paid = time_left(holding.bought, online(holding, at), at)
    hours = holding.bought.terms.hours
    if hours is None:
        return paid
    open_for = hours.until_closing(time_of_day(at, branch.utc_offset))
    return open_for if paid is None else min(paid, open_for)


def _time_end(holding: Holding, at: Instant) -> Instant | None:
    bought = holding.bought
    if bought.is_wall_clock or bought.time is None:
        return bought.wall_end
    counted = len(_counted(holding))
    rest = max(0, bought.time - online(holding, at))
    if rest == 0:
        return at
    return Instant(at + rest * 1000 // counted) if counted else None


def wake_at(holding: Holding, branch: Branch, at: Instant) -> Instant | None:
    """When something will follow from the time alone; None if nothing will."""
    ends: list[Instant | None] = []
    if any(each.phase is Phase.PENDING for each in holding.sessions):
        ends.append(holding.bought.valid_until)
    if any(holding.active()):
        ends.append(_time_end(holding, at))
        hours = holding.bought.terms.hours
        if hours is not None:
            ends.append(later(at, hours.until_closing(time_of_day(at, branch.utc_offset))))
    return min((each for each in ends if each is not None), default=None)


def is_spent(holding: Holding, at: Instant) -> bool:
    """Whether nobody will ever log in on it again, unless something is added to it."""
    bought = holding.bought
    if any(not each.phase.is_final for each in holding.sessions):
        return False
    is_unused_too_long = bought.valid_until is not None and bought.valid_until <= at
    return is_unused_too_long or data_left(bought) == 0 or time_left(bought, online(holding, at), at) == 0


# Events


def expire(holding: Holding, branch: Branch, at: Instant) -> Step:
    """End what has run out by `at`; the state alone decides, so it may be asked at any time."""
    effects: tuple[Effect, ...] = ()
    for session in holding.sessions:
        if not session.phase.is_final:
            ending, why = _due(holding, session, branch, at)
            if ending is not None:
                holding, more = end_session(holding, session.id, ending, why)
                effects += more
    return holding, effects


def _due(holding: Holding, session: Session, branch: Branch, at: Instant) -> tuple[Ended | None, tuple[Fact, ...]]:
    bought = holding.bought
    if session.phase is Phase.PENDING:
        until = bought.valid_until
        if until is None or until > at:
            return None, ()
        return TimeSpent(until), (fact("pass_unused_too_long", pass_id=bought.id, until=until),)
    if is_over_data(bought):
        return DataSpent(at), (_data_fact(bought),)
    end = _time_end(holding, at)
    if end is not None and end <= at:
        return TimeSpent(end), (time_fact(bought),)
    hours = bought.terms.hours
    if hours is not None and hours.until_closing(time_of_day(at, branch.utc_offset)) == 0:
        return TimeSpent(at), (fact("hours_over", package=bought.terms.name),)
    return None, ()


def _data_fact(bought: Pass) -> Fact:
    return fact("pass_data_spent", pass_id=bought.id, used=bought.used.octets, data=bought.data)


def time_fact(bought: Pass) -> Fact:
    """That the time of the pass is used up, and how it was counted."""
    if bought.is_wall_clock:
        return fact("pass_time_spent", pass_id=bought.id, time=bought.time, first_login=bought.first_login_at)
    return fact("pass_online_time_spent", pass_id=bought.id, time=bought.time, used=bought.used.seconds)


def end_session(holding: Holding, session_id: int, event: Ended, why: tuple[Fact, ...]) -> Step:
    """End a session and cut every connection it still has."""
    before = holding.session(session_id)
    session = sessions.advance(before, event)
    if session is before:
        return holding, ()
    holding, cuts = _cut(holding.with_session(session), session_id, event.at)
    ended = fact("ended", session_id=session_id, phase=session.phase.value, reason=ENDINGS[type(event)].value)
    return holding, (SessionEnded(session_id, (ended, *why)), *cuts)


def _cut(holding: Holding, session_id: int, at: Instant) -> Step:
    effects: tuple[Effect, ...] = ()
    for each in tuple(holding.running(session_id)):
        cutting, _ = connections.advance(each, CutOrdered(at))
        if cutting is not each:
            holding = holding.with_connection(cutting)
            effects += (Disconnect(each.id),)
    return holding, effects


def report(holding: Holding, connection_id: int, event: AccountingReport, branch: Branch) -> Step:
    """Take over what the NAS reports of one connection, then end what that has used up."""
    before = holding.connection(connection_id)
    holding, connection = _metered(holding, before, event)
    effects: tuple[Effect, ...] = ()
    session_id = before.session_id
    if session_id is None:
        return holding, effects
    if isinstance(event, AccountingStop):
        holding, effects = _stopped(holding, before, event, branch)
    elif _is_alive_after_all(connection, event):
        holding = holding.with_connection(connections.advance(connection, FoundAlive(event.at))[0])
    if isinstance(event, AccountingStart):
        holding, more = _supersede(holding, connection, event)
        effects += more
    holding, more = expire(holding, branch, event.at)
    effects += more
    if holding.session(session_id).phase.is_final:
        holding, more = _cut(holding, session_id, event.at)
        effects += more
    return holding, effects


def _metered(holding: Holding, before: Connection, event: ConnectionEvent) -> tuple[Holding, Connection]:
    connection, fresh = connections.advance(before, event)
    if connection is not before:
        holding = holding.with_connection(connection)
    if fresh != NOTHING and connection.session_id is not None:
        holding = count(holding, connection.session_id, fresh)
    return holding, connection


def count(holding: Holding, session_id: int, fresh: Usage) -> Holding:
    """What a connection of this session used anew is used of the session and of the pass."""
    session = sessions.advance(holding.session(session_id), Metered(fresh))
    bought = evolve(holding.bought, used=holding.bought.used.plus(fresh))
    return Holding(bought, _with(holding.sessions, session), holding.connections)


def _is_alive_after_all(connection: Connection, event: AccountingEvent) -> bool:
    # A Stop is the NAS's own word and stands; an ACK or an inferred reboot may turn out wrong.
    if connection.closed_at is None or connection.closing is Closing.STOPPED:
        return False
    return isinstance(event, InterimUpdate) and event.at > connection.closed_at + _STILL_ALIVE_AFTER


def _supersede(holding: Holding, connection: Connection, event: AccountingStart) -> Step:
    """The device is here now: an older connection on this NAS is over, its Stop lost; one elsewhere is to be cut."""
    effects: tuple[Effect, ...] = ()
    if connection.is_closed or connection.session_id is None:
        return holding, effects
    for each in tuple(holding.running(connection.session_id)):
        if each.id == connection.id or each.opened_at > connection.opened_at:
            continue
        if (each.router_id, each.nas) == (connection.router_id, connection.nas):
            holding = holding.with_connection(connections.advance(each, Superseded(event.at))[0])
        elif each.device and each.device == connection.device and each.state is connections.ConnectionState.OPEN:
            # It roamed. What the router it left still lists would hold a place that nobody sits in.
            holding = holding.with_connection(connections.advance(each, CutOrdered(event.at))[0])
            effects += (Disconnect(each.id),)
    return holding, effects


def _stopped(holding: Holding, before: Connection, event: AccountingStop, branch: Branch) -> Step:
    session_id = before.session_id
    if session_id is None or before.state is not connections.ConnectionState.OPEN or any(holding.running(session_id)):
        return holding, ()
    if event.cause == USER_REQUEST:
        if event.is_back:
            return holding, ()
        return end_session(holding, session_id, LoggedOut(event.at), (fact("guest_logged_out"),))
    rest = left(holding, branch, event.at)
    if event.cause == SESSION_TIMEOUT and rest is not None and rest <= _ROUTER_IS_EARLY_BY:
        why = (fact("router_counted_down"), time_fact(holding.bought))
        return end_session(holding, session_id, TimeSpent(event.at), why)
    if event.cause == NAS_REQUEST and data_left(holding.bought) == 0:
        return end_session(holding, session_id, DataSpent(event.at), (_data_fact(holding.bought),))
    return holding, ()


def lose_connection(holding: Holding, connection_id: int, event: CutProven | FoundGone) -> Holding:
    """The NAS has the connection no more."""
    return _metered(holding, holding.connection(connection_id), event)[0]


def reboot(holding: Holding, router_id: int, nas: str, boot: str | None, event: RouterRebooted, how: str) -> Step:
    """Close what the router lost, at the last packet's time; connections of the new `boot` stay."""
    effects: tuple[Effect, ...] = ()
    for each in holding.connections:
        if each.is_closed or (each.router_id, each.nas) != (router_id, nas):
            continue
        if boot is not None and each.boot in (None, boot):
            continue
        # What was told late, after an absence of the store, says nothing of what was opened since.
        if each.opened_at > event.at:
            continue
        closed, _ = connections.advance(each, event)
        holding = holding.with_connection(closed)
        if each.session_id is not None and not any(holding.running(each.session_id)):
            ending = RouterLost(each.last_at)
            holding, more = end_session(holding, each.session_id, ending, (fact("router_rebooted", how=how),))
            effects += more
    return holding, effects


def cut_session(holding: Holding, session_id: int, text: str, at: Instant) -> Step:
    """An administrator ends a session; until released, only devices that are in may use its pass."""
    why = (fact("by_administrator", text=text),)
    held = evolve(holding, bought=evolve(holding.bought, held=text))
    return end_session(held, session_id, CutByAdministrator(at), why)
