"""A network that loses: what was lost on its way was not done, and what was lost on its way back was."""

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost

from radiusd.virtual_playwave.launcher import Launcher, pc
from radiusd.virtual_playwave.losing import Losing
from radiusd.virtual_playwave.seen import Rules, Span
from radiusd.virtual_playwave.wire import Wire
from tests.virtual_playwave.given import ACCOUNT, Studio


class Chance(Random):
    """Always the same."""

    value = 0.0

    def random(self) -> float:
        return self.value


def lossy(studio: Studio, value: float, share: float) -> tuple[Losing, Launcher]:
    chance = Chance(1)
    chance.value = value
    network = Losing(studio.connection, chance, share)
    wire = Wire(network, studio.clock, "http://127.0.0.1:8080")
    return network, Launcher(wire, ACCOUNT, pc(1), Random(1), studio.now)


@pytest.mark.parametrize(("value", "status", "arrived"), [(0.04, 0, 0), (0.06, 0, 1), (0.11, 200, 1)])
def test_half_of_what_is_lost_is_done_all_the_same(value: float, status: int, arrived: int) -> None:
    studio = Studio()
    _, launcher = lossy(studio, value, 0.1)
    assert studio.result(launcher.start()).status == status
    assert len(studio.standin.seen) == arrived


def test_the_next_answer_can_be_lost_on_purpose_and_no_other() -> None:
    studio = Studio()
    network, launcher = lossy(studio, 0.0, 0.0)
    network.lose_next_answer()
    lost, got = studio.result(launcher.start()), studio.result(launcher.start())
    assert (lost.status, lost.code, lost.message) == (0, "NETWORK_ERROR", ConnectionLost.__name__)
    assert got.status == 200
    assert len(studio.standin.seen) == 2


def test_nobody_waits_longer_than_the_patience_of_a_wire() -> None:
    studio = Studio()
    studio.connection.trouble = [None]
    came: list[Any] = []
    Deferred.fromCoroutine(Wire(studio.connection, studio.clock, "http://x", 3).ask("GET", "/", {})).addCallback(
        came.append
    )
    studio.turn(2.9)
    assert came == []
    studio.turn(0.2)
    assert (came[0].status, came[0].answered_at) == (0, 3.0)


# What two readings of a clock allow to say

WHEN = Span(1000.0, 1001.0)


@pytest.mark.parametrize(
    ("at", "may", "must"),
    [(Span(1237, 1238.5), False, False), (Span(1238, 1239.5), True, False), (Span(1246, 1246), True, False),
     (Span(1246.1, 1247), True, True)],
)  # fmt: skip
def test_a_silence_is_over_for_certain_only_when_no_reading_says_otherwise(at: Span, may: bool, must: bool) -> None:
    rules = Rules()
    assert (rules.may_be_over(WHEN, 240, at), rules.must_be_over(WHEN, 240, at)) == (may, must)


@pytest.mark.parametrize(("played", "is_near"), [(97, False), (98, True), (101, True), (102, True), (103, False)])
def test_a_play_time_may_be_off_by_one_second_and_what_the_answers_took(played: int, is_near: bool) -> None:
    assert Rules().is_near(played, WHEN, Span(1100.0, 1101.0)) is is_near


def test_the_times_of_a_server_with_shorter_intervals_are_in_proportion() -> None:
    rules = Rules.of(0.5, ott=3)
    assert (rules.ott, rules.silence, rules.launcher, rules.grace) == (3, 1.0, 1.0, 0.5)
    assert Rules.of(120) == Rules()
