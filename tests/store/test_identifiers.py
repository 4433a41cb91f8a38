"""Ids that are taken in blocks, apart from the transactions that use them."""

from radiusd.store.database import Database
from radiusd.store.identifiers import Identifiers, skip


def test_no_two_take_the_same(database: Database) -> None:
    given = []
    for _ in range(2):
        ids = Identifiers(block=3)
        with database.writing() as connection:
            ids.use(connection)
            given += [ids.next("sessions") for _ in range(5)]
    assert len(set(given)) == 10


def test_after_a_transaction_that_was_undone_blocks_are_taken_apart_from_the_next(database: Database) -> None:
    """In that itself, nobody else could take any until its commit, and two might wait for each other."""
    ids = Identifiers(block=10)
    with database.writing() as connection:
        ids.use(connection)
        ids.next("sessions")
    ids.forget()
    assert ids.short_of(1) == ["sessions"]
    with database.writing() as connection:
        ids.stock(connection, ids.short_of(1))
    assert ids.next("sessions") > 10  # no transaction is open


def test_what_is_skipped_is_given_to_nobody(database: Database) -> None:
    with database.writing() as connection:
        ids = Identifiers(block=1)
        ids.use(connection)
        before = ids.next("sessions")
        skip(connection, 100)
        assert ids.next("sessions") == before + 101
