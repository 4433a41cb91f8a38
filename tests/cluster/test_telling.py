"""What is announced at one server is heard at the others: once, soon, and in as few messages as will do."""

from twisted.internet.task import Clock

from radiusd.cluster.messages import MOST_BALANCES, Message, decode
from radiusd.cluster.publishing import MOST_WAITING
from tests.cluster.given import FakeRedis, Server

NORA = (1, "nora_01")
OMAR = (2, "omar")


def test_the_others_look_and_whoever_stored_it_does_not(here: Server, there: Server, clock: Clock) -> None:
    here.announcements.look()
    clock.advance(0)
    assert (here.looks, there.looks) == (0, 1)


def test_a_balance_is_heard_once_here_and_once_there(here: Server, there: Server, clock: Clock) -> None:
    here.announcements.balance(NORA)
    assert here.balances == [NORA]
    clock.advance(0)
    assert (here.balances, there.balances) == ([NORA], [NORA])


def test_what_is_announced_in_one_turn_of_the_reactor_is_one_message(
    here: Server, redis: FakeRedis, clock: Clock
) -> None:
    for _ in range(1000):
        here.announcements.look()
        here.announcements.balance(NORA)
    here.announcements.balance(OMAR)
    assert redis.published == []
    clock.advance(0)
    assert [decode(each) for each in redis.published] == [Message("here", True, (NORA, OMAR))]


def test_while_one_message_is_on_its_way_the_next_gathers(
    here: Server, there: Server, redis: FakeRedis, clock: Clock
) -> None:
    redis.is_hung = True
    here.announcements.look()
    clock.advance(0)
    asked = redis.asked
    for _ in range(1000):
        here.announcements.look()
        clock.advance(0)
    assert redis.asked == asked
    redis.is_hung = False
    clock.advance(0.2)
    clock.advance(0)
    assert [decode(each) for each in redis.published] == [Message("here", True)]
    assert there.looks == 1


def test_what_is_announced_after_that_is_a_message_of_its_own(here: Server, there: Server, clock: Clock) -> None:
    for _ in range(3):
        here.announcements.look()
        clock.advance(0)
    assert there.looks == 3


def test_a_thousand_balances_take_several_messages(here: Server, there: Server, redis: FakeRedis, clock: Clock) -> None:
    everybody = [(1, f"guest_{each}") for each in range(1000)]
    for whose in everybody:
        here.announcements.balance(whose)
    clock.pump([0] * 10)
    assert there.balances == everybody
    assert len(redis.published) == 1000 // MOST_BALANCES


def test_more_balances_than_can_wait_are_forgotten(here: Server, there: Server, clock: Clock) -> None:
    for each in range(MOST_WAITING + 10):
        here.announcements.balance((1, f"guest_{each}"))
    clock.pump([0] * 20)
    assert len(there.balances) == MOST_WAITING
    assert len(here.balances) == MOST_WAITING + 10


def test_after_the_end_nothing_is_told_or_heard_and_nothing_is_left_open(
    here: Server, there: Server, redis: FakeRedis, clock: Clock
) -> None:
    here.announcements.look()
    there.announcements.look()
    stopped = there.announcements.stop()
    assert stopped.called
    there.announcements.look()
    clock.advance(0)
    assert (here.looks, there.looks) == (0, 0)
    assert there.client.is_closed
    assert redis.open_subscriptions == 1
    here.announcements.stop()
    assert redis.open_subscriptions == 0
    assert clock.getDelayedCalls() == []
