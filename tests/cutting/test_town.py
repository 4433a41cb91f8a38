"""Reboots, roams and changes of MAC: nobody is refused a place that is their own."""

from pathlib import Path

import pytest

from radiusd.store.invariants import check
from tests.cutting.town import live_through, open_town

EVENTS = 1_500  # scripts/town goes through ten thousand


@pytest.mark.no_cover  # others follow these lines, and in less time
def test_no_reboot_roam_or_new_mac_has_a_rightful_guest_refused(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db", seed=20_261_121)
    year = live_through(town, EVENTS)
    assert year.refused == []
    assert min(year.happened.values()) > EVENTS / 50
    assert town.counters.counts["ghost_found"] > EVENTS / 50  # the probe had its work
    with town.database.reading() as connection:
        assert check(connection) == []
    town.database.close()
