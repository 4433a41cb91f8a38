"""Redis may be down, hung, slow, full of garbage, or back again: nobody waits for it, and nobody is harmed by it."""

import pytest
from redis import exceptions
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from radiusd.cluster.messages import Message, encode
from radiusd.cluster.publishing import FAILURES, LIMIT, RESTS
from radiusd.cluster.reasons import reason_of
from radiusd.cluster.subscribing import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, PULSE, SILENCE
from tests.cluster.given import FakeRedis, Server

PASSWORD = "correct horse"
NORA = (1, "nora_01")
REFUSED = exceptions.ConnectionError("Connection refused")


def lines(logged: list[LogEvent], by: str = "") -> list[str]:
    """What was logged, by this module or by any."""
    return [each["log_format"].format(**each) for each in logged if each["log_namespace"].endswith(by)]


def tell(server: Server, clock: Clock, times: int = 1) -> None:
    for _ in range(times):
        server.announcements.look()
        clock.advance(0)


# Telling


def test_a_message_is_given_up_after_a_fifth_of_a_second(here: Server, redis: FakeRedis, clock: Clock) -> None:
    redis.is_hung = True
    tell(here, clock)
    redis.is_hung = False
    here.announcements.look()
    clock.advance(LIMIT - 0.01)
    assert redis.published == []
    clock.advance(0.02)
    clock.advance(0)
    assert redis.published == [encode(Message("here", True))]


def test_after_three_failures_redis_is_left_alone_for_five_seconds(
    here: Server, there: Server, redis: FakeRedis, clock: Clock
) -> None:
    redis.error = REFUSED
    tell(here, clock, FAILURES)
    redis.error = None
    tell(here, clock, 100)
    clock.advance(RESTS - 0.1)
    tell(here, clock)
    assert redis.published == []
    clock.advance(0.1)
    tell(here, clock)
    assert (len(redis.published), there.looks) == (1, 1)


def test_two_failures_are_not_enough(here: Server, there: Server, redis: FakeRedis, clock: Clock) -> None:
    for _ in range(5):
        redis.error = REFUSED
        tell(here, clock, FAILURES - 1)
        redis.error = None
        tell(here, clock)
    assert there.looks == 5


def test_after_its_rest_one_try_that_fails_is_enough_for_the_next(here: Server, redis: FakeRedis, clock: Clock) -> None:
    redis.error = REFUSED
    tell(here, clock, FAILURES)
    clock.advance(RESTS)
    tell(here, clock)
    redis.error = None
    tell(here, clock)
    assert redis.published == []
    clock.advance(RESTS)
    tell(here, clock)
    assert len(redis.published) == 1


def test_what_could_not_be_told_is_forgotten_and_not_told_late(
    here: Server, there: Server, redis: FakeRedis, clock: Clock
) -> None:
    redis.error = REFUSED
    tell(here, clock, FAILURES)
    here.announcements.balance(NORA)
    clock.advance(0)
    redis.error = None
    clock.advance(RESTS)
    tell(here, clock)
    assert (there.looks, there.balances) == (1, [])
    assert here.balances == [NORA]


def test_that_redis_takes_nothing_is_logged_once_and_so_is_that_it_does_again(
    here: Server, redis: FakeRedis, clock: Clock, logged: list[LogEvent]
) -> None:
    redis.error = REFUSED
    for _ in range(5):
        tell(here, clock, FAILURES)
        clock.advance(RESTS)
    redis.error = None
    tell(here, clock, 3)
    assert lines(logged, "publishing") == [
        "Redis takes no announcements: Connection refused; other servers see changes a tenth of a second later",
        "Redis takes announcements again",
    ]


# Listening


def test_a_redis_that_was_gone_is_heard_again(here: Server, there: Server, redis: FakeRedis, clock: Clock) -> None:
    redis.die()
    assert redis.open_subscriptions == 0
    redis.come_back()
    clock.advance(FIRST_PAUSE)
    tell(here, clock)
    assert there.looks == 1
    assert redis.open_subscriptions == 2


def test_tries_are_made_after_half_a_second_then_less_and_less_often_up_to_ten(
    redis: FakeRedis, here: Server, clock: Clock
) -> None:
    redis.die()
    redis.asked = 0
    tried = []
    for tenth in range(1, 500):
        clock.advance(0.1)
        if redis.asked > len(tried):
            tried.append(tenth / 10)
    assert [round(each) for each in tried] == [0, 2, 4, 8, 16, 26, 36, 46]


def test_once_heard_again_the_pauses_are_short_again(here: Server, redis: FakeRedis, clock: Clock) -> None:
    redis.die()
    clock.pump([0.1] * 100)
    redis.come_back()
    clock.advance(LONGEST_PAUSE)
    assert redis.open_subscriptions == 1
    redis.die()
    redis.come_back()
    clock.advance(FIRST_PAUSE)
    assert redis.open_subscriptions == 1


def test_a_redis_that_accepts_but_does_not_answer_is_left_and_tried_again(redis: FakeRedis, clock: Clock) -> None:
    redis.is_hung = True
    server = Server(redis, clock, "here")
    clock.advance(0)
    assert redis.open_subscriptions == 1
    clock.advance(PATIENCE)
    assert redis.open_subscriptions == 0
    redis.come_back()
    clock.advance(FIRST_PAUSE)
    redis.say(encode(Message("there", True)))
    assert server.looks == 1


def test_a_subscription_that_is_not_confirmed_is_left_and_tried_again(redis: FakeRedis, clock: Clock) -> None:
    redis.confirms = False
    server = Server(redis, clock, "here")
    clock.advance(0)
    clock.advance(PATIENCE)
    redis.confirms = True
    clock.advance(FIRST_PAUSE)
    redis.say(encode(Message("there", True)))
    assert server.looks == 1


def test_the_connection_to_tell_over_is_made_and_kept_before_there_is_anything_to_tell(
    here: Server, clock: Clock
) -> None:
    assert here.client.pings == 1
    clock.advance(PULSE)
    assert here.client.pings == 2


def test_a_subscription_that_gives_no_sign_of_life_is_made_anew(here: Server, redis: FakeRedis, clock: Clock) -> None:
    (before,) = redis.subscriptions
    redis.is_hung = True
    clock.pump([0.5] * int(2 * (PULSE + SILENCE)))
    assert before.is_closed
    redis.come_back()
    clock.pump([0.5] * int(2 * (PATIENCE + LONGEST_PAUSE)))
    redis.say(encode(Message("there", True)))
    assert here.looks == 1


def test_one_over_which_nobody_speaks_but_redis_is_kept(here: Server, redis: FakeRedis, clock: Clock) -> None:
    (before,) = redis.subscriptions
    clock.pump([0.5] * 200)
    assert redis.subscriptions == [before]


def test_that_redis_is_not_heard_is_logged_once_and_so_is_that_it_is_again(
    here: Server, redis: FakeRedis, clock: Clock, logged: list[LogEvent]
) -> None:
    for _ in range(2):
        redis.die()
        clock.pump([0.1] * 400)
        redis.come_back()
        clock.advance(LONGEST_PAUSE)
    once = [
        "Redis is not heard: Error 111 connecting to 127.0.0.1:6379. Connection refused; "
        "what other servers change is seen a tenth of a second later",
        "Redis is heard again",
    ]
    assert lines(logged) == once * 2


def test_the_end_may_come_while_redis_is_down_or_hung(redis: FakeRedis, clock: Clock) -> None:
    server = Server(redis, clock, "here")
    redis.is_hung = True
    clock.advance(0)
    tell(server, clock)
    assert server.announcements.stop().called
    other = Server(redis, clock, "there")
    redis.die()
    clock.advance(0)
    assert other.announcements.stop().called
    assert clock.getDelayedCalls() == []


# What is said on the channel


def test_garbage_is_told_of_and_what_follows_it_is_heard(here: Server, redis: FakeRedis) -> None:
    for octets in (b"hello", None, b'{"look":true}', b"[" * 60_000):
        redis.say(octets)
    redis.say(encode(Message("there", True)))
    assert len(here.dropped) == 4
    assert here.looks == 1


def test_a_listener_that_fails_is_logged_and_does_not_end_the_subscription(
    redis: FakeRedis, clock: Clock, logged: list[LogEvent]
) -> None:
    server = Server(redis, clock, "here")
    server.fails = True
    clock.advance(0)
    redis.say(encode(Message("there", True)))
    server.fails = False
    redis.say(encode(Message("there", True)))
    assert server.looks == 1
    assert lines(logged) == ["an announcement could not be acted upon"]


# What is said of it


def test_a_password_that_redis_quotes_is_in_no_line(
    here: Server, redis: FakeRedis, clock: Clock, logged: list[LogEvent]
) -> None:
    redis.error = exceptions.ResponseError(f"ERR unknown command `HELLO`, with args beginning with: `{PASSWORD}`")
    for each in redis.subscriptions:
        each.messages.put(redis.error)
    tell(here, clock, FAILURES)
    assert len(logged) == 2
    for each in logged:
        assert "it answers ERR" in each["log_format"].format(**each)
        assert PASSWORD not in repr(each)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.AuthenticationError(f"invalid {PASSWORD}"), "it refuses the user or the password"),
        (exceptions.NoPermissionError(f"no {PASSWORD}", status_code="NOPERM"), "it answers NOPERM"),
        (exceptions.ResponseError(PASSWORD), "it answers with an error"),
        (exceptions.TimeoutError(), "it does not answer in time"),
        (exceptions.ConnectionError(), "ConnectionError"),
        (UnicodeEncodeError("utf-8", PASSWORD, 0, 1, "surrogates not allowed"), "UnicodeEncodeError"),
        (OSError(2, "No such file or directory"), "[Errno 2] No such file or directory"),
    ],
)
def test_a_reason_is_a_few_words_without_a_password(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
