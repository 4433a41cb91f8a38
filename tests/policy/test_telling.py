"""Quantities in words, and facts with them."""

from zoneinfo import ZoneInfo

import pytest

from policy.facts import Fact, explain, fact
from policy.telling import told_instant, told_octets, told_seconds, told_since, told_speed, told_time_of_day
from policy.words import WORDS


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "unlimited"),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (7_500, "2 h 5 min"),
        (86_400 + 59, "1 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_durations(seconds: int | None, told: str) -> None:
    assert told_seconds(seconds) == told


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (None, "unlimited"),
        (0, "0 B"),
        (999, "999 B"),
        (1_500, "1.5 kB"),
        (2_000_000_000, "2 GB"),
        (2_000_000_001, "2.000 GB"),
        (2_100_000_000, "2.1 GB"),
    ],
)
def test_volumes(octets: int | None, told: str) -> None:
    assert told_octets(octets) == told


def test_speeds() -> None:
    assert [told_speed(each) for each in (2_000_000, 512_000, 1_500, 10**9)] == ["2M", "512k", "1500 bit/s", "1G"]


def test_instants() -> None:
    assert told_instant(1_795_262_400_999) == "2026-11-21 12:00:00 UTC"
    assert told_instant(1_795_262_400_999, ZoneInfo("Asia/Ho_Chi_Minh")) == "2026-11-21 19:00:00 +07"
    assert told_instant(None) == "never"
    assert [told_since(0, each) for each in (-5, 999, 1000, 3_700_000)] == [
        "just now",
        "just now",
        "1 s ago",
        "1 h ago",
    ]


def test_times_of_day() -> None:
    assert [told_time_of_day(each) for each in (0, 6 * 3600 + 30 * 60, 86_400)] == ["00:00", "06:30", "24:00"]


def test_quantities_in_a_fact_are_told_in_their_units() -> None:
    spent = fact("pass_data_spent", pass_id=3, used=2_100_000_000, data=2_000_000_000)
    assert explain(spent) == "the data of pass 3 is used up: 2.1 GB of 2 GB"
    assert explain(fact("granted", time=2460, data=None, rate="2M up, 10M down")) == (
        "let in; time: 41 min, data: unlimited, speed: 2M up, 10M down"
    )


@pytest.mark.parametrize("code", WORDS)
def test_what_an_older_version_did_not_keep_spoils_no_sentence(code: str) -> None:
    assert "{" not in explain(Fact(code))


def test_a_code_of_a_newer_version_is_shown_as_it_is() -> None:
    assert explain(fact("brand_new", size=5)) == "brand_new {'size': 5}"


def test_words_where_a_number_was_expected_are_shown_as_they_are() -> None:
    assert explain(fact("time_left", time="an hour")) == "an hour left"


def test_an_instant_that_no_calendar_has_is_told_all_the_same() -> None:
    assert told_instant(10**17) == "after the year 9998"
    assert told_instant(None) == "never"
