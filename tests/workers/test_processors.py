"""Each worker has a processor of its own, where there are enough."""

import pytest

from radiusd.workers.processors import own_processor


def test_each_worker_has_another_one_of_those_that_may_be_used() -> None:
    assert [own_processor(number, 3, {9, 2, 4, 5}) for number in range(3)] == [2, 4, 5]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_where_there_are_not_enough_nobody_has_one(number: int) -> None:
    assert own_processor(number, 3, {0, 1}) is None
