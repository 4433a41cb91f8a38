"""What a store is asked, by SQLAlchemy and by the driver alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from radiusd.store import driver
from radiusd.store.database import Database


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements of this time but for BEGIN, each with its (first) parameters."""
    heard: list[tuple[str, Any]] = []
    execute, run, put_off = driver.execute, driver.Prepared.run, driver.Prepared.put_off

    def hear(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        heard.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    def executed(connection: Any, statement: str, values: Any) -> Any:
        if not statement.startswith(("BEGIN", "PREPARE", "EXECUTE")):
            heard.append((statement, values))
        return execute(connection, statement, values)

    def ran(prepared: Any, connection: Any, values: Any) -> Any:
        heard.append((prepared.text, values))
        return run(prepared, connection, values)

    def later(prepared: Any, connection: Any, values: Any) -> None:
        heard.append((prepared.text, values))
        put_off(prepared, connection, values)

    event.listen(database.engine, "before_cursor_execute", hear)
    with (
        patch.object(driver, "execute", executed),
        patch.object(driver.Prepared, "run", ran),
        patch.object(driver.Prepared, "put_off", later),
    ):
        yield heard
    event.remove(database.engine, "before_cursor_execute", hear)
