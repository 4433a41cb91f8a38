"""The secrets of PC systems: made, replaced, and never lying about in clear."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, RowMapping, select

from policy.quantities import Instant
from radiusd.store import branches, pc_directory, pc_networks, pc_systems
from radiusd.store.database import Database
from radiusd.store.pc_directory import SIGNING_KEY, PcKey
from radiusd.store.pc_schema import pc_keys
from radiusd.vault import Vault, VaultError

NOON = Instant(1_795_262_400_000)
HOUR = 3_600_000
VAULT = Vault(bytes(32))


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing() as found:
        branches.add(found, "Centre", NOON, password_store="hash", interim=120, idle_timeout=300, timezone="UTC")
        yield found


@pytest.fixture
def branch(connection: Connection) -> RowMapping:
    return branches.find(connection, "Centre")


def keys(connection: Connection) -> tuple[PcKey, ...]:
    (system,) = pc_directory.load(connection, VAULT).values()
    return system.keys


def set_up(connection: Connection, branch: RowMapping, **settings: Any) -> pc_systems.Issued:
    return pc_systems.set_up(connection, VAULT, branch, settings, NOON)


def later(milliseconds: int) -> Instant:
    return Instant(NOON + milliseconds)


def test_neither_secret_is_stored_or_told(connection: Connection, branch: RowMapping) -> None:
    made = set_up(connection, branch)
    (row,) = connection.execute(select(pc_keys)).mappings()
    stored = b"".join(each if isinstance(each, bytes) else str(each).encode() for each in row.values())
    for secret in (made.token, made.signing_key):
        assert secret.encode() not in stored
        assert secret not in repr(made)
        assert secret not in str(pc_systems.show(connection, branch, NOON))


def test_the_signing_key_opens_for_signing_only(connection: Connection, branch: RowMapping) -> None:
    made = set_up(connection, branch)
    sealed = connection.execute(select(pc_keys.c.signing_key)).scalar_one()
    assert VAULT.open(sealed, SIGNING_KEY) == made.signing_key.encode()
    with pytest.raises(VaultError):
        VAULT.open(sealed, "router secret")


def test_no_two_pairs_are_alike(connection: Connection, branch: RowMapping) -> None:
    pairs = [set_up(connection, branch), *(rotated(connection, branch, HOUR) for _ in range(20))]
    assert len({each.token for each in pairs} | {each.signing_key for each in pairs}) == 42
    assert all(len(each.signing_key) == 43 for each in pairs)


def rotated(connection: Connection, branch: RowMapping, overlap: int, at: Instant = NOON) -> pc_systems.Issued:
    return pc_systems.rotate(connection, VAULT, branch, Instant(at + overlap), at)


def test_each_rotation_can_only_bring_an_end_nearer(connection: Connection, branch: RowMapping) -> None:
    set_up(connection, branch)
    rotated(connection, branch, 2 * HOUR)
    rotated(connection, branch, 10 * HOUR)
    assert [each.retires_at for each in keys(connection)] == [None, later(10 * HOUR), later(2 * HOUR)]
    rotated(connection, branch, HOUR)
    assert [each.retires_at for each in keys(connection)] == [None, *(3 * [later(HOUR)])]


def test_a_leak_ends_everything_before_at_that_very_instant(connection: Connection, branch: RowMapping) -> None:
    set_up(connection, branch)
    rotated(connection, branch, 0, later(5))
    newest, oldest = keys(connection)
    assert newest.is_valid(later(5))
    assert oldest.is_valid(later(4))
    assert not oldest.is_valid(later(5))


def test_a_rotation_touches_no_other_branch(connection: Connection, branch: RowMapping) -> None:
    branches.add(connection, "Riverside", NOON, password_store="hash", interim=120, idle_timeout=300, timezone="UTC")
    riverside = branches.find(connection, "Riverside")
    set_up(connection, branch)
    set_up(connection, riverside)
    rotated(connection, branch, 0)
    found = pc_directory.load(connection, VAULT)
    assert [each.retires_at for each in found[riverside["id"]].keys] == [None]
    pc_networks.allow(connection, branch, ["203.0.113.7/32"], NOON)
    assert pc_networks.networks_of(connection, riverside["id"]) == []


def test_what_one_branch_disallows_another_may_still_allow(connection: Connection, branch: RowMapping) -> None:
    branches.add(connection, "Riverside", NOON, password_store="hash", interim=120, idle_timeout=300, timezone="UTC")
    riverside = branches.find(connection, "Riverside")
    for each in (branch, riverside):
        pc_networks.allow(connection, each, ["203.0.113.7/32"], NOON)
    assert pc_networks.disallow(connection, branch, ["203.0.113.7/32"]) == []
    assert pc_networks.networks_of(connection, riverside["id"]) == ["203.0.113.7/32"]


def test_allowing_twice_is_no_mistake(connection: Connection, branch: RowMapping) -> None:
    for _ in range(2):
        found = pc_networks.allow(connection, branch, ["203.0.113.7/32", "203.0.113.7/32"], NOON)
    assert found == ["203.0.113.7/32"]


def test_what_was_agreed_is_what_a_server_reads(connection: Connection, branch: RowMapping) -> None:
    sealed = pc_systems.sealed_api_key(VAULT, "an api key")
    set_up(connection, branch, realm="chain", resume="free", api_url="http://192.0.2.1", api_key=sealed)
    (system,) = pc_directory.load(connection, VAULT).values()
    assert (system.realm, system.resume.value, system.api_key) == ("chain", "free", "an api key")
    pc_systems.remove(connection, branch)
    assert pc_directory.load(connection, VAULT) == {}
