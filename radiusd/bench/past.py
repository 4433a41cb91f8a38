"""The sessions of earlier days in a store: copies of those of today that are over, made by the database itself."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Table, insert, literal, null, select, update

from policy.connection import Closing, ConnectionState
from policy.quantities import DAY, Instant
from policy.session import EndReason, Phase
from radiusd.store.database import Database
from radiusd.store.schema import connections, decisions, identifiers, passes, sessions

_A_DAY = DAY * 1000
_REACHES = {
    passes: passes.c.id,
    sessions: sessions.c.pass_id,
    connections: connections.c.session_id,
    decisions: decisions.c.session_id,
}
"""What is copied, and the column by which guests are counted: guests, passes and sessions are numbered alike."""


@frozen(kw_only=True)
class Past:
    """So many sessions of earlier days, for a store with so many guests, each of whom has one today.

    Each has used what `used` says, by column.
    """

    guests: int
    sessions: int
    used: Mapping[str, int]
    now: Instant


def add_past(database: Database, past: Past, done: Callable[[int], None]) -> None:
    """The sessions of a day are copies of all of today, with ids as far beyond the highest as that day lies back.

    `done` hears how many there are.
    """
    with database.writing() as connection:
        tops = {table.name: _next_id(connection, table) for table in _REACHES}
    days = -(-past.sessions // past.guests)
    for day in range(1, days + 1):
        made = (day - 1) * past.guests
        for table in _REACHES:
            with database.writing() as connection:
                _copy(connection, table, day, tops, past)
        done(min(past.sessions, made + past.guests))
    with database.writing() as connection:
        for name, top in tops.items():
            connection.execute(update(identifiers).where(identifiers.c.name == name).values(next=(days + 1) * top))


def _next_id(connection: Connection, table: Table) -> int:
    # What nobody has any of is not numbered yet.
    return connection.execute(select(identifiers.c.next).where(identifiers.c.name == table.name)).scalar() or 1


def _copy(connection: Connection, table: Table, day: int, tops: Mapping[str, int], past: Past) -> None:
    """The rows of a day; of the last one only those of the guests that are still wanted."""
    guests = min(past.guests, past.sessions - (day - 1) * past.guests)
    changed = {"id": table.c.id + day * tops[table.name], **_changed(table, day, tops, past)}
    names = [each.name for each in table.columns]
    rows = select(*[changed.get(each.name, each).label(each.name) for each in table.columns]).where(
        table.c.id < tops[table.name], _REACHES[table] <= guests
    )
    connection.execute(insert(table).from_select(names, rows))


def _changed(table: Table, day: int, tops: Mapping[str, int], past: Past) -> dict[str, Any]:
    """What is different in a row of a day that is over."""
    ended = past.now - day * _A_DAY
    began = literal(ended - _A_DAY // 2)
    used = {name: literal(value) for name, value in past.used.items()}
    if table is passes:
        return {"is_open": literal(False), "wake_at": null(), "sold_at": began, "first_login_at": began, **used}
    if table is sessions:
        return {
            "pass_id": sessions.c.pass_id + day * tops["passes"],
            "phase": literal(Phase.EXPIRED.value),
            "slot": null(),
            "created_at": began,
            "started_at": began,
            "ended_at": literal(ended),
            "end_reason": literal(EndReason.TIME_EXPIRED.value),
            **used,
        }
    if table is connections:
        return {
            "session_id": connections.c.session_id + day * tops["sessions"],
            "state": literal(ConnectionState.CLOSED.value),
            # The routers have counted on since, so that no Acct-Session-Id of then is one of now.
            "key": connections.c.key + f".{day}",
            "opened_at": began,
            "last_at": literal(ended),
            "closed_at": literal(ended),
            "closing": literal(Closing.STOPPED.value),
        }
    return {"session_id": decisions.c.session_id + day * tops["sessions"], "at": began}
