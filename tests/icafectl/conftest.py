"""Counters to work at."""

from pathlib import Path

import pytest

from tests.icafectl.counter import Counter


@pytest.fixture
def bare(tmp_path: Path, database_url: str) -> Counter:
    """A counter with a configuration and nothing else."""
    return Counter(tmp_path, database_url)


@pytest.fixture
def counter(bare: Counter) -> Counter:
    """A counter in a café that has opened."""
    return bare.open()
