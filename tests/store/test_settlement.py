"""Where a month begins and ends, by the clock of a café."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from policy.quantities import Instant
from radiusd.store.settlement import Month

ZONES = [
    "UTC",
    "Asia/Ho_Chi_Minh",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "Pacific/Apia",
    "Europe/Berlin",
    "Asia/Gaza",
]


def instant(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(text).timestamp() * 1000))


@pytest.mark.parametrize(
    ("month", "zone", "begins", "ends"),
    [
        (Month(2026, 11), "UTC", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        (Month(2026, 11), "Asia/Ho_Chi_Minh", "2026-10-31T17:00:00+00:00", "2026-11-30T17:00:00+00:00"),
        (Month(2026, 12), "Asia/Ho_Chi_Minh", "2026-11-30T17:00:00+00:00", "2026-12-31T17:00:00+00:00"),
        # Summer time begins and ends within the month, so that it is an hour shorter or longer.
        (Month(2026, 3), "Europe/Berlin", "2026-02-28T23:00:00+00:00", "2026-03-31T22:00:00+00:00"),
        (Month(2026, 10), "Europe/Berlin", "2026-09-30T22:00:00+00:00", "2026-10-31T23:00:00+00:00"),
        # Clocks jumped from 00:00 to 01:00 on the first of October: there was no midnight.
        (Month(2017, 10), "America/Asuncion", "2017-10-01T04:00:00+00:00", "2017-11-01T03:00:00+00:00"),
        # Clocks went back from 00:01 to 23:01: there were two midnights, and the first of them counts.
        (Month(2009, 11), "America/St_Johns", "2009-11-01T02:30:00+00:00", "2009-12-01T03:30:00+00:00"),
    ],
)
def test_a_month_is_that_of_the_cafes_clock(month: Month, zone: str, begins: str, ends: str) -> None:
    assert (month.begins_at(zone), month.ends_at(zone)) == (instant(begins), instant(ends))


@pytest.mark.parametrize("zone", ZONES)
def test_months_follow_each_other_without_a_gap(zone: str) -> None:
    months = [Month(year, number) for year in (2011, 2026) for number in range(1, 13)]
    for month in months:
        after = Month(month.year + (month.number == 12), month.number % 12 + 1)
        assert month.ends_at(zone) == after.begins_at(zone)
        local = datetime.fromtimestamp(month.begins_at(zone) / 1000, ZoneInfo(zone))
        assert (local.year, local.month, local.day) == (month.year, month.number, 1)
