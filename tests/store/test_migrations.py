"""The migrations make the tables that the program believes in, and take them away again.

A database of a newer schema: tests/icafectl/test_set_up.py.
"""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, inspect, select

from radiusd.store.columns import metadata
from radiusd.store.database import MIGRATIONS, Database, known_revisions
from radiusd.store.schema import branches


@pytest.fixture
def bare(database_url: str) -> Iterator[Database]:
    """A database without tables."""
    made = Database(database_url)
    yield made
    made.close()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def left(database: Database) -> list[str]:
    """What an empty database has, by the names of its own catalogue."""
    catalogue = (
        "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        if database.is_sqlite
        else "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    with database.reading() as connection:
        return sorted(connection.exec_driver_sql(catalogue).scalars())


def downgrade(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")


def test_an_empty_database_gets_every_table(bare: Database) -> None:
    bare.migrate()
    with bare.reading() as connection:
        assert tables(connection) == {*metadata.tables, "alembic_version"}
    bare.require_current_schema()


def test_the_migrated_schema_is_the_programs_own(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_every_check_that_the_program_relies_on_is_in_the_database(database: Database) -> None:
    expected = {
        name: {str(each.name) for each in table.constraints if isinstance(each, CheckConstraint)}
        for name, table in metadata.tables.items()
    }
    with database.reading() as connection:
        inspector = inspect(connection)
        found = {name: {each["name"] for each in inspector.get_check_constraints(name)} for name in expected}
    assert found == expected


def test_alembic_knows_the_same_revisions_in_the_same_order() -> None:
    walked = [each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert known_revisions() == walked[::-1]


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.writing() as connection:
        row = {"id": 1, "name": "q1", "password_store": "hash", "interim": 120, "timezone": "UTC", "created_at": 0}
        connection.execute(branches.insert(), row)
    before = left(database)
    database.migrate()
    assert left(database) == before
    with database.reading() as connection:
        assert connection.execute(select(branches.c.name)).scalars().all() == ["q1"]


def test_downgrading_leaves_nothing_behind(bare: Database) -> None:
    bare.migrate()
    downgrade(bare)
    assert [each for each in left(bare) if not each.startswith("alembic_version")] == []


def test_what_was_downgraded_can_be_upgraded_again(bare: Database) -> None:
    bare.migrate()
    before = left(bare)
    downgrade(bare)
    bare.migrate()
    assert left(bare) == before
