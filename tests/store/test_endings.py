"""PostgreSQL ends a connection, or we cut it off: who comes next gets another, and nothing is committed afterwards."""

import os
import signal
from threading import Event, Thread
from typing import Any

import pytest
from psycopg2 import extensions
from sqlalchemy import BigInteger, Column, MetaData, Table, select
from sqlalchemy.exc import OperationalError
from twisted.internet.task import Clock

from radiusd.away.watchdog import Watchdog
from radiusd.readiness import is_ready
from radiusd.store.bulk import Insert, Query
from radiusd.store.database import Database, OpenConnection

THINGS = Table("things", MetaData(), Column("id", BigInteger, primary_key=True), Column("number", BigInteger))
INSERT = Insert(THINGS, ("id", "number"))
EVERY = Query(select(THINGS.c.id).order_by(THINGS.c.id))


@pytest.fixture
def writer(database: Database) -> OpenConnection:
    """A connection that was written on before, and has every statement prepared."""
    if database.is_sqlite:
        pytest.skip("a file ends no connection")
    with database.writing() as connection:
        THINGS.metadata.create_all(connection)
    made = database.kept_open()
    with made.writing() as connection:
        INSERT.run(connection, [(1, 10)])
        EVERY.rows(connection)
    return made


def stored(database: Database) -> list[int]:
    """The rows, as everybody sees them."""
    with database.reading() as connection:
        return list(connection.execute(select(THINGS.c.id).order_by(THINGS.c.id)).scalars())


def process_of(writer: OpenConnection) -> int:
    """Who serves the writer at PostgreSQL."""
    with writer.writing() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def end(database: Database, process: int) -> None:
    """Have PostgreSQL end one of its processes; it is gone on return."""
    with database.writing() as connection:
        assert connection.exec_driver_sql("SELECT pg_terminate_backend(%s, 20000)", (process,)).scalar_one()


def is_there(database: Database, process: int) -> bool:
    """Whether PostgreSQL has this process."""
    with database.reading() as connection:
        asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
        return bool(connection.exec_driver_sql(asked, (process,)).scalar_one())


def test_a_connection_that_was_ended_meanwhile_is_replaced_before_it_is_used(
    database: Database, writer: OpenConnection
) -> None:
    before = process_of(writer)
    end(database, before)
    with writer.writing() as connection:
        INSERT.run(connection, [(2, 20)])
    assert stored(database) == [1, 2]
    assert process_of(writer) != before


def test_a_connection_that_is_ended_in_a_transaction_takes_that_with_it(
    database: Database, writer: OpenConnection
) -> None:
    before = process_of(writer)
    with pytest.raises(OperationalError), writer.writing() as connection:
        EVERY.rows(connection)
        INSERT.run(connection, [(2, 20)])
        end(database, before)
    with writer.writing() as connection:
        INSERT.run(connection, [(3, 30)])
    assert stored(database) == [1, 3]


def test_a_reader_whose_connection_was_ended_meanwhile_reads_by_another(
    database: Database, writer: OpenConnection
) -> None:
    with database.reading() as connection:
        before = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    other = Database(database.url.render_as_string(hide_password=False))
    end(other, before)
    other.close()
    assert stored(database) == [1]


def test_what_was_cut_off_before_its_commit_is_never_committed(database: Database, writer: OpenConnection) -> None:
    """The jobs of such a transaction are told that they failed, and done again or refused."""
    clock, failed = Clock(), list[Exception]()
    watchdog = Watchdog(5.0, clock.seconds)
    database.watching = watchdog.watching
    process = process_of(writer)
    is_stopped, waits_for_it = Event(), Event()

    def transaction() -> None:
        try:
            with writer.writing() as connection:
                EVERY.rows(connection)
                os.kill(process, signal.SIGSTOP)
                is_stopped.set()
                INSERT.run(connection, [(2, 20)])
        except OperationalError as error:
            failed.append(error)

    def wait(connection: Any) -> None:
        while (state := connection.poll()) != extensions.POLL_OK:
            if is_stopped.is_set():
                waits_for_it.set()
            is_ready(connection.fileno(), state, None)

    thread = Thread(target=transaction)
    extensions.set_wait_callback(wait)
    try:
        thread.start()
        assert waits_for_it.wait(20)
        clock.advance(5.0)
        watchdog.look()
        thread.join(20)
    finally:
        extensions.set_wait_callback(None)
        os.kill(process, signal.SIGCONT)
    # What it has in hand it does, and ends when it finds nobody there.
    while is_there(database, process):
        pass
    assert len(failed) == 1
    assert stored(database) == [1]
