"""What the database itself refuses, whoever writes: the invariants as far as a constraint can hold them.

What only a query can tell (S3, S6, S7, U2 to U4) is tested in test_invariants.py.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from policy.session import TRANSITIONS
from radiusd.store.database import Database
from tests.store.test_invariants import SOUND, execute

SESSION = "INSERT INTO sessions (id, pass_id, created_at, {columns}) VALUES (9, 1, 100, {values})"
REFUSED = {
    # Places
    "S1: a place is held twice": "UPDATE sessions SET slot = 1 WHERE id = 2",
    "S1: a place below the first": "UPDATE sessions SET slot = 0 WHERE id = 2",
    "S1: a place that no package has": "UPDATE sessions SET slot = 6 WHERE id = 2",
    "S1: an active session without a place": "UPDATE sessions SET slot = NULL WHERE id = 2",
    "S1: a place of one that has ended": "UPDATE sessions SET slot = 3 WHERE id = 3",
    "S1: a package for no device": "UPDATE passes SET devices = 0",
    "S1: a package for six devices": "UPDATE passes SET devices = 6",
    # Phases
    "S2: a phase that there is not": "UPDATE sessions SET phase = 'PAUSED' WHERE id = 4",
    "S2: active without a device": "UPDATE sessions SET device = NULL WHERE id = 1",
    "S2: active without a start": "UPDATE sessions SET started_at = NULL WHERE id = 1",
    "S2: waiting with a device": "UPDATE sessions SET device = 'Z' WHERE id = 4",
    "S2: waiting and started": "UPDATE sessions SET started_at = 5 WHERE id = 4",
    # Ends
    "S4: an end without a reason": "UPDATE sessions SET end_reason = NULL WHERE id = 3",
    "S4: an end without a time": "UPDATE sessions SET ended_at = NULL WHERE id = 3",
    "S4: a reason and a time without an end": "UPDATE sessions SET end_reason = 'x', ended_at = 5000 WHERE id = 1",
    "S4: an end before the start": "UPDATE sessions SET ended_at = 999 WHERE id = 3",
    "S4: an end before the creation": SESSION.format(
        columns="phase, ended_at, end_reason", values="'EXPIRED', 99, 'TIME_EXPIRED'"
    ),
    # What was used
    "U1: a pass with negative octets": "UPDATE passes SET uploaded = -1",
    "U1: a session with negative octets": "UPDATE sessions SET downloaded = -1 WHERE id = 1",
    "U1: a connection with negative seconds": "UPDATE connections SET seconds = -1 WHERE id = 1",
    "U1: a connection with unknown octets": "UPDATE connections SET uploaded = NULL WHERE id = 1",
    # Connections and the wishes to cut them
    "a connection in a state that there is not": "UPDATE connections SET state = 'LOST' WHERE id = 1",
    "closed without a time": "UPDATE connections SET state = 'CLOSED' WHERE id = 1",
    "closed without a cause": "UPDATE connections SET state = 'CLOSED', closed_at = 5000 WHERE id = 1",
    "a closing of what is open": "UPDATE connections SET closed_at = 5000, closing = 'stopped' WHERE id = 1",
    "S7: a wish that is neither due nor decided": "UPDATE commands SET due_at = NULL",
    "S7: an outcome that there is not": "UPDATE commands SET outcome = 'unknown', decided_at = 5000",
    "S7: an outcome at no time": "UPDATE commands SET outcome = 'confirmed'",
    # Names, and what refers to what
    "two routers of one name": "INSERT INTO routers (id, name, branch_id, network, secret, kind, coa_port, "
    "require_message_authenticator, mac_password, created_at) SELECT 9, name, branch_id, network, secret, kind, "
    "coa_port, require_message_authenticator, mac_password, created_at FROM routers",
    "two accounts of one name": "INSERT INTO accounts (id, name, branch_id, kind, created_at) "
    "VALUES (9, 'nora', 1, 'customer', 0)",
    "two sessions of one id": SESSION.replace("(9,", "(4,").format(columns="phase", values="'PENDING'"),
    "a session of a pass that there is not": "UPDATE sessions SET pass_id = 99 WHERE id = 1",
    "a connection of a session that there is not": "UPDATE connections SET session_id = 99 WHERE id = 1",
    "a pass that loses its account": "DELETE FROM accounts",
    # What a branch, a router and a price may be
    "a negative price": "UPDATE passes SET price = -1",
    "an interim interval below a minute": "UPDATE branches SET interim = 59",
    "an interim interval above ten minutes": "UPDATE branches SET interim = 601",
    "passwords kept in clear": "UPDATE branches SET password_store = 'clear'",
    "a router that perhaps requires signatures": "UPDATE routers SET require_message_authenticator = 'maybe'",
    "a port that there is not": "UPDATE routers SET coa_port = 65536",
    "a router cut through an API that nobody can log in to": "UPDATE routers SET cut_by = 'api'",
    "a password of no kind": "INSERT INTO logins (name, account_id, kind, password_kind, password) "
    "VALUES ('nora', 1, 'account', 'clear', '00')",
    "a second count of revisions": "INSERT INTO revisions (id, number) VALUES (2, 0)",
}
COLUMNS = {
    "PENDING": "device = NULL, slot = NULL, started_at = NULL, ended_at = NULL, end_reason = NULL",
    "ACTIVE": "device = 'D', slot = 3, started_at = 200, ended_at = NULL, end_reason = NULL",
    "EXPIRED": "device = 'D', slot = NULL, ended_at = 300, end_reason = 'TIME_EXPIRED'",
    "TERMINATED": "device = 'D', slot = NULL, ended_at = 300, end_reason = 'ADMIN_ACTION'",
}


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction in a sound store."""
    with database.writing() as connection:
        # How each of them writes an octet string.
        execute(connection, SOUND if database.is_sqlite else SOUND.replace("x'00'", "'\\x00'"))
        yield connection


def refusal(connection: Connection, *statements: str) -> SQLAlchemyError | None:
    """How the last of these is refused, None if it is not; undone either way."""
    attempt = connection.begin_nested()
    try:
        for each in statements[:-1]:
            connection.execute(text(each))
        connection.execute(text(statements[-1]))
    except SQLAlchemyError as error:
        return error
    finally:
        attempt.rollback()
    return None


def test_the_database_refuses_what_must_not_be(connection: Connection) -> None:
    allowed = [
        what for what, statement in REFUSED.items() if not isinstance(refusal(connection, statement), IntegrityError)
    ]
    assert allowed == []


def test_phases_change_in_the_database_as_in_the_policy_and_never_from_a_final_one(connection: Connection) -> None:
    arrows = {(phase.value, row.target.value) for (phase, _), row in TRANSITIONS.items()}
    allowed = {
        (old, new)
        for old in COLUMNS
        for new in COLUMNS
        if refusal(connection, *session_in(old), f"UPDATE sessions SET phase = '{new}', {COLUMNS[new]} WHERE id = 9")  # noqa: S608 - words from above
        is None
    }
    assert allowed == arrows


def session_in(phase: str) -> tuple[str, ...]:
    """A new session, brought to `phase` as they all come there."""
    begun = SESSION.format(columns="phase", values="'PENDING'")
    return begun, f"UPDATE sessions SET phase = '{phase}', {COLUMNS[phase]} WHERE id = 9"  # noqa: S608 - as above


def test_usage_that_comes_late_is_added_to_what_has_ended(connection: Connection) -> None:
    assert refusal(connection, "UPDATE sessions SET uploaded = 5, phase = phase WHERE id = 3") is None


def test_a_place_that_was_given_up_may_be_taken(connection: Connection) -> None:
    give_up = f"UPDATE sessions SET phase = 'TERMINATED', {COLUMNS['TERMINATED']}, started_at = 200 WHERE id = 1"  # noqa: S608
    take = f"UPDATE sessions SET phase = 'ACTIVE', {COLUMNS['ACTIVE']} WHERE id = 4".replace("slot = 3", "slot = 1")  # noqa: S608
    assert refusal(connection, take) is not None
    assert refusal(connection, give_up, take) is None
