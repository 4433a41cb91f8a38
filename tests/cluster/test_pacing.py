"""Looks that are asked for: the first at once, and however many follow, one every fiftieth of a second."""

from twisted.internet.task import Clock

from radiusd.cluster.pacing import PAUSE, Paced


def test_the_first_is_done_at_once_and_all_that_follow_together_after_a_pause() -> None:
    clock, done = Clock(), list[float]()
    paced = Paced(lambda: done.append(clock.seconds()), clock)
    for _ in range(100):
        paced()
    assert done == [0]
    clock.advance(PAUSE)
    assert done == [0, PAUSE]
    clock.advance(10)
    assert done == [0, PAUSE]


def test_after_a_while_of_quiet_it_is_done_at_once_again() -> None:
    clock, done = Clock(), list[float]()
    paced = Paced(lambda: done.append(clock.seconds()), clock)
    paced()
    clock.advance(1)
    paced()
    assert done == [0, 1]
    assert clock.getDelayedCalls() == []


def test_whoever_asks_all_the_time_is_served_fifty_times_a_second() -> None:
    clock, done = Clock(), list[float]()
    paced = Paced(lambda: done.append(clock.seconds()), clock)
    for _ in range(1000):
        paced()
        clock.advance(0.001)
    assert 45 <= len(done) <= 51
