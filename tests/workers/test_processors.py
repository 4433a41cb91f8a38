"""Each worker has a processor of its own, where there are as many."""

import pytest

from radiusd.workers.processors import own_processor


def test_each_worker_has_another_one_of_those_that_may_be_used() -> None:
    assert [own_processor(number, 3, {9, 2, 4}) for number in range(3)] == [2, 4, 9]


@pytest.mark.parametrize("processors", [{0, 1}, {0, 1, 2, 3}])
def test_where_there_are_fewer_or_more_nobody_has_one(processors: set[int]) -> None:
    assert [own_processor(number, 3, processors) for number in range(3)] == [None] * 3
