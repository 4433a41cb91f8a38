"""Before anything works: the configuration, the key and the store."""

from pathlib import Path

import pytest

from radiusd.store.database import Database
from radiusd.store.identifiers import take_one
from radiusd.store.presence import Presence
from tests.icafectl.counter import Counter


@pytest.fixture
def beside_a_file(tmp_path: Path) -> Counter:
    """A counter whose store is to be an SQLite file."""
    return Counter(tmp_path, f"sqlite:///{tmp_path / 'icafe.sqlite'}")


def test_init_makes_the_key_and_the_tables_and_says_what_is_next(bare: Counter) -> None:
    shown = bare.run("store", "init")
    assert "icafectl branch add" in shown
    assert (bare.folder / "key").stat().st_mode & 0o777 == 0o600
    assert bare.read("branch", "list") == []


def test_init_again_changes_nothing(counter: Counter) -> None:
    key = (counter.folder / "key").read_text()
    counter.run("store", "init")
    assert (counter.folder / "key").read_text() == key
    assert len(counter.read("branch", "list")) == 1


def test_init_never_replaces_a_key_that_stored_secrets_need(counter: Counter) -> None:
    (counter.folder / "key").unlink()
    assert "backup" in counter.run("store", "init", status=2)
    assert not (counter.folder / "key").exists()


@pytest.mark.parametrize("words", [["branch", "pc-sync", "set-up", "Centre"], ["launcher", "add", "pcs"]], ids=" ".join)
def test_the_secrets_of_pc_systems_and_launchers_need_the_key_as_well(bare: Counter, words: list[str]) -> None:
    bare.run("store", "init")
    bare.run("branch", "add", "Centre")
    bare.run(*words)
    (bare.folder / "key").unlink()
    assert "backup" in bare.run("store", "init", status=2)


def test_without_a_store_no_empty_one_is_made(beside_a_file: Counter) -> None:
    assert "store init" in beside_a_file.run("branch", "list", status=2)
    assert sorted(each.name for each in beside_a_file.folder.iterdir()) == ["radiusd.toml"]


def test_a_missing_configuration_is_one_sentence(bare: Counter) -> None:
    bare.config.unlink()
    assert str(bare.config) in bare.run("branch", "list", status=2)


def test_every_mistake_in_the_configuration_is_named(bare: Counter) -> None:
    bare.config.write_text("[store]\nurll = 1\n")
    shown = bare.run("branch", "list", status=2)
    assert "store.urll" in shown
    assert "store.key_file" in shown


def test_a_key_that_others_can_read_is_refused(counter: Counter) -> None:
    (counter.folder / "key").chmod(0o644)
    shown = counter.run("account", "add", "ben", "--password", "-", typed="geheim", status=2)
    assert "chmod 600" in shown
    assert len(counter.read("account", "list")) == 1


def test_another_key_is_told_apart(counter: Counter) -> None:
    (counter.folder / "key").write_text("00" * 32)
    arguments = ("router", "add", "q2", "--address", "10.0.0.0/8", "--secret", "sixteen characters 2")
    assert "not the one it was sealed with" in counter.run(*arguments, status=2)
    assert len(counter.read("router", "list")) == 1


def test_tables_of_a_newer_version_are_left_alone(counter: Counter) -> None:
    database = Database(counter.database_url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    for arguments in (("branch", "list"), ("store", "upgrade"), ("store", "init")):
        assert "newer version" in counter.run(*arguments, status=2)


def test_nobody_changes_the_tables_under_a_server(counter: Counter) -> None:
    database = Database(counter.database_url)
    server = Presence(database)
    server.announce()
    for verb in ("upgrade", "restored"):
        assert "stop it first" in counter.run("store", verb, status=1)
    server.end()
    database.close()
    counter.run("store", "upgrade")


def test_a_store_that_was_put_back_gives_no_number_again(counter: Counter) -> None:
    """What came after the backup may still be online under them."""
    database = Database(counter.database_url)
    with database.writing() as connection:
        given = [take_one(connection, name) for name in ("sessions", "connections")]
    shown = counter.run("store", "restored")
    assert "doctor store" in shown
    with database.writing() as connection:
        then = [take_one(connection, name) for name in ("sessions", "connections")]
    database.close()
    assert all(now > before + 1_000_000 for before, now in zip(given, then, strict=True))


def test_missing_tables_are_one_sentence(bare: Counter) -> None:
    if bare.database_url.startswith("sqlite"):
        Path(bare.database_url.removeprefix("sqlite:///")).touch()
    assert "store upgrade" in bare.run("branch", "list", status=2)
    bare.run("store", "upgrade")
    assert bare.read("branch", "list") == []


def test_a_store_that_cannot_be_written_is_one_sentence(beside_a_file: Counter) -> None:
    counter = beside_a_file.open()
    store = Path(counter.database_url.removeprefix("sqlite:///"))
    store.write_bytes(b"not a database, whatever its name says, and long enough to be read as one" * 20)
    assert "file is not a database" in counter.run("branch", "add", "Riverside", status=2)


def test_nothing_is_sealed_with_the_key_of_another_store(counter: Counter) -> None:
    (counter.folder / "key").write_text("00" * 32)
    words = ("router", "add", "q2", "--address", "10.2.0.0/24", "--secret", "-")
    assert "the key file is not the one" in counter.run(*words, typed="0123456789", status=2)
    assert "the key file is not the one" in counter.run("store", "init", status=2)
    assert [each["name"] for each in counter.read("router", "list")] == ["q1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("branch", "set", "Centre", "--idle-timeout", "2d"), "60 seconds to 1 day"),
        (("branch", "set", "Centre", "--idle-timeout", "0"), "60 seconds to 1 day"),
        (("package", "add", "big", "--time", "3651d"), "up to 3650d"),
        (("pass", "show", "9" * 23), "1<=x<="),
        (("branch", "list", "--limit", "9223372036854775807"), "1<=x<="),
        (("branch", "show", "\udcff"), "not UTF-8"),
        (("router", "set", "q1", "--api-user", "a\nb"), "is not a name"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(counter: Counter, words: tuple[str, ...], told: str) -> None:
    assert told in counter.run(*words, status=2)
