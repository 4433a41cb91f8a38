"""Fresh databases for tests, on a PostgreSQL server whose address is given from outside."""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from sqlalchemy.engine import URL, make_url

# What scripts/check sets: any database of a server on which the tests may create and drop their own.
SERVER = "ICAFE_TEST_DATABASE"


def server_address() -> str | None:
    """The address of the server to test on; None means that tests use SQLite."""
    return os.environ.get(SERVER) or None


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address, `postgresql://...`, of a new and empty database on `server`; dropped at the end, used or not."""
    url = make_url(server).set(drivername="postgresql")
    name = f"icafe_test_{os.getpid()}_{secrets.token_hex(4)}"
    _administer(url, f'CREATE DATABASE "{name}"')
    try:
        yield _text(url.set(database=name))
    finally:
        # A test that failed may have left connections behind.
        _administer(url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(url: URL, statement: str) -> None:
    with closing(psycopg2.connect(_text(url))) as connection:
        connection.autocommit = True  # CREATE and DROP DATABASE refuse to run in a transaction
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
