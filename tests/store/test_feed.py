"""What one process changed is known to all others, whatever order their transactions come in; else all is forgotten."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, func, select

from policy.quantities import Instant
from radiusd import following
from radiusd.handlers.returning import Returning
from radiusd.jobs.feeding import KeepFeedJob
from radiusd.store import feed, outbox
from radiusd.store.database import Database
from radiusd.store.feed import KEPT, Changes, Position
from radiusd.store.feed_schema import feed as table
from radiusd.store.outbox import Following
from radiusd.store.writer import Committer
from tests.server.given import NOON, Server

DAY = 86_400_000


class Reader:
    """Somebody who remembers passes, and reads on from where it was."""

    def __init__(self, database: Database, own: int = 0) -> None:
        self._database = database
        self._own = own
        self.position: Position | None = None
        self.read()

    def read(self, at: Instant = NOON) -> set[int] | None:
        """What it must forget; None for everything."""
        with self._database.reading() as connection:
            changes = feed.read(connection, self.position, at, self._own)
        self.position = changes.position
        return None if changes.pass_ids is None else set(changes.pass_ids)


def begin(database: Database, at: Instant = NOON) -> int:
    with database.writing() as connection:
        return feed.begin(connection, at)


def tell(database: Database, node: int, *pass_ids: int, at: Instant = NOON) -> None:
    with database.writing() as connection:
        feed.tell(connection, node, pass_ids, at)


def count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.fixture
def nodes(database: Database) -> tuple[int, int]:
    return begin(database), begin(database)


@pytest.fixture
def reader(database: Database, nodes: tuple[int, int]) -> Reader:
    return Reader(database)


def test_what_was_told_is_read_once(database: Database, nodes: tuple[int, int], reader: Reader) -> None:
    tell(database, nodes[0], 3, 5)
    tell(database, nodes[1], 8)
    tell(database, nodes[0], 5, 13)
    assert reader.read() == {3, 5, 8, 13}
    assert reader.read() == set()


def test_nobody_is_told_of_what_he_did_himself(database: Database, nodes: tuple[int, int]) -> None:
    reader = Reader(database, own=nodes[0])
    tell(database, nodes[0], 3)
    tell(database, nodes[1], 8)
    assert reader.read() == {8}


def test_who_begins_to_read_has_nothing_to_forget_but_what_follows(database: Database, nodes: tuple[int, int]) -> None:
    tell(database, nodes[0], 3)
    reader = Reader(database)
    assert reader.read() == set()
    tell(database, nodes[0], 4)
    assert reader.read() == {4}


def test_a_node_that_is_new_is_read_from_its_beginning(database: Database, reader: Reader) -> None:
    later_node = begin(database)
    tell(database, later_node, 3)
    assert reader.read() == {3}
    tell(database, later_node, 4)
    assert reader.read() == {4}


def test_what_was_undone_was_not_told_and_leaves_no_gap(
    database: Database, nodes: tuple[int, int], reader: Reader
) -> None:
    with pytest.raises(RuntimeError), database.writing() as connection:
        feed.tell(connection, nodes[0], [3], NOON)
        raise RuntimeError
    tell(database, nodes[0], 4)
    assert reader.read() == {4}


def test_a_row_that_is_missing_means_that_everything_may_have_changed(
    database: Database, nodes: tuple[int, int], reader: Reader
) -> None:
    tell(database, nodes[0], 3)
    with database.writing() as connection:
        connection.execute(delete(table).where(table.c.number == 1))
    tell(database, nodes[0], 4)
    assert reader.read() == {4}  # told again under the number that was free
    tell(database, nodes[0], 5)
    tell(database, nodes[0], 6)
    with database.writing() as connection:
        connection.execute(delete(table).where(table.c.number == 2))
    assert reader.read() is None
    assert reader.read() == set()


def test_whoever_has_not_read_for_long_forgets_everything(
    database: Database, nodes: tuple[int, int], reader: Reader
) -> None:
    assert reader.read(Instant(NOON + KEPT)) == set()
    tell(database, nodes[0], 3)
    assert reader.read(Instant(NOON + 2 * KEPT + 1)) is None
    tell(database, nodes[0], 4)
    assert reader.read(Instant(NOON + 2 * KEPT + 2)) == {4}


def test_a_look_at_the_store_tells_of_changes_to_those_who_follow_them(server: Server) -> None:
    node = begin(server.database)
    with server.database.reading() as connection:
        seen = outbox.look(connection, server.vault, None, NOON, Following(own=0, position=None))
    assert isinstance(seen.changes, Changes)
    tell(server.database, node, 7)
    with server.database.reading() as connection:
        following = Following(own=0, position=seen.changes.position)
        again = outbox.look(connection, server.vault, None, NOON, following).changes
        assert again is not None
        assert again.pass_ids == frozenset({7})
        assert outbox.look(connection, server.vault, None, NOON).changes is None


# Two transactions at once


@pytest.fixture
def two(database: Database) -> Iterator[tuple[Connection, Connection]]:
    """Transactions of two processes, under way at the same time."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with database.engine.connect() as one, database.engine.connect() as other:
        yield one, other


def test_whatever_order_two_nodes_commit_in_nothing_is_missed(
    nodes: tuple[int, int], reader: Reader, two: tuple[Connection, Connection]
) -> None:
    one, other = two
    feed.tell(one, nodes[0], [1], NOON)
    feed.tell(other, nodes[1], [2], NOON)
    assert reader.read() == set()
    other.commit()
    assert reader.read() == {2}
    feed.tell(other, nodes[1], [3], NOON)
    one.commit()
    assert reader.read() == {1}
    feed.tell(one, nodes[0], [4], NOON)
    one.commit()
    other.commit()
    assert reader.read() == {3, 4}


def test_a_node_is_visible_before_a_later_one_gets_its_number(
    database: Database, reader: Reader, two: tuple[Connection, Connection]
) -> None:
    one, other = two
    first = feed.begin(one, NOON)
    other.exec_driver_sql("SET LOCAL lock_timeout = 100")
    with pytest.raises(Exception, match="lock timeout"):
        feed.begin(other, NOON)
    other.rollback()
    one.commit()
    second = feed.begin(other, NOON)
    other.commit()
    assert second == first + 1
    tell(database, second, 9)
    assert reader.read() == {9}
    tell(database, first, 8)
    assert reader.read() == {8}


# Kept short


def keep(database: Database, node: int, at: Instant) -> bool:
    (has_more,), _ = Committer(database).commit([KeepFeedJob(at, node)])
    assert isinstance(has_more, bool)
    return has_more


def test_what_everybody_has_read_is_forgotten(database: Database, nodes: tuple[int, int], reader: Reader) -> None:
    for number in range(20):
        tell(database, nodes[0], number)
    reader.read()
    late = Instant(NOON + 2 * KEPT + 1)
    assert not keep(database, nodes[1], late)
    assert count(database) == 2
    reader.position = Position({nodes[0]: 20, nodes[1]: 0}, nodes[1], late)
    tell(database, nodes[0], 99, at=late)
    assert reader.read(late) == {99}


def test_a_busy_node_keeps_its_own_rows_short(database: Database, nodes: tuple[int, int], reader: Reader) -> None:
    late = Instant(NOON + 2 * KEPT + 1)
    at = NOON
    busy = following.Following(Returning(bytes(32)), nodes[0], lambda *_: None, lambda: 0, lambda: at)

    def told(pass_id: int) -> None:
        with database.writing() as connection:
            busy.tell(connection, [pass_id])

    for number in range(199):
        told(number)
    assert count(database) == 201
    assert reader.read(late) is None
    at = late
    told(7)
    assert count(database) == 2
    told(8)
    assert reader.read(late) == {7, 8}


def test_what_was_told_just_now_is_kept(database: Database, nodes: tuple[int, int], reader: Reader) -> None:
    tell(database, nodes[0], 3)
    keep(database, nodes[1], Instant(NOON + KEPT))
    assert reader.read(Instant(NOON + KEPT)) == {3}


def test_a_node_that_lives_is_known_to_whoever_begins_to_read_and_a_dead_one_is_forgotten(
    database: Database, nodes: tuple[int, int]
) -> None:
    at = Instant(NOON + DAY // 2)
    keep(database, nodes[0], at)
    reader = Reader(database)
    assert reader.position is not None
    assert set(reader.position.numbers) == set(nodes)
    keep(database, nodes[0], Instant(NOON + DAY + 1))
    with database.reading() as connection:
        assert set(connection.execute(select(table.c.node)).scalars()) == {nodes[0]}


def test_a_node_that_was_taken_for_dead_makes_all_others_forget_everything(
    database: Database, nodes: tuple[int, int], reader: Reader
) -> None:
    with database.writing() as connection:
        connection.execute(delete(table))
    tell(database, nodes[0], 3)
    assert reader.read() is None
    tell(database, nodes[0], 4)
    assert reader.read() == {4}
