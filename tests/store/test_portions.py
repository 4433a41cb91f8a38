"""A batch is as large as fits into what others may wait for it."""

import pytest

from radiusd.store.portions import HOLDS_UP, LARGEST, SMALLEST, Portion


@pytest.mark.parametrize(
    ("each", "most"), [(HOLDS_UP / 100, 100), (HOLDS_UP / 1000, LARGEST), (HOLDS_UP / 2, SMALLEST), (0.0, LARGEST)]
)
def test_it_comes_to_what_fits(each: float, most: int) -> None:
    portion = Portion()
    for _ in range(5):
        portion.took(portion.size, portion.size * each)
    assert portion.size == pytest.approx(most, abs=1)


def test_it_grows_by_steps() -> None:
    portion = Portion(20)
    portion.took(20, HOLDS_UP / 1000)
    assert portion.size == 40


def test_one_slow_job_alone_leaves_room_to_find_out_more() -> None:
    portion = Portion()
    portion.took(1, 1.0)
    assert portion.size == SMALLEST
    portion.took(SMALLEST, HOLDS_UP / 10)
    assert portion.size == 2 * SMALLEST
