"""Argon2 hashes, checked in a bounded pool so that no other packet waits for them."""

from collections import OrderedDict
from collections.abc import Callable
from hmac import digest as hmac_digest
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

AT_ONCE = 2
MOST_WAITING = 64
KEPT = 5_000
KEPT_FOR = 300.0


class Pool(Protocol):
    """Runs a function in a thread."""

    def __call__(self, function: Callable[[], bool]) -> "Deferred[bool]": ...


class HashChecker:
    """Two checks at once, 64 waiting; a password that was right is remembered for five minutes, as a keyed digest."""

    def __init__(
        self,
        verify: Callable[[bytes, bytes], bool],
        pool: Pool,
        seconds: Callable[[], float],
        key: bytes,
    ) -> None:
        self._verify = verify
        self._pool = pool
        self._seconds = seconds
        self._key = key
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._running = 0
        self._waiting: list[Callable[[], None]] = []

    def check(self, encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None:
        """Call `done` with whether `password` is the one; with None if nobody can tell: too many wait, or it failed."""
        mark = hmac_digest(self._key, encoded + b"\0" + password, "sha256")
        if self._right.get(mark, float("-inf")) > self._seconds() - KEPT_FOR:
            done(True)
        elif self._running < AT_ONCE:
            self._run(mark, encoded, password, done)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(lambda: self._run(mark, encoded, password, done))
        else:
            done(None)

    def _run(self, mark: bytes, encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None:
        self._running += 1

        def finished(is_right: bool) -> None:
            if is_right:
                self._right[mark] = self._seconds()
                self._right.move_to_end(mark)
                while len(self._right) > KEPT:
                    self._right.popitem(last=False)
            done(is_right)

        def failed(failure: Failure) -> None:
            _log.failure("a password could not be checked", failure)
            done(None)

        def free(_: object) -> None:
            self._running -= 1
            if self._waiting:
                self._waiting.pop(0)()

        checked = self._pool(lambda: self._verify(encoded, password))
        checked.addCallback(finished)
        checked.addErrback(failed)
        checked.addBoth(free)
