"""How quantities are typed, and what is said about those that are typed wrong."""

from typing import Any

import click
import pytest

from policy.package import Hours
from policy.quantities import Seconds
from radiusd.icafectl import kinds
from tests.icafectl.counter import Counter

READ: list[tuple[kinds.Kind, str, Any]] = [
    (kinds.TIME, "30s", 30),
    (kinds.TIME, "45m", 2700),
    (kinds.TIME, "45min", 2700),
    (kinds.TIME, "3h", 10800),
    (kinds.TIME, "1d", 86400),
    (kinds.TIME, "1h30m", 5400),
    (kinds.SECONDS, "120", 120),
    (kinds.SECONDS, "2m", 120),
    (kinds.VOLUME, "500M", 500_000_000),
    (kinds.VOLUME, "2G", 2_000_000_000),
    (kinds.VOLUME, "1.5GB", 1_500_000_000),
    (kinds.VOLUME, "512Mi", 512 << 20),
    (kinds.VOLUME, "2Gi", 2 << 30),
    (kinds.SPEED, "2M", 2_000_000),
    (kinds.SPEED, "512k", 512_000),
    (kinds.SPEED, "1.5M", 1_500_000),
    (kinds.PRICE, "12000", 12_000),
    (kinds.PRICE, "12_000", 12_000),
    (kinds.PRICE, "0", 0),
    (kinds.PERCENT, "20", 20),
    (kinds.PERCENT, "20%", 20),
    (kinds.HOURS, "08:00-22:00", Hours(Seconds(28800), Seconds(79200))),
    (kinds.HOURS, "20:00-02:00", Hours(Seconds(72000), Seconds(7200))),
    (kinds.HOURS, "08:00-24:00", Hours(Seconds(28800), Seconds(0))),
    (kinds.MAC, "aabb-ccdd-eeff".replace("-", ":"), "AA:BB:CC:DD:EE:FF"),
    (kinds.NETWORK, "10.0.0.1", "10.0.0.1/32"),
    (kinds.NETWORK, "10.1.0.7/24", "10.1.0.0/24"),
    (kinds.NETWORK, "2001:db8::1", "2001:db8::1/128"),
    (kinds.ZONE, "Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh"),
]

REFUSED: list[tuple[kinds.Kind, str, str]] = [
    (kinds.TIME, "90", "1h30m"),
    (kinds.TIME, "3", "45m"),
    (kinds.TIME, "-3h", "45m"),
    (kinds.TIME, "3h3h", "45m"),
    (kinds.TIME, "", "45m"),
    (kinds.SECONDS, "two", "30s"),
    (kinds.VOLUME, "500", "500M"),
    (kinds.VOLUME, "2 GB", "2G"),
    (kinds.VOLUME, "9999999T", "2G"),
    (kinds.VOLUME, "1.0000001k", "2G"),
    (kinds.SPEED, "2", "2M"),
    (kinds.SPEED, "2Mi", "2M"),
    (kinds.PRICE, "12.000", "12_000"),
    (kinds.PRICE, "12,000", "12_000"),
    (kinds.PRICE, "-1", "12_000"),
    (kinds.PRICE, "1_2", "12_000"),
    (kinds.PERCENT, "101", "20"),
    (kinds.HOURS, "8-22", "08:00-22:00"),
    (kinds.HOURS, "08:00-08:00", "08:00-22:00"),
    (kinds.HOURS, "25:00-26:00", "08:00-22:00"),
    (kinds.MAC, "AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FF"),
    (kinds.MAC, "AA:BB-CC:DD:EE:FF", "AA:BB:CC:DD:EE:FF"),
    (kinds.NETWORK, "10.0.0", "10.1.0.0/24"),
    (kinds.ZONE, "Vietnam/Hanoi", "Asia/Ho_Chi_Minh"),
    (kinds.NAME, "", "1 to 100"),
    (kinds.NAME, " x", "1 to 100"),
    (kinds.NAME, "a\x1b[2J", "control"),
    (kinds.NAME, "a" * 101, "1 to 100"),
    (kinds.ACCOUNT, "\udcff", "UTF-8"),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_what_is_typed_is_read(kind: kinds.Kind, text: str, value: Any) -> None:
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(("kind", "text", "expected"), REFUSED)
def test_what_is_typed_wrong_is_told_what_was_expected(kind: kinds.Kind, text: str, expected: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        kind.convert(text, None, None)
    assert expected in caught.value.message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--time", "0s"], "longer than 0 s"),
        (["--up", "2M"], "--up and --down"),
        (["--up", "2M", "--down", "0.5k"], "1k"),
        (["--devices", "6"], "1<=x<=5"),
        (["--priority", "9"], "1<=x<=8"),
        (["--burst", "200"], "0 to 100"),
        (["--online-time"], "where time is sold"),
        (["--max-users", "0"], "1<=x<="),
        (["--price", "12.000"], "12_000"),
    ],
)
def test_a_package_that_cannot_be_is_a_usage_error_and_nothing_is_added(
    counter: Counter, options: list[str], expected: str
) -> None:
    assert expected in counter.run("package", "add", "bad", *options, status=2)
    assert [each["name"] for each in counter.read("package", "list")] == ["3h"]
