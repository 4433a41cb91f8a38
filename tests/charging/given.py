"""Cafés with wallets, and games that cost something; no sockets, and jobs committed at once."""

from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from sqlalchemy import insert, select
from twisted.internet.defer import Deferred

from policy.quantities import Instant, Money, Seconds
from radiusd.charging.local import LocalWallet
from radiusd.charging.wallet import balance, earned_with, top_up, wallet_of
from radiusd.store.database import Database
from radiusd.store.directory import Directory
from radiusd.store.game_schema import games, wallet_charges, wallet_movements
from radiusd.store.invariants import check
from radiusd.store.schema import branches
from radiusd.store.writer import Committer, Job

NOON = Instant(1_795_262_400_000)


def a_key(number: int) -> str:
    """The id of a game session."""
    return f"gs_00000000-0000-4000-8000-{number:012d}"


def came_of(wish: Coroutine[Any, Any, Any]) -> Any:
    """What comes of it at once: a result, or an error."""
    came: list[Any] = []
    Deferred.fromCoroutine(wish).addErrback(lambda failure: failure.value).addCallback(came.append)
    (found,) = came
    return found


class Till:
    """A store and the built-in wallet over it. `at` is what the clock shows; every café and game is new."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.committer = Committer(database)
        self.at = NOON
        self.directory = Directory({}, {})
        self.jobs: list[Job] = []
        self._loses_answers = False
        self.port = LocalWallet(lambda: self.directory, self.submit, lambda: self.at)
        self._numbers = count(1)

    def submit(self, job: Job, done: Callable[[Any], None]) -> None:
        """Commit; the answer may be lost."""
        self.jobs.append(job)
        (result,), _ = self.committer.commit([job])
        if not self._loses_answers:
            done(result)

    def ask(self, wish: Coroutine[Any, Any, Any], *, loses_answer: bool = False) -> None:
        """Have it done; with a lost answer whoever asked never hears of it."""
        self._loses_answers = loses_answer
        Deferred.fromCoroutine(wish)
        self._loses_answers = False

    def a_cafe(self, units: int = 0) -> int:
        """A branch with so much on its wallet."""
        number = next(self._numbers)
        row = {"id": number, "name": f"q{number}", "password_store": "hash", "interim": 120, "timezone": "UTC"}
        with self.database.writing() as connection:
            connection.execute(insert(branches).values(**row, created_at=NOON))
            if units:
                top_up(connection, number, Money(units), f"first of {number}", "cash", self.at)
        return number

    def a_game(self, rate: int = 1, period: int = 60, **more: Any) -> int:
        """A game of this rate."""
        number = next(self._numbers)
        row = {"id": number, "name": f"game {number}", "place_id": "1", "rate": rate, "period": period, **more}
        with self.database.writing() as connection:
            connection.execute(insert(games).values(**row, created_at=NOON))
        return number

    def a_top_up(self, cafe: int, units: int) -> None:
        """So much more on a wallet."""
        with self.database.writing() as connection:
            top_up(connection, cafe, Money(units), f"top-up {next(self._numbers)}", "cash", self.at)

    # What a caller of the port gets

    def start(self, key: str, cafe: int, game: int) -> Any:
        return came_of(self.port.start(key, cafe, game))

    def renew(self, key: str, played: int) -> Any:
        return came_of(self.port.renew(key, Seconds(played)))

    def stop(self, key: str, played: int, unbilled: int = 0) -> Any:
        return came_of(self.port.stop(key, Seconds(played), Seconds(unbilled), "normal"))

    # What is there afterwards

    def left(self, cafe: int) -> int:
        """What the café has."""
        with self.database.reading() as connection:
            return balance(connection, wallet_of(cafe))

    def earned(self, game: int) -> int:
        """What was paid for the game."""
        with self.database.reading() as connection:
            return balance(connection, earned_with(game))

    def booked(self, key: str) -> list[int]:
        """The periods that were paid for a charge, by its movements."""
        with self.database.reading() as connection:
            keys = connection.execute(select(wallet_movements.c.key)).scalars().all()
        return sorted(int(each.rpartition(":")[2]) for each in keys if each.startswith(f"charge:{key}:"))

    def charge(self, key: str) -> Any:
        """The row of a charge."""
        with self.database.reading() as connection:
            query = select(wallet_charges).where(wallet_charges.c.game_session_id == key)
            return connection.execute(query).one_or_none()

    def wrong(self) -> list[str]:
        """What contradicts an invariant."""
        with self.database.reading() as connection:
            return [str(each) for each in check(connection)]
