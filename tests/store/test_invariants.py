"""Each invariant is seen to go red on a store that was damaged on purpose."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from radiusd.store.database import Database
from radiusd.store.invariants import INVARIANTS, check, count_unclaimed

SOUND = """
INSERT INTO branches (id, name, password_store, interim, timezone, created_at) VALUES (1, 'b', 'hash', 120, 'UTC', 0);
INSERT INTO routers (id, name, branch_id, network, secret, kind, coa_port, require_message_authenticator, mac_password,
    created_at) VALUES (1, 'r', 1, '10.0.0.1/32', x'00', 'mikrotik', 3799, 'learn', 'empty', 0);
INSERT INTO accounts (id, name, branch_id, kind, created_at) VALUES (1, 'nora', 1, 'customer', 0);
INSERT INTO passes (id, account_id, package, time, clock, burst, priority, devices, price, sold_at, validity,
    first_login_at, uploaded, downloaded, seconds, wake_at)
    VALUES (1, 1, 'p', 3600, 'wall', 0, 8, 2, 0, 0, 60, 1000, 0, 0, 0, 3601000);
INSERT INTO sessions (id, pass_id, phase, device, slot, created_at, started_at, uploaded, downloaded, seconds)
    VALUES (1, 1, 'ACTIVE', 'A', 1, 0, 1000, 0, 0, 0), (2, 1, 'ACTIVE', 'B', 2, 0, 1000, 0, 0, 0);
INSERT INTO sessions (id, pass_id, phase, device, created_at, started_at, ended_at, end_reason)
    VALUES (3, 1, 'EXPIRED', 'C', 0, 1000, 2000, 'TIME_EXPIRED');
INSERT INTO sessions (id, pass_id, phase, created_at) VALUES (4, 1, 'PENDING', 0);
INSERT INTO connections (id, session_id, router_id, nas, nas_address, state, user_name, device, acct_session_id, key,
    opened_at, started_at, last_at, uploaded, downloaded, seconds)
    VALUES (1, 1, 1, 'r', '10.0.0.1', 'OPEN', 'nora', 'A', 'x1', '1/x1', 1000, 1000, 4000, 10, 20, 3),
           (2, 2, 1, 'r', '10.0.0.1', 'OPEN', 'nora', 'B', 'x2', '1/x2', 1000, 1000, 7000, 20, 40, 6);
INSERT INTO connections (id, session_id, router_id, nas, nas_address, state, user_name, device, acct_session_id, key,
    opened_at, started_at, last_at)
    VALUES (3, 3, 1, 'r', '10.0.0.1', 'CUTTING', 'nora', 'C', 'x3', '1/x3', 1000, 1000, 2000);
INSERT INTO commands (id, connection_id, created_at, due_at) VALUES (1, 3, 2000, 2000);
INSERT INTO decisions (id, at, verdict, reason, session_id, facts) VALUES (1, 2000, 'ended', 'TIME_EXPIRED', 3, '[]');
INSERT INTO games (id, name, place_id, rate, period, created_at) VALUES (1, 'g', '1', 3, 60, 0);
INSERT INTO wallet_charges (game_session_id, branch_id, game_id, periods, started_at)
    VALUES ('gs_00000000-0000-4000-8000-000000000001', 1, 1, 1, 0);
INSERT INTO wallet_movements (id, key, at, text)
    VALUES (1, 'top-up:1', 0, ''), (2, 'charge:gs_00000000-0000-4000-8000-000000000001:1', 0, '');
INSERT INTO wallet_entries (movement_id, account, amount, number, balance) VALUES (1, 'cafe:1', 5, 1, 5),
    (1, 'deposits', -5, NULL, NULL), (2, 'cafe:1', -3, 2, 2), (2, 'game:1', 3, NULL, NULL);
"""

A_THIRD = (
    "INSERT INTO sessions (id, pass_id, phase, device, slot, created_at, started_at) "
    "VALUES (9, 1, 'ACTIVE', 'D', 3, 0, 1000)"
)
A_TWIN = (
    "INSERT INTO connections (id, session_id, router_id, nas, nas_address, state, user_name, device, key, opened_at, "
    "started_at, last_at, closed_at, closing) SELECT 9, session_id, router_id, nas, nas_address, {state}, user_name, "
    "device, key, opened_at, {started}, last_at, {closed} FROM connections WHERE id = 1"
)
A_MOVEMENT = "INSERT INTO wallet_movements (id, key, at, text) VALUES (9, '{key}', 0, '')"
AN_ENTRY = (
    "INSERT INTO wallet_entries (movement_id, account, amount, number, balance) "
    "VALUES (9, '{account}', {amount}, {number}, {balance})"
)
A_PERIOD = A_MOVEMENT.format(key="charge:gs_00000000-0000-4000-8000-000000000001:2")


def moved(amount: int, number: int | str, balance: int | str) -> str:
    """A movement between the wallet and the deposits."""
    entry = AN_ENTRY.format(account="cafe:1", amount=amount, number=number, balance=balance)
    other = AN_ENTRY.format(account="deposits", amount=-amount, number="NULL", balance="NULL")
    return f"{A_MOVEMENT.format(key='x')}; {entry}; {other}"


DAMAGES = {
    "more active sessions than places": ("S1", A_THIRD),
    "a place beyond the last": ("S1", "UPDATE sessions SET slot = 3 WHERE id = 2"),
    "a place held twice": ("S1", "UPDATE sessions SET slot = 1 WHERE id = 2"),
    "active without a device": ("S2", "UPDATE sessions SET device = NULL WHERE id = 1"),
    "pending with a device": ("S2", "UPDATE sessions SET device = 'Z' WHERE id = 4"),
    "ended and active again": ("S2", "UPDATE decisions SET session_id = 1"),
    "ended twice": (
        "S2",
        "INSERT INTO decisions (id, at, verdict, reason, session_id, facts) VALUES (9, 1, 'ended', 'x', 3, '[]')",
    ),
    "one name for two running connections": ("S3", A_TWIN.format(state="'OPEN'", started="1", closed="NULL, NULL")),
    "an end without a reason": ("S4", "UPDATE sessions SET end_reason = NULL WHERE id = 3"),
    "an end before the start": ("S4", "UPDATE sessions SET ended_at = 500 WHERE id = 3"),
    "an end of what has not ended": ("S4", "UPDATE sessions SET ended_at = 5000, end_reason = 'x' WHERE id = 1"),
    "started without a login": ("S5", "UPDATE passes SET first_login_at = NULL"),
    "a login after the validity": (
        "S5",
        "UPDATE passes SET first_login_at = 60001; UPDATE sessions SET started_at = 60001 WHERE phase = 'ACTIVE'",
    ),
    "nothing will end it": ("S6", "UPDATE passes SET wake_at = NULL"),
    "ended, and nobody cuts it": ("S7", "UPDATE connections SET state = 'OPEN' WHERE id = 3"),
    "being cut without an order": ("S7", "DELETE FROM commands"),
    "decided without an outcome": ("S7", "UPDATE commands SET due_at = NULL, decided_at = 5"),
    "negative usage": ("U1", "UPDATE connections SET uploaded = -1 WHERE id = 3"),
    "a pass that counts more than its sessions": ("U2", "UPDATE passes SET downloaded = 61"),
    "a session that counts less than its connections": ("U2", "UPDATE connections SET seconds = 1 WHERE id = 3"),
    "one stretch twice": ("U3", A_TWIN.format(state="'CLOSED'", started="started_at", closed="4000, 'stopped'")),
    "longer than the clock": ("U4", "UPDATE connections SET seconds = 4, last_at = 2999 WHERE id = 1"),
    "money from nowhere": (
        "M1",
        f"{A_MOVEMENT.format(key='x')}; "
        + AN_ENTRY.format(account="cafe:1", amount=5, number=3, balance=7)
        + "; "
        + AN_ENTRY.format(account="deposits", amount=-4, number="NULL", balance="NULL"),
    ),
    "a movement of nothing": ("M1", A_MOVEMENT.format(key="x")),
    "a period that the charge does not count": ("M3", A_PERIOD),
    "a wallet below zero": ("M4", moved(-3, 3, -1)),
    "a wallet's entry that does not count": ("M4", moved(-1, "NULL", "NULL")),
    "a wallet that holds more than its entries": ("M6", moved(-1, 3, 5)),
    "an entry that is missing": ("M6", moved(-1, 4, 1)),
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A sound store whose constraints are off: SQLite, since PostgreSQL does not let itself be damaged so easily."""
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
    database.migrate()
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql("DROP INDEX uq_sessions_active_slot")
        execute(connection, SOUND)
        yield connection
    database.close()


def execute(connection: Connection, script: str) -> None:
    for statement in filter(str.strip, script.split(";")):
        connection.exec_driver_sql(statement)


def test_the_sound_store_is_sound(connection: Connection) -> None:
    assert [str(each) for each in check(connection)] == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_seen(connection: Connection, damage: str) -> None:
    expected, script = DAMAGES[damage]
    execute(connection, script)
    assert expected in {each.id for each in check(connection)}


def test_every_invariant_has_its_damage() -> None:
    assert {each.id for each in INVARIANTS} == {expected for expected, _ in DAMAGES.values()}


@pytest.mark.parametrize("table", ["passes", "sessions", "connections"])
def test_negative_usage_is_seen_in_every_table(connection: Connection, table: str) -> None:
    execute(connection, f"UPDATE {table} SET uploaded = -5 WHERE id = 1")  # noqa: S608 - three names from above
    (found,) = [each for each in check(connection) if each.id == "U1"]
    assert found.text.startswith(table)


def test_no_more_than_a_hundred_rows_of_one_kind_are_told(connection: Connection) -> None:
    rows = ", ".join(f"({number}, 1, 'PENDING', 0, 1)" for number in range(1000, 1200))
    columns = "id, pass_id, phase, created_at, started_at"
    execute(connection, f"INSERT INTO sessions ({columns}) VALUES {rows}")  # noqa: S608 - numbers
    assert len([each for each in check(connection) if each.id == "S2"]) == 100


def test_connections_of_nobody_are_counted_and_no_violation(connection: Connection) -> None:
    execute(
        connection,
        "INSERT INTO connections (id, router_id, nas, nas_address, state, user_name, device, opened_at, last_at) "
        "VALUES (9, 1, 'r', '10.0.0.1', 'OPEN', 'x', 'Z', 0, 0)",
    )
    assert check(connection) == []
    assert count_unclaimed(connection) == 1
