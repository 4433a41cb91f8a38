"""Ids that are known before a row is written: taken from the database in blocks, counted on in memory."""

from collections import defaultdict
from itertools import chain

from sqlalchemy import Connection, text

_TAKE = text(
    "INSERT INTO identifiers (name, next) VALUES (:name, 1 + :count) "
    "ON CONFLICT (name) DO UPDATE SET next = identifiers.next + :count RETURNING next - :count"
)


def take(connection: Connection, name: str, count: int = 1) -> range:
    """`count` ids of the sequence `name` that nobody else has or will have."""
    first: int = connection.execute(_TAKE, {"name": name, "count": count}).scalar_one()
    return range(first, first + count)


def take_one(connection: Connection, name: str) -> int:
    """One id of the sequence `name`."""
    return take(connection, name)[0]


class Identifiers:
    """Ids for one writer; a block is taken when the last is used up."""

    def __init__(self, block: int = 100) -> None:
        self._block = block
        self._connection: Connection | None = None
        self._left: defaultdict[str, chain[int]] = defaultdict(chain)

    def use(self, connection: Connection) -> None:
        """Take further blocks within the transaction of `connection`."""
        self._connection = connection

    def next(self, name: str) -> int:
        """The next id of the sequence `name`."""
        for each in self._left[name]:
            return each
        assert self._connection is not None, "use() comes before next()"  # noqa: S101
        self._left[name] = chain(take(self._connection, name, self._block))
        return next(self._left[name])

    def forget(self) -> None:
        """The transaction was undone, and the blocks taken in it with it."""
        self._left.clear()
