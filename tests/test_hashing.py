"""Argon2 takes its time: two checks at once, some wait, more are turned away, and nobody else is held up."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from radiusd.hashing import AT_ONCE, KEPT, KEPT_FOR, MOST_WAITING, HashChecker

HASH = b"$argon2id$of secret"
RIGHT = b"secret"


class Threads:
    """Stands for a pool of threads: nothing runs until a test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Callable[[], bool], Deferred[bool]]] = []

    def __call__(self, function: Callable[[], bool]) -> "Deferred[bool]":
        self.begun.append((function, Deferred()))
        return self.begun[-1][1]

    def finish_one(self) -> None:
        function, done = self.begun.pop(0)
        try:
            result = function()
        except Exception:  # noqa: BLE001 - as a thread's failure comes back
            done.errback()
        else:
            done.callback(result)

    def finish_all(self) -> None:
        while self.begun:
            self.finish_one()


class Checks:
    """A checker of passwords; `told` is what came out, `now` what the clock shows."""

    def __init__(self) -> None:
        self.threads = Threads()
        self.now = 0.0
        self.hashed: list[bytes] = []
        self.told: list[bool | None] = []
        self.checker = HashChecker(self._verify, self.threads, lambda: self.now, bytes(32))

    def _verify(self, encoded: bytes, password: bytes) -> bool:
        self.hashed.append(password)
        if encoded == b"broken":
            raise MemoryError("no room for argon2")
        return password == RIGHT and b"another" not in encoded

    def ask(self, password: bytes = RIGHT, encoded: bytes = HASH) -> None:
        self.checker.check(encoded, password, self.told.append)


@pytest.fixture
def checks() -> Checks:
    return Checks()


def test_a_password_is_checked_elsewhere_and_the_outcome_told_afterwards(checks: Checks) -> None:
    checks.ask()
    checks.ask(b"wrong")
    assert checks.told == []
    checks.threads.finish_all()
    assert checks.told == [True, False]


def test_two_are_checked_at_once_and_the_others_wait_their_turn(checks: Checks) -> None:
    for number in range(AT_ONCE + 3):
        checks.ask(b"%d" % number)
    assert len(checks.threads.begun) == AT_ONCE
    checks.threads.finish_one()
    assert len(checks.threads.begun) == AT_ONCE
    checks.threads.finish_all()
    assert checks.hashed == [b"%d" % number for number in range(AT_ONCE + 3)]


def test_who_finds_no_room_to_wait_is_told_at_once(checks: Checks) -> None:
    for number in range(AT_ONCE + MOST_WAITING):
        checks.ask(b"%d" % number)
    assert checks.told == []
    checks.ask(b"one too many")
    assert checks.told == [None]
    checks.threads.finish_one()
    checks.ask(b"there is room again")
    checks.threads.finish_all()
    assert None not in checks.told[1:]
    assert checks.hashed[-1] == b"there is room again"
    assert b"one too many" not in checks.hashed


def test_a_password_that_was_right_is_not_hashed_again_for_five_minutes(checks: Checks) -> None:
    checks.ask()
    checks.threads.finish_all()
    checks.now = KEPT_FOR - 1
    checks.ask()
    assert checks.told == [True, True]
    assert len(checks.hashed) == 1
    checks.now = KEPT_FOR
    checks.ask()
    assert checks.told == [True, True]
    assert len(checks.threads.begun) == 1


def test_it_is_told_at_once_even_where_there_is_no_room(checks: Checks) -> None:
    checks.ask()
    checks.threads.finish_all()
    for number in range(AT_ONCE + MOST_WAITING):
        checks.ask(b"%d" % number)
    checks.ask()
    assert checks.told == [True, True]


def test_a_password_that_was_wrong_is_hashed_every_time(checks: Checks) -> None:
    for _ in range(2):
        checks.ask(b"wrong")
        checks.threads.finish_all()
    assert checks.hashed == [b"wrong", b"wrong"]


def test_a_password_that_was_changed_meanwhile_is_not_right_any_more(checks: Checks) -> None:
    checks.ask()
    checks.threads.finish_all()
    checks.ask(RIGHT, b"$argon2id$of another")
    checks.threads.finish_all()
    assert checks.told == [True, False]


def test_only_so_many_are_remembered_and_the_oldest_is_forgotten_first(checks: Checks) -> None:
    for number in range(KEPT + 1):
        checks.ask(RIGHT, b"of %d" % number)
        checks.threads.finish_all()
    checks.ask(RIGHT, b"of 1")
    assert checks.threads.begun == []
    checks.ask(RIGHT, b"of 0")
    assert len(checks.threads.begun) == 1


def test_a_check_that_breaks_is_told_and_logged_and_its_place_is_free_again(
    checks: Checks, logged: list[LogEvent]
) -> None:
    for _ in range(AT_ONCE):
        checks.ask(encoded=b"broken")
    checks.ask()
    checks.threads.finish_all()
    assert checks.told == [None] * AT_ONCE + [True]
    assert [each["log_format"] for each in logged] == ["a password could not be checked"] * AT_ONCE
