"""From what generators print to medians and ratios."""

import pytest

from radiusd.bench.errors import BenchError
from radiusd.bench.figures import Ratio, from_radius_load, from_virtual_routers, median_of, ratio
from tests.bench.given import RADIUS_LOAD, VIRTUAL_ROUTERS, figures


def test_radius_load_is_understood() -> None:
    found = from_radius_load(RADIUS_LOAD)
    assert (found.requests, found.rps, found.p50, found.p99) == (1000, 1994.0, 12.544, 40.192)
    assert (found.took, found.first_after, found.last_repeated_after) == (0.5, 0.002, 0.31)
    assert found.curve == ((50, 12.544), (100, 41.204))


def test_where_nothing_was_answered_there_is_no_latency() -> None:
    nothing = from_radius_load(RADIUS_LOAD[: RADIUS_LOAD.index(',"latency_ms"')] + "}")
    assert (nothing.p50, nothing.p99, nothing.curve) == (0, 0, ())


def test_what_was_not_finished_or_not_let_in_before_is_lost_too() -> None:
    assert from_radius_load(RADIUS_LOAD).lost == 1 + 2 + 5


def test_an_answer_that_should_have_been_another_is_wrong() -> None:
    assert from_radius_load(RADIUS_LOAD).wrong == 3 + 4
    assert from_virtual_routers(VIRTUAL_ROUTERS).wrong == 2


def test_virtual_routers_are_understood() -> None:
    found = from_virtual_routers(VIRTUAL_ROUTERS)
    assert (found.requests, found.rps, found.p50, found.p99, found.lost) == (120, 1190.0, 3.5, 9.25, 1)


@pytest.mark.parametrize(
    "text", ["", "Segmentation fault", "[]", "{}", RADIUS_LOAD[:-2], RADIUS_LOAD.replace("1994.0", '"x"')]
)
def test_a_generator_that_failed_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(BenchError, match="did not report what was expected"):
        from_radius_load(text)


def test_one_round_is_its_own_median() -> None:
    assert median_of([figures(server_cpu=1.5)]) == figures(server_cpu=1.5)


def test_a_disturbed_round_does_not_move_the_median() -> None:
    found = median_of([figures(rps=2000.0, p99=30.0), figures(rps=10.0, p99=9000.0), figures(rps=2100.0, p99=31.0)])
    assert (found.rps, found.p99) == (2000.0, 31.0)


def test_what_was_lost_is_counted_over_all_rounds() -> None:
    found = median_of([figures(), figures(lost=2), figures(wrong=1)])
    assert (found.lost, found.wrong, found.is_clean) == (2, 1, False)


def test_cpu_time_nobody_could_read_has_no_median() -> None:
    found = median_of([figures(server_cpu=1.0), figures(server_cpu=2.0)])
    assert (found.server_cpu, found.database_cpu) == (1.5, None)


def test_a_ratio_is_taken_round_by_round() -> None:
    ours = [figures(rps=4000.0, p99=10.0), figures(rps=1000.0, p99=40.0), figures(rps=3000.0, p99=20.0)]
    # In the second round the machine was busy with something else, for both.
    peers = [figures(rps=2000.0, p99=20.0), figures(rps=500.0, p99=80.0), figures(rps=1000.0, p99=20.0)]
    assert ratio(ours, peers) == Ratio(rps=2.0, p99=0.5)


def test_there_is_no_ratio_to_a_peer_that_answered_nothing() -> None:
    assert ratio([figures()], [figures(rps=0.0, p99=0.0)]) is None
