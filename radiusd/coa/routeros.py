"""The RouterOS API as a rung of the ladder: is a guest online; remove them and read back whether they are gone.

Each router has one connection, and its calls wait for one another: a router that hangs holds one thread, for the
length of one call's limit, and after a failure its calls fail at once for a while, so that it costs the others nothing.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import librouteros
from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from radiusd.coa.api import TRANSIENT, ApiAccess, Connect, LoginRefused, Talk, Trap, describe, open_talk
from radiusd.coa.removal import Asking, CannotTell, Guest, Removal, Removing

__all__ = ["ApiAccess", "ApiUnavailable", "Guest", "Removal", "RouterOsApi"]

T = TypeVar("T")
_LONGEST_REST = 60.0


class ApiUnavailable(Exception):
    """The API could not be asked, or did not say; `reason` tells why in a few words.

    `may_tell_soon`: it listed a session that began about when the cut was wished, and uptimes are in whole seconds.
    """

    def __init__(self, reason: str, *, may_tell_soon: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_tell_soon = may_tell_soon


class Defer(Protocol):
    """Runs a function in a thread."""

    def __call__(self, function: Callable[[], T], /) -> "Deferred[T]": ...


@frozen
class _Failed:
    """Why a call came to nothing; `is_down` when the router could not be reached, or not be used at all."""

    reason: str
    is_down: bool = False
    may_pass: bool = False
    may_tell_soon: bool = False


@define(eq=False)
class _Call:
    access: ApiAccess
    deadline: float
    work: Callable[[Talk], Any]
    so_far: Callable[[], Any]
    done: "Deferred[Any]"


@define(eq=False)
class _Router:
    """What is known of one router's API, and who waits for it."""

    access: ApiAccess
    talk: Talk | None = None
    is_busy: bool = False
    waiting: deque[_Call] = field(factory=deque)
    failures: int = 0
    rests_until: float = 0.0
    why: str = ""

    def drop(self) -> None:
        """Hang up."""
        talk, self.talk = self.talk, None
        if talk is not None:
            talk.close()

    def note(self, outcome: object, at: float) -> None:
        """Rest 1, 2, 4 … 60 s after failures in a row."""
        if not isinstance(outcome, _Failed):
            self.failures = 0
        elif outcome.is_down:
            self.rests_until = at + min(2.0**self.failures, _LONGEST_REST)
            self.failures = min(self.failures + 1, 6)
            self.why = outcome.reason


class RouterOsApi:
    """`defer` runs a function in a thread; `limit` is in seconds, for a whole call from the moment it is asked for.

    `repeats` is how often a call is made again within it when a failure may pass. The thread pool should have room for
    as many routers as may hang at once; one that waits for a thread past its limit fails without being asked.
    """

    def __init__(
        self,
        defer: Defer,
        seconds: Callable[[], float],
        connect: Connect = librouteros.connect,
        limit: float = 3.0,
        repeats: int = 2,
    ) -> None:
        self._defer = defer
        self._seconds = seconds
        self._connect = connect
        self._limit = limit
        self._repeats = repeats
        self._routers: dict[int, _Router] = {}
        self._is_closed = False

    def is_online(self, access: ApiAccess, guest: Guest) -> "Deferred[bool]":
        """Whether the router's lists have this very session. Fails with ApiUnavailable."""
        return self._ask(access, self._asking(guest).is_online)

    def remove(self, access: ApiAccess, guest: Guest) -> "Deferred[Removal]":
        """Take the guest off, with their cookies and, where flows are fasttracked, those too; then read back.

        Fails with ApiUnavailable. What was read back before a late failure is still given.
        """
        removing = Removing(self._asking(guest), rounds=1 + self._repeats)
        return self._ask(access, removing, lambda: removing.so_far)

    def close(self) -> None:
        """Hang up everywhere; calls that run or wait fail."""
        self._is_closed = True
        for router in self._routers.values():
            if not router.is_busy:
                router.drop()
            elif router.talk is not None:
                router.talk.shut()
            self._next(router)

    def _asking(self, guest: Guest) -> Asking:
        wished_at = None if guest.wished_ago is None else self._seconds() - guest.wished_ago
        return Asking(guest, self._seconds, wished_at)

    # In the reactor's thread

    def _ask(
        self, access: ApiAccess, work: Callable[[Talk], T], so_far: Callable[[], T | None] = lambda: None
    ) -> "Deferred[T]":
        done: Deferred[T] = Deferred()
        router = self._routers.get(access.router_id)
        if router is None:
            router = self._routers[access.router_id] = _Router(access)
        router.waiting.append(_Call(access, self._seconds() + self._limit, work, so_far, done))
        self._next(router)
        return done

    def _next(self, router: _Router) -> None:
        while router.waiting and not router.is_busy:
            call = router.waiting.popleft()
            if call.access != router.access:
                router.drop()
                router.access, router.failures, router.rests_until = call.access, 0, 0.0
            hopeless = self._why_not(router)
            if hopeless is None:
                self._begin(router, call)
            else:
                call.done.errback(ApiUnavailable(hopeless))

    def _why_not(self, router: _Router) -> str | None:
        if self._is_closed:
            return "the server is stopping"
        rest = router.rests_until - self._seconds()
        return f"{router.why}; asked again in {rest:.0f} s" if rest > 0 else None

    def _begin(self, router: _Router, call: _Call) -> None:
        router.is_busy = True
        running = self._defer(lambda: self._carry_out(router, call))
        running.addBoth(self._end, router, call)

    def _end(self, outcome: object, router: _Router, call: _Call) -> None:
        router.is_busy = False
        router.note(outcome, self._seconds())
        if self._is_closed or isinstance(outcome, Failure):
            router.drop()
        if isinstance(outcome, _Failed):
            call.done.errback(ApiUnavailable(outcome.reason, may_tell_soon=outcome.may_tell_soon))
        elif isinstance(outcome, Failure):
            call.done.errback(outcome)
        else:
            call.done.callback(outcome)
        self._next(router)

    # In a thread of the pool, one at a time for each router

    def _carry_out(self, router: _Router, call: _Call) -> object:
        """What the call returns, or _Failed: no foreign exception leaves the thread, nor what its frames hold."""
        failed = _Failed("no thread was free to ask it in time")
        for _ in range(1 + self._repeats):
            if self._is_closed or self._seconds() >= call.deadline:
                break
            result = self._try(router, call)
            if not isinstance(result, _Failed):
                return result
            failed = result
            if not failed.may_pass:
                break
        so_far = call.so_far()
        return failed if so_far is None else so_far

    def _try(self, router: _Router, call: _Call) -> object:
        try:
            return call.work(self._talk(router, call))
        except Trap as trap:
            return _Failed(f"the router says: {_told(trap, call.access)}", may_pass=trap.may_pass)
        except CannotTell:
            return _Failed("it has this user, and nothing tells which session that is", may_tell_soon=True)
        except LoginRefused:
            return _Failed("the login is refused", is_down=True)
        except TRANSIENT as error:
            router.drop()
            return _Failed(describe(error), is_down=True, may_pass=True)

    def _talk(self, router: _Router, call: _Call) -> Talk:
        """The connection; what rested may have died without a word, so half of the time is kept for a new one."""
        if router.talk is None:
            router.talk = open_talk(self._connect, call.access, self._seconds, call.deadline)
        else:
            router.talk.until((self._seconds() + call.deadline) / 2)
        return router.talk


def _told(trap: Trap, access: ApiAccess) -> str:
    """The router's words, short and in one line, unless it gives the password back."""
    if access.password and access.password in trap.message:
        return "no"
    return "".join(each if each.isprintable() else " " for each in trap.message)[:100]
