"""The game sessions of a month: each belongs to the month in which it began by the clock of its café."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from policy.game import GameSession
from policy.quantities import Instant
from radiusd.store.game_rows import session_from_row
from radiusd.store.game_schema import game_sessions
from radiusd.store.schema import branches

_AT_ONCE = 1000


@frozen
class Month:
    """A month of the calendar."""

    year: int
    number: int

    def begins_at(self, zone: str) -> Instant:
        """Its first instant in a time zone."""
        # Where clocks jump over midnight this is the jump itself, and where they show it twice, the first of both.
        return Instant(int(datetime(self.year, self.number, 1, tzinfo=ZoneInfo(zone)).timestamp()) * 1000)

    def ends_at(self, zone: str) -> Instant:
        """The first instant of the month after it."""
        after = Month(self.year + self.number // 12, self.number % 12 + 1)
        return after.begins_at(zone)

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"


@frozen
class CafeMonth:
    """A month at a café: what began from `begins_at` on, and before `ends_at`."""

    branch_id: int
    branch: str
    timezone: str
    begins_at: Instant
    ends_at: Instant


@frozen
class Line:
    """A session of a settlement; `row` is its row of `game_sessions`."""

    cafe: CafeMonth
    session: GameSession
    row: RowMapping


@frozen
class Scope:
    """Which sessions a settlement is about; `cafes` by branch id, in the order of their names."""

    game_id: int
    cafes: Mapping[int, CafeMonth]


def scope(connection: Connection, game: RowMapping, month: Month, branch: RowMapping | None) -> Scope:
    """A month of a game, at one café or at all."""
    query = select(branches.c.id, branches.c.name, branches.c.timezone).order_by(branches.c.name)
    if branch is not None:
        query = query.where(branches.c.id == branch["id"])
    return Scope(
        game["id"],
        {
            row.id: CafeMonth(
                row.id, row.name, row.timezone, month.begins_at(row.timezone), month.ends_at(row.timezone)
            )
            for row in connection.execute(query)
        },
    )


def count(connection: Connection, wanted: Scope) -> int:
    """How many rows `lines` looks at, which is somewhat more than it gives."""
    query = select(func.count()).select_from(game_sessions).where(*_where(wanted))
    return int(connection.execute(query).scalar_one())


def lines(connection: Connection, wanted: Scope) -> Iterator[Line | None]:
    """The sessions by their start, read as they are asked for; None for a row of a neighbouring month."""
    query = (
        select(game_sessions)
        .where(*_where(wanted))
        .order_by(game_sessions.c.started_at, game_sessions.c.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for row in connection.execute(query).mappings():
        cafe = wanted.cafes[row["branch_id"]]
        is_within = cafe.begins_at <= row["started_at"] < cafe.ends_at
        yield Line(cafe, session_from_row(row), row) if is_within else None


def _where(wanted: Scope) -> "list[ColumnElement[bool]]":
    """The month as wide as it is between the first café and the last: one statement for all time zones."""
    cafes = wanted.cafes.values()
    found: list[Any] = [
        game_sessions.c.game_id == wanted.game_id,
        game_sessions.c.started_at >= min((each.begins_at for each in cafes), default=0),
        game_sessions.c.started_at < max((each.ends_at for each in cafes), default=0),
    ]
    if len(cafes) == 1:
        found.append(game_sessions.c.branch_id == next(iter(wanted.cafes)))
    return found
