"""What the race of one-time tokens complains of."""

from collections import Counter
from typing import Any

import pytest

from radiusd.bench.ott_race import Plan, Result

PLAN = Plan(tokens=10, at_once=50, servers=2)


def a_result(**changed: Any) -> Result:
    """Of a race in which all was well."""
    fields: dict[str, Any] = {
        "plan": PLAN,
        "successes": Counter({1: 10}),
        "outcomes": Counter({"valid": 10, "OTT_ALREADY_USED": 490}),
        "seconds": 1.0,
        "p50": 1.0,
        "p99": 2.0,
        "sessions": 11,
        "charges": 11,
        "ages": {59: "valid", 61: "OTT_EXPIRED"},
        **changed,
    }
    return Result(**fields)


def test_of_a_race_in_which_all_was_well_nobody_complains() -> None:
    assert a_result().complaints == []
    assert a_result(ages={}, sessions=10, charges=10).complaints == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"successes": Counter({1: 9, 2: 1})}, "1 tokens had 2 successes"),
        ({"successes": Counter({1: 9, 0: 1})}, "1 tokens had 0 successes"),
        (
            {"outcomes": Counter({"valid": 11, "OTT_ALREADY_USED": 490})},
            "11 verifies came to valid, and 10 should have",
        ),
        (
            {"outcomes": Counter({"valid": 10, "OTT_ALREADY_USED": 490, "status 500": 3})},
            "3 verifies came to status 500, and 0 should have",
        ),
        ({"sessions": 12}, "there are 12 game sessions of 11 tokens"),
        ({"charges": 10}, "there are 10 charges of 11 tokens"),
        ({"ages": {59: "valid", 61: "valid"}, "sessions": 12, "charges": 12}, "a token of 61 s came to valid"),
        (
            {"ages": {59: "OTT_EXPIRED", 61: "OTT_EXPIRED"}, "sessions": 10, "charges": 10},
            "a token of 59 s came to OTT_EXPIRED",
        ),
    ],
)
def test_whatever_is_not_as_it_must_be_is_complained_of(changed: dict[str, Any], complaint: str) -> None:
    (told,) = a_result(**changed).complaints
    assert told.startswith(complaint)
