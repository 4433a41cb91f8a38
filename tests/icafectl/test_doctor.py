"""The doctor tells every invariant, and ends with 1 if one is broken."""

from radiusd.store.database import Database
from tests.icafectl.counter import Counter


def damage(counter: Counter) -> None:
    database = Database(counter.database_url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE passes SET uploaded = uploaded + 1")
    database.close()


def test_a_sound_store(counter: Counter) -> None:
    counter.come_online()
    shown = counter.run("doctor", "store")
    assert "the store is sound" in shown
    assert "WRONG" not in shown
    assert counter.read("doctor", "store")["violations"] == []


def test_a_damaged_store(counter: Counter) -> None:
    damage(counter)
    shown = counter.run("doctor", "store", status=1)
    assert "WRONG  U2 what was used of a pass is what its sessions used" in shown
    assert "pass 1 counts 1/0 octets and 0 s, its sessions 0/0 and 0 s" in shown


def test_a_damaged_store_as_json(counter: Counter) -> None:
    damage(counter)
    counter.run("doctor", "store", "--json", status=1)
    assert '"id": "U2"' in counter.stdout


def test_connections_nobody_was_let_in_for_are_counted(counter: Counter) -> None:
    counter.come_online("stranger", number=9)
    assert counter.read("doctor", "store")["unclaimed_connections"] == 1
    assert "1 connections were reported" in counter.run("doctor", "store")
