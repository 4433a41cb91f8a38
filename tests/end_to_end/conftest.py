"""Cafés to test in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.cafe import Cafe
from tests.end_to_end.nas import Nas


@pytest.fixture
def cafe(tmp_path: Path, database_url: str) -> Iterator[Cafe]:
    """A café that is open."""
    with Cafe(tmp_path, database_url) as made:
        yield made


@pytest.fixture
def nas(cafe: Cafe) -> Iterator[Nas]:
    """Its router."""
    with Nas(cafe.auth, cafe.acct, cafe.coa) as made:
        yield made
