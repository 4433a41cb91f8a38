"""A transaction of the writer goes to PostgreSQL in few messages, and ends as one that went there word by word."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, select
from sqlalchemy.exc import OperationalError

from radiusd.store import driver
from radiusd.store.bulk import Insert, Query, Rewrite
from radiusd.store.database import Database, OpenConnection
from radiusd.store.errors import Conflict, NotCommitted

THINGS = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("number", BigInteger),
    Column("version", BigInteger, nullable=False, server_default="0"),
)
INSERT = Insert(THINGS, ("id", "number"))
REWRITE = Rewrite(THINGS, ("number",), has_version=True)
EVERY = Query(select(THINGS.c.id, THINGS.c.number).order_by(THINGS.c.id))


@pytest.fixture
def writer(database: Database) -> OpenConnection:
    """A connection that was written on before, and has every statement prepared."""
    if database.is_sqlite:
        pytest.skip("SQLite is sent no messages")
    with database.writing() as connection:
        THINGS.metadata.create_all(connection)
    made = database.kept_open()
    with made.writing() as connection:
        INSERT.run(connection, [(1, 10)])
        REWRITE.run(connection, [(11, 1, 0)])
        EVERY.rows(connection)
    return made


@contextmanager
def messages() -> Iterator[list[str]]:
    """What PostgreSQL was sent meanwhile by the driver's own connections, without the values."""
    sent: list[str] = []
    execute = driver._execute

    def executed(connection: Connection, statement: str, values: Any) -> Any:
        sent.append(statement.partition("(")[0])
        return execute(connection, statement, values)

    with patch.object(driver, "_execute", executed):
        yield sent


def numbers(database: Database) -> list[tuple[int, int]]:
    """The rows, as everybody sees them."""
    with database.reading() as connection:
        return [(row[0], row[1]) for row in connection.execute(select(THINGS.c.id, THINGS.c.number).order_by("id"))]


def backend(writer: OpenConnection) -> int:
    """Who answers the writer at PostgreSQL's."""
    with writer.writing() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def test_a_transaction_that_only_writes_is_one_message(database: Database, writer: OpenConnection) -> None:
    with messages() as sent, writer.writing() as connection:
        INSERT.run(connection, [(2, 20)])
        REWRITE.run(connection, [(12, 1, 1)])
        assert sent == []
    assert len(sent) == 1
    assert sent[0].startswith("BEGIN; SET LOCAL lock_timeout = 5000; EXECUTE ")
    assert numbers(database) == [(1, 12), (2, 20)]


def test_what_is_read_is_read_within_the_transaction(database: Database, writer: OpenConnection) -> None:
    with messages() as sent, writer.writing() as connection:
        assert [tuple(row) for row in EVERY.rows(connection)] == [(1, 11)]
        INSERT.run(connection, [(2, 20)])
        assert [tuple(row) for row in EVERY.rows(connection)] == [(1, 11), (2, 20)]
        INSERT.run(connection, [(3, 30)])
        assert numbers(database) == [(1, 11)]
    assert len(sent) == 3
    assert numbers(database) == [(1, 11), (2, 20), (3, 30)]


def test_a_conflict_that_shows_with_the_commit_undoes_all_and_costs_no_connection(
    database: Database, writer: OpenConnection
) -> None:
    before = backend(writer)
    with pytest.raises(Conflict), writer.writing() as connection:
        INSERT.run(connection, [(2, 20)])
        REWRITE.run(connection, [(12, 1, 7)])
    assert numbers(database) == [(1, 11)]
    assert backend(writer) == before


def test_a_transaction_that_postgresql_has_undone_does_not_count_as_committed(
    database: Database, writer: OpenConnection
) -> None:
    before = backend(writer)
    with pytest.raises(NotCommitted), writer.writing() as connection:
        INSERT.run(connection, [(2, 20)])
        with suppress(Conflict):
            driver.execute(connection, "SELECT 1 / 0", ())
    assert numbers(database) == [(1, 11)]
    assert backend(writer) == before


def test_what_was_read_in_a_transaction_that_is_given_up_is_locked_no_longer(
    database: Database, writer: OpenConnection
) -> None:
    with pytest.raises(RuntimeError), writer.writing() as connection:
        connection.execute(select(THINGS.c.id).with_for_update()).all()
        raise RuntimeError
    with database.writing() as connection:
        connection.execute(select(THINGS.c.id).with_for_update(nowait=True)).all()


def test_a_setting_of_one_transaction_is_not_one_of_the_next(writer: OpenConnection) -> None:
    asked = "SELECT current_setting('lock_timeout')"
    with writer.writing(waits=True) as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == "5s"
    with writer.writing(waits=False) as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == "20ms"


def test_a_connection_that_postgresql_ended_meanwhile_is_replaced_before_it_is_used(
    database: Database, writer: OpenConnection
) -> None:
    before = backend(writer)
    end(database, before)
    with writer.writing() as connection:
        INSERT.run(connection, [(2, 20)])
    assert numbers(database) == [(1, 11), (2, 20)]
    assert backend(writer) != before


def test_a_connection_that_postgresql_ends_in_a_transaction_takes_that_with_it(
    database: Database, writer: OpenConnection
) -> None:
    before = backend(writer)
    with pytest.raises(OperationalError), writer.writing() as connection:
        EVERY.rows(connection)
        INSERT.run(connection, [(2, 20)])
        end(database, before)
    with writer.writing() as connection:
        INSERT.run(connection, [(3, 30)])
    assert numbers(database) == [(1, 11), (3, 30)]


def test_a_reader_whose_connection_was_ended_meanwhile_reads_by_another(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite is sent no messages")
    with database.reading() as connection:
        before = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = Database(database.url.render_as_string(hide_password=False))
    end(other, before)
    other.close()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != before


def end(database: Database, process: int) -> None:
    """Have PostgreSQL end one of its processes; it is gone on return."""
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (process,))
