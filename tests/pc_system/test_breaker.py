"""When a PC system is left alone."""

from radiusd.pc_system.breaker import RESTS, Breaker


def opened() -> Breaker:
    """Open since 10.0 s."""
    breaker = Breaker()
    for call in range(3):
        breaker.failed(call, 10.0)
    return breaker


def test_three_calls_that_fail_open_it() -> None:
    breaker = Breaker()
    assert [breaker.failed(call, 1.0) for call in range(3)] == [False, False, True]
    assert breaker.is_open
    assert not breaker.begin(9, 1.0)


def test_one_call_that_fails_again_and_again_does_not_open_it() -> None:
    breaker = Breaker()
    assert [breaker.failed(7, at) for at in (1.0, 2.0, 3.0, 4.0)] == [False] * 4
    assert breaker.begin(8, 5.0)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    breaker = Breaker()
    breaker.failed(1, 1.0)
    breaker.failed(2, 1.0)
    breaker.answered()
    breaker.failed(3, 1.0)
    assert not breaker.is_open


def test_it_lets_one_try_through_after_thirty_seconds_and_no_second_one() -> None:
    breaker = opened()
    assert not breaker.begin(7, 10.0 + RESTS - 0.01)
    assert breaker.begin(7, 10.0 + RESTS)
    assert not breaker.begin(8, 10.0 + RESTS)


def test_an_answer_to_that_try_closes_it() -> None:
    breaker = opened()
    breaker.begin(7, 40.0)
    breaker.answered()
    assert breaker.begin(8, 40.0)
    assert not breaker.is_open


def test_a_failure_of_that_try_opens_it_for_another_thirty_seconds() -> None:
    breaker = opened()
    breaker.begin(7, 40.0)
    assert breaker.failed(7, 45.0)
    assert not breaker.begin(8, 45.0 + RESTS - 0.01)
    assert breaker.begin(8, 45.0 + RESTS)


def test_a_try_from_before_it_opened_does_not_prolong_it() -> None:
    breaker = opened()
    assert not breaker.failed(8, 30.0)
    assert breaker.begin(9, 10.0 + RESTS)


def test_a_try_that_is_given_up_leaves_its_place_to_another() -> None:
    breaker = opened()
    breaker.begin(7, 40.0)
    breaker.abandoned(8)
    assert not breaker.begin(8, 40.0)
    breaker.abandoned(7)
    assert breaker.begin(8, 40.0)
