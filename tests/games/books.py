"""What the store says of charges and game sessions, for those who judge."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, select

from radiusd.charging.wallet import balance, wallet_of
from radiusd.store.database import Database
from radiusd.store.game_schema import games, wallet_movements
from radiusd.store.invariants import check


class Books:
    """The store of one café."""

    def __init__(self, database: Database, branch_id: int) -> None:
        self._database = database
        self._branch_id = branch_id

    def rows(self, table: Table) -> list[Any]:
        """All of a table."""
        with self._database.reading() as connection:
            return list(connection.execute(select(table)).all())

    @property
    def games(self) -> dict[int, Any]:
        """The games by their ids."""
        return {row.id: row for row in self.rows(games)}

    @property
    def left(self) -> int:
        """What the café has."""
        with self._database.reading() as connection:
            return balance(connection, wallet_of(self._branch_id))

    def booked(self) -> Counter[str]:
        """How many periods were booked for each charge, by the movements' names."""
        return Counter(key for what, key in self._named() if what == "charge")

    def given_back(self) -> set[str]:
        """The charges that were given back."""
        return {key for what, key in self._named() if what == "refund"}

    def _named(self) -> Iterator[tuple[str, str]]:
        names = (row.key.split(":") for row in self.rows(wallet_movements))
        return ((parts[0], parts[1]) for parts in names)

    def contradictions(self) -> list[str]:
        """What contradicts an invariant."""
        with self._database.reading() as connection:
            return [str(each) for each in check(connection)]
