"""A café whose PC system reports, and the server over it."""

import pytest

from radiusd.store.database import Database
from tests.pc_sync.town import PcCafe


@pytest.fixture
def cafe(database: Database) -> PcCafe:
    """nora is at 10.0.0.1 with an hour, and is nora_01 at the gaming PCs."""
    return PcCafe(database)
