"""The built-in wallet as a café's side: each begun period is paid once, in advance, and never more than there is."""

from ipaddress import ip_network
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from policy.quantities import Seconds
from radiusd.charging import charges
from radiusd.charging.charges import RenewJob, StartJob, StopJob
from radiusd.charging.port import ChargeUnavailable
from radiusd.store.identifiers import Identifiers
from radiusd.store.work import Work
from radiusd.store.writer import Failed, Job
from tests.charging.given import Till, a_key, came_of

KEY = a_key(1)


def test_a_start_pays_the_first_period(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    assert till.start(KEY, cafe, game) is True
    assert (till.left(cafe), till.earned(game), till.booked(KEY)) == (7, 3, [1])


def test_a_wallet_that_is_too_small_is_refused_and_not_touched(till: Till) -> None:
    cafe, game = till.a_cafe(2), till.a_game(rate=3)
    assert came_of(till.port.check(cafe, game)) is False
    assert till.start(KEY, cafe, game) is False
    assert (till.left(cafe), till.charge(KEY)) == (2, None)


def test_a_wallet_with_just_enough_will_do(till: Till) -> None:
    cafe, game = till.a_cafe(3), till.a_game(rate=3)
    assert came_of(till.port.check(cafe, game)) is True
    assert till.start(KEY, cafe, game) is True
    assert till.left(cafe) == 0


def test_what_was_refused_may_start_after_a_top_up(till: Till) -> None:
    cafe, rich, game = till.a_cafe(), till.a_cafe(5), till.a_game()
    assert till.start(KEY, cafe, game) is False
    assert till.start(KEY, rich, game) is True


@pytest.mark.parametrize("which", ["no game", "a stopped game", "no café"])
def test_what_is_not_there_is_not_chargeable(till: Till, which: str) -> None:
    cafe, game = till.a_cafe(10), till.a_game(is_active=which != "a stopped game")
    cafe, game = (4711 if which == "no café" else cafe), (4711 if which == "no game" else game)
    assert came_of(till.port.check(cafe, game)) is False
    assert till.start(KEY, cafe, game) is False
    assert till.wrong() == []


def test_a_renewal_pays_each_period_that_has_begun(till: Till) -> None:
    cafe, game = till.a_cafe(100), till.a_game(rate=3, period=60)
    till.start(KEY, cafe, game)
    assert [till.renew(KEY, played) for played in (59, 60, 60, 119, 185)] == [True] * 5
    assert (till.booked(KEY), till.left(cafe)) == ([1, 2, 3, 4], 88)


def test_a_late_renewal_of_less_play_pays_nothing_and_is_fine(till: Till) -> None:
    cafe, game = till.a_cafe(3), till.a_game(period=60)
    till.start(KEY, cafe, game)
    till.renew(KEY, 130)
    assert till.renew(KEY, 70) is True
    assert till.left(cafe) == 0


def test_a_renewal_that_cannot_be_paid_whole_pays_nothing(till: Till) -> None:
    cafe, game = till.a_cafe(2), till.a_game(period=60)
    till.start(KEY, cafe, game)
    assert till.renew(KEY, 125) is False
    assert (till.left(cafe), till.booked(KEY)) == (1, [1])


def test_a_top_up_lets_the_same_renewal_through(till: Till) -> None:
    cafe, game = till.a_cafe(1), till.a_game(period=60)
    till.start(KEY, cafe, game)
    assert till.renew(KEY, 60) is False
    till.a_top_up(cafe, 1)
    assert till.renew(KEY, 60) is True


def test_a_stop_pays_what_has_begun_until_then(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    assert till.stop(KEY, 130) is None
    assert (till.booked(KEY), till.left(cafe)) == ([1, 2, 3], 7)


def test_a_stop_pays_nothing_for_what_is_unbilled(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    till.stop(KEY, 240, unbilled=121)
    assert till.booked(KEY) == [1, 2]


def test_a_stop_pays_as_far_as_the_wallet_goes(till: Till) -> None:
    cafe, game = till.a_cafe(5), till.a_game(rate=2, period=60)
    till.start(KEY, cafe, game)
    assert till.stop(KEY, 300) is None
    assert (till.booked(KEY), till.left(cafe)) == ([1, 2], 1)


def test_a_stop_gives_nothing_back(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    till.renew(KEY, 200)
    till.stop(KEY, 60)
    assert till.left(cafe) == 6


def test_whatever_comes_after_the_stop_books_nothing(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    till.stop(KEY, 10)
    assert (till.stop(KEY, 500), till.renew(KEY, 500), till.start(KEY, cafe, game)) == (None, False, False)
    assert till.left(cafe) == 9


def test_a_stop_of_what_was_never_started_is_acknowledged_and_a_late_start_refused(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game()
    assert till.stop(KEY, 0) is None
    assert till.start(KEY, cafe, game) is False
    assert (till.left(cafe), till.stop(KEY, 0), till.renew(KEY, 0)) == (10, None, False)


def test_a_repeated_start_pays_nothing_again(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(rate=3)
    assert [till.start(KEY, cafe, game) for _ in range(3)] == [True] * 3
    assert till.left(cafe) == 7


def test_a_game_without_a_rate_is_free(till: Till) -> None:
    cafe, game = till.a_cafe(), till.a_game(rate=0, period=60)
    assert came_of(till.port.check(cafe, game)) is True
    assert [till.start(KEY, cafe, game), till.renew(KEY, 600)] == [True, True]
    till.stop(KEY, 700)
    assert (till.left(cafe), till.booked(KEY), till.wrong()) == (0, [], [])


def test_of_a_charge_that_was_started_elsewhere_nobody_can_tell(till: Till) -> None:
    assert isinstance(till.renew(KEY, 60), ChargeUnavailable)


def test_a_store_that_fails_cannot_tell_and_quotes_nothing(till: Till) -> None:
    till.submit = lambda job, done: done(Failed(RuntimeError("a secret")))  # type: ignore[method-assign]
    till.port._submit = till.submit
    error = till.start(KEY, 1, 1)
    assert isinstance(error, ChargeUnavailable)
    assert str(error) == "the store did not take it; is the database up?"


def test_a_batch_of_starts_on_one_wallet_never_takes_more_than_there_is(till: Till) -> None:
    cafe, game = till.a_cafe(3), till.a_game()
    jobs = [StartJob(at=till.at, key=a_key(number), branch_id=cafe, game_id=game) for number in range(5)]
    results, _ = till.committer.commit(jobs)
    assert results == [True, True, True, False, False]
    assert (till.left(cafe), till.wrong()) == (0, [])


def test_a_whole_life_within_one_batch(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    jobs = [
        StartJob(at=till.at, key=KEY, branch_id=cafe, game_id=game),
        RenewJob(at=till.at, key=KEY, played=Seconds(60)),
        StopJob(at=till.at, key=KEY, played=Seconds(125), unbilled=Seconds(0)),
    ]
    results, _ = till.committer.commit(jobs)
    assert results == [True, True, None]
    assert (till.booked(KEY), till.left(cafe)) == ([1, 2, 3], 7)


# Whose address it is


def with_networks(till: Till, **networks: str) -> None:
    of_branches = {int(branch[1:]): (ip_network(text),) for branch, text in networks.items()}
    till.directory = evolve(till.directory, networks=of_branches)


@pytest.mark.parametrize(
    ("ip", "branch"),
    [
        ("198.51.100.7", 1),
        ("198.51.100.77", 2),
        ("::ffff:198.51.100.7", 1),
        ("2001:db8::5", 3),
        ("203.0.113.1", None),
        ("not an address", None),
        ("", None),
    ],
)
def test_an_address_is_of_the_cafe_with_the_narrowest_network_around_it(
    till: Till, ip: str, branch: int | None
) -> None:
    with_networks(till, b1="198.51.100.0/24", b2="198.51.100.64/27", b3="2001:db8::/64")
    assert came_of(till.port.verify_ip(ip)) == branch


def test_an_address_of_two_cafes_is_the_older_ones(till: Till) -> None:
    with_networks(till, b5="198.51.100.7/32", b2="198.51.100.7/32")
    assert came_of(till.port.verify_ip("198.51.100.7")) == 2


# What another server does between looking and deciding


def without_a_look(till: Till, job: Job) -> Any:
    """The job as it runs when what it decides over came only after it had looked for its wallet."""
    with till.database.writing() as connection:
        return job.run(Work(connection, Identifiers()))


def test_a_charge_that_began_a_moment_ago_is_locked_before_it_is_paid(till: Till) -> None:
    cafe, game = till.a_cafe(10), till.a_game(period=60)
    till.start(KEY, cafe, game)
    assert without_a_look(till, RenewJob(at=till.at, key=KEY, played=Seconds(60))) is True
    assert without_a_look(till, StopJob(at=till.at, key=KEY, played=Seconds(120), unbilled=Seconds(0))) is None
    assert (till.booked(KEY), till.wrong()) == ([1, 2, 3], [])


@pytest.mark.parametrize("is_first", ["the stop", "the start"])
def test_of_a_start_and_a_stop_of_this_very_moment_the_stop_wins(
    till: Till, is_first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other server's row is not to be seen when it is looked for, and there when ours is added."""
    cafe, game = till.a_cafe(10), till.a_game()
    a_start = StartJob(at=till.at, key=KEY, branch_id=cafe, game_id=game)
    a_stop = StopJob(at=till.at, key=KEY, played=Seconds(0), unbilled=Seconds(0))
    theirs, ours = (a_stop, a_start) if is_first == "the stop" else (a_start, a_stop)
    till.committer.commit([theirs])
    really, looks = charges._charge, count()
    monkeypatch.setattr(charges, "_charge", lambda work, key: really(work, key) if next(looks) > 1 else None)
    if is_first == "the stop":
        monkeypatch.setattr(charges, "_charge", lambda work, key: None)
    (result,), _ = till.committer.commit([ours])
    monkeypatch.undo()
    assert result is (False if is_first == "the stop" else None)
    assert till.charge(KEY).stopped_at is not None
    assert till.left(cafe) == (10 if is_first == "the stop" else 9)
