"""Counters: no order, repetition, wrap or missing Gigawords bends a total."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.quantities import Octets, Seconds
from policy.usage import NOTHING, Counters, Report, Usage, take_over
from tests.policy.given import figures

GIB = 1 << 30


def total(reports: list[Report] | tuple[Report, ...]) -> Usage:
    """What is counted after these reports, which must equal the sum of what was new in each."""
    counters, summed = Counters(), NOTHING
    for each in reports:
        before, counters = counters, take_over(counters, each)
        fresh = counters.used.less(before.used)
        assert min(fresh.uploaded, fresh.downloaded, fresh.seconds) >= 0
        summed = summed.plus(fresh)
    assert summed == counters.used
    return counters.used


def test_a_repeated_report_brings_nothing_new() -> None:
    once = take_over(Counters(), figures(60, 1000, 2000))
    assert take_over(once, figures(60, 1000, 2000)) is once


def test_a_late_report_takes_nothing_back() -> None:
    assert total([figures(120, 5000, 9000), figures(60, 1000, 2000)]) == Usage(Octets(5000), Octets(9000), Seconds(120))


def test_a_stop_with_all_zero_counters_keeps_the_last_figures() -> None:
    assert total([figures(60, 1000, 2000), figures(61, 0, 0)]) == Usage(Octets(1000), Octets(2000), Seconds(61))


def test_a_stop_without_counters_keeps_the_last_figures() -> None:
    assert total([figures(60, 1000, 2000), Report()]) == Usage(Octets(1000), Octets(2000), Seconds(60))


def test_a_fall_by_more_than_half_the_range_without_gigawords_is_a_wrap() -> None:
    reports = [figures(60, 0, 3 * GIB + 1, is_exact=False), figures(120, 0, 1 * GIB, is_exact=False)]
    assert total(reports).downloaded == 5 * GIB


def test_a_smaller_fall_without_gigawords_is_no_wrap() -> None:
    reports = [figures(60, 0, 3 * GIB, is_exact=False), figures(120, 0, 2 * GIB, is_exact=False)]
    assert total(reports).downloaded == 3 * GIB


def test_a_report_without_gigawords_goes_on_from_the_last_one_with_them() -> None:
    reports = [figures(60, 0, 5 * GIB), figures(120, 0, 2 * GIB, is_exact=False)]
    assert total(reports).downloaded == 6 * GIB


def test_wraps_are_counted_in_whatever_order_the_reports_come() -> None:
    truth = [0.5, 2, 3.5, 5, 6.5, 7.9]  # GiB at each report, never two more than before
    reports = [figures(60 * i, 0, int(gib * GIB) % (1 << 32), is_exact=False) for i, gib in enumerate(truth, 1)]
    totals = {total(order) for order in permutations(reports)}
    assert totals == {Usage(Octets(0), Octets(int(7.9 * GIB)), Seconds(360))}


def test_the_report_that_lacks_gigawords_may_come_before_the_one_it_builds_on() -> None:
    reports = [figures(60, 0, 5 * GIB), figures(120, 0, 2 * GIB, is_exact=False)]
    assert total(reports) == total(reports[::-1])


def test_ninety_wraps_without_gigawords_are_counted() -> None:
    reports = [figures(60 * i, 0, (i * GIB + 1) % (1 << 32), is_exact=False) for i in range(1, 361)]
    assert total(reports).downloaded == 360 * GIB + 1


counts = st.integers(0, 1 << 40)
growing = st.lists(st.tuples(counts, counts, st.integers(0, 1 << 20)), min_size=1, max_size=8).map(
    lambda steps: [
        figures(sum(s[2] for s in steps[:n]), sum(s[0] for s in steps[:n]), sum(s[1] for s in steps[:n]))
        for n in range(1, len(steps) + 1)
    ]
)


@given(growing, st.randoms(use_true_random=False))
def test_reordered_and_repeated_reports_count_the_same(reports: list[Report], random: object) -> None:
    shuffled = reports * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert total(shuffled) == total(reports)


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_first_report_counts_whole(is_exact: bool) -> None:
    assert total([figures(60, 10, 20, is_exact=is_exact)]) == Usage(Octets(10), Octets(20), Seconds(60))
