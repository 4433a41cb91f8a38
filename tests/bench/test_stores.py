"""A PostgreSQL that is not there, or does not start."""

from pathlib import Path

import pytest

from radiusd.bench.errors import BenchError
from radiusd.bench.stores import PostgresMissing, PostgresStore, private_postgres


def program(folder: Path, text: str) -> Path:
    """One that stands for run-postgres."""
    path = folder / "run-postgres"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_a_missing_postgresql_is_named_with_what_to_install(tmp_path: Path) -> None:
    with (
        pytest.raises(PostgresMissing, match="apt-get install postgresql"),
        private_postgres(program(tmp_path, "exit 3")),
    ):
        pass


def test_why_postgresql_did_not_start_is_told(tmp_path: Path) -> None:
    broken = program(tmp_path, "echo no room on the disk >&2; exit 1")
    with pytest.raises(BenchError, match="PostgreSQL did not start: no room on the disk"), private_postgres(broken):
        pass


def test_it_runs_until_it_is_not_needed(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    with private_postgres(program(tmp_path, f"echo postgresql://a 42; cat; touch {ended}")) as server:
        assert (server.url, server.pid, ended.exists()) == ("postgresql://a", 42, False)
    assert ended.exists()


def test_an_address_that_is_none_is_told_in_a_sentence() -> None:
    with pytest.raises(BenchError, match="looks like postgresql://"):
        PostgresStore("not an address", None)
