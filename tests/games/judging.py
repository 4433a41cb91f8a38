"""What must be true of charges and game sessions once an evening is over, whatever went wrong in it."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from policy.game import ABANDONED, periods_begun
from policy.quantities import Instant, Seconds
from radiusd.gaming import look
from radiusd.store.game_schema import charge_stops, game_sessions, otts, wallet_charges
from tests.games.books import Books
from tests.games.fragile import Fragile


class Judged(Protocol):
    """An evening. `valid` and `graces` are what clients were told, `put` what was put on the café's wallet."""

    @property
    def books(self) -> Books: ...
    @property
    def valid(self) -> Mapping[str, str]: ...
    @property
    def graces(self) -> Mapping[str, Instant]: ...
    @property
    def put(self) -> int: ...


def until_quiet(town: Fragile) -> None:
    """Time passes until nothing is due, and then nothing happens for a while."""
    town.pass_time(400, step=2)
    before = town.commits
    town.pass_time(60, step=5)
    assert town.commits == before
    with town.database.reading() as connection:
        due = look(connection, town.at)
    assert (due.sessions, due.claims) == (False, False)


def wrong(town: Judged) -> list[str]:
    """Everything about charges and sessions that must not be."""
    books = town.books
    return [*books.contradictions(), *_sessions(town), *_charges(town), *_money(town)]


def _sessions(town: Judged) -> Iterator[str]:
    sessions = {row.id: row for row in town.books.rows(game_sessions)}
    tokens = town.books.rows(otts)
    yield from (f"{each} is valid and no session" for each in town.valid if each not in sessions)
    yield from (f"{key} is {row.phase}" for key, row in sessions.items() if row.phase not in ("ENDED", "EXPIRED"))
    yield from (f"a token is claimed by {row.claimed_by}" for row in tokens if row.claimed_by is not None)
    begun = sum(row.outcome == "OK" for row in tokens)
    if begun != len(sessions):
        yield f"{begun} tokens are spent on {len(sessions)} sessions"
    for key, began in town.graces.items():
        row = sessions[key]
        if row.end_reason == "charge_exhausted" and row.ended_at != began + 120_000:
            yield f"the grace of {key} began at {began} and ended at {row.ended_at}"


def _charges(town: Judged) -> Iterator[str]:
    charges = {row.game_session_id: row for row in town.books.rows(wallet_charges)}
    orders = {row.game_session_id: row for row in town.books.rows(charge_stops)}
    yield from (f"{each} is valid and was never charged" for each in town.valid if each not in charges)
    yield from (f"the charge of {key} was never stopped" for key, row in charges.items() if row.stopped_at is None)
    yield from (f"nobody ordered the stop of {key}" for key in charges.keys() - orders.keys())
    yield from (f"the stop of {key} is open" for key, row in orders.items() if row.done_at is None)


def _money(town: Judged) -> Iterator[str]:
    """What was booked otherwise than the sessions say."""
    books = town.books
    booked, given_back, games = books.booked(), books.given_back(), books.games
    orders = {row.game_session_id: row for row in books.rows(charge_stops)}
    left = town.put
    for charge in books.rows(wallet_charges):
        order, paid = orders.get(charge.game_session_id), booked[charge.game_session_id]
        if charge.started_at is None or order is None:
            continue
        game = games[charge.game_id]
        if charge.periods != paid and game.rate:
            yield f"{charge.game_session_id} counts {charge.periods} periods, and {paid} are booked"
        if charge.game_session_id not in given_back:
            left -= paid * game.rate
        yield from _price(order, paid if game.rate else charge.periods, game, charge.game_session_id in given_back)
    if books.left != left:
        yield f"{books.left} units are left, and it should be {left}"


def _price(order: Any, paid: int, game: Any, is_given_back: bool) -> Iterator[str]:
    played = Seconds(order.played - order.unbilled)
    if order.reason == ABANDONED:
        if not is_given_back and game.rate:
            yield f"nobody played {order.game_session_id}, and what was paid is not given back"
    elif is_given_back or not 1 <= paid <= periods_begun(played, game.period):
        yield f"{order.game_session_id} paid for {paid} periods of {played} s"
