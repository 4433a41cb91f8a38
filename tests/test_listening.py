"""A server that stops waits for what it has in work, but not for ever."""

from twisted.internet.task import Clock

from radiusd.listening import DRAINS_WITHIN, drained


def test_it_is_drained_at_once_if_nothing_is_in_work() -> None:
    assert drained(lambda: True, Clock()).called is True


def test_it_waits_until_everything_is_answered() -> None:
    clock, in_work = Clock(), [1, 2]
    done = drained(lambda: not in_work, clock)
    clock.advance(1)
    assert done.called is False
    in_work.clear()
    clock.advance(0.1)
    assert done.called is True


def test_it_does_not_wait_for_ever() -> None:
    clock = Clock()
    done = drained(lambda: False, clock)
    clock.pump([0.1] * int(DRAINS_WITHIN * 10 + 1))
    assert done.called is True
    assert clock.getDelayedCalls() == []
