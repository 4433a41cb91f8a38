"""Ids that are known before a row is written: taken from the database in blocks, counted on in memory."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

_TAKE = text(
    "INSERT INTO identifiers (name, next) VALUES (:name, 1 + :count) "
    "ON CONFLICT (name) DO UPDATE SET next = identifiers.next + :count RETURNING next - :count"
)

_SKIP = text("UPDATE identifiers SET next = next + :count")


def take(connection: Connection, name: str, count: int = 1) -> range:
    """`count` ids of the sequence `name` that nobody else has or will have."""
    first: int = connection.execute(_TAKE, {"name": name, "count": count}).scalar_one()
    return range(first, first + count)


def skip(connection: Connection, count: int) -> None:
    """No sequence gives any of its next `count` ids."""
    connection.execute(_SKIP, {"count": count})


def take_one(connection: Connection, name: str) -> int:
    """One id of the sequence `name`."""
    return take(connection, name)[0]


class Identifiers:
    """Ids for one writer; a block is taken when the last is used up."""

    def __init__(self, block: int = 100) -> None:
        self._block = block
        self._connection: Connection | None = None
        self._left: dict[str, tuple[int, int]] = {}

    def use(self, connection: Connection) -> None:
        """Take further blocks within the transaction of `connection`."""
        self._connection = connection

    def next(self, name: str) -> int:
        """The next id of the sequence `name`."""
        first, end = self._left.get(name, (0, 0))
        if first == end:
            assert self._connection is not None, "use() comes before next()"  # noqa: S101
            first, end = self._taken(self._connection, name)
        self._left[name] = first + 1, end
        return first

    def short_of(self, count: int) -> list[str]:
        """The sequences used so far with fewer than `count` ids left."""
        return [name for name, (first, end) in self._left.items() if end - first < count]

    def stock(self, connection: Connection, names: Iterable[str]) -> None:
        """A fresh block of each, in a transaction of its own: until its commit, nobody else can take any."""
        for name in sorted(names):
            self._left[name] = self._taken(connection, name)

    def _taken(self, connection: Connection, name: str) -> tuple[int, int]:
        block = take(connection, name, self._block)
        return block.start, block.stop

    def forget(self) -> None:
        """The transaction was undone, and the blocks taken in it with it."""
        self._left = dict.fromkeys(self._left, (0, 0))
