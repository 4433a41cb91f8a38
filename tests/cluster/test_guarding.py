"""Whoever asks Redis is told soon that it does not answer; and after three such answers, at once."""

from collections.abc import Awaitable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from radiusd.cluster.guarding import Away, Guard
from radiusd.cluster.publishing import FAILURES, LIMIT, RESTS
from tests.cluster.given import begin


class Calls:
    """What is asked; each waits until a test answers it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.guard = Guard(begin, self.clock, lost="lost: {reason}", back="back")
        self.pending: list[Deferred[str]] = []

    async def _call(self) -> str:
        self.pending.append(Deferred())
        return await self.pending[-1]

    def ask(self) -> "Deferred[Any]":
        def make() -> Awaitable[Any]:
            return self._call()

        asked = Deferred.fromCoroutine(self.guard.call(make))
        asked.addErrback(lambda failure: failure.trap(Away))
        return asked

    def fail(self) -> None:
        asked = self.ask()
        self.clock.advance(LIMIT)
        assert asked.result is Away


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_an_answer_is_given_to_whoever_asked(calls: Calls) -> None:
    asked = calls.ask()
    calls.pending[0].callback("PONG")
    assert asked.result == "PONG"


def test_no_answer_in_a_fifth_of_a_second_is_none(calls: Calls) -> None:
    asked = calls.ask()
    calls.clock.advance(LIMIT - 0.01)
    assert not asked.called
    calls.clock.advance(0.01)
    assert asked.result is Away


def test_after_three_failures_nothing_is_asked_for_five_seconds(calls: Calls) -> None:
    for _ in range(FAILURES):
        assert not calls.guard.is_resting
        calls.fail()
    assert calls.guard.is_resting
    assert calls.ask().result is Away
    assert len(calls.pending) == FAILURES
    calls.clock.advance(RESTS)
    assert not calls.guard.is_resting
    calls.fail()
    assert calls.guard.is_resting


def test_two_failures_between_answers_are_not_enough(calls: Calls) -> None:
    for _ in range(4):
        calls.fail()
        calls.fail()
        calls.ask()
        calls.pending[-1].callback("PONG")
    assert not calls.guard.is_resting


def test_the_end_gives_up_what_is_under_way_and_asks_nothing_more(calls: Calls) -> None:
    asked = calls.ask()
    closed: list[bool] = []

    async def close() -> None:
        closed.append(True)

    assert calls.guard.stop(close).called
    assert (asked.result, closed) == (Away, [True])
    assert calls.ask().result is Away
    assert calls.clock.getDelayedCalls() == []
