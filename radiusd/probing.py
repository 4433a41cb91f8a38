"""Asks routers whether sessions still live, before anybody is called a ghost: a CoA-Request that changes nothing."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from policy.connection import Connection
from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Refused
from radiusd.cutting import Client, Cutter
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import FoundGoneJob
from radiusd.reaching import naming_of, order
from radiusd.server.counters import Counters
from radiusd.store.directory import Router
from radiusd.wire.codes import Code, ErrorCause

_log = Logger()

ONCE_IN = 30_000
"""A session is asked about at most once in so many milliseconds."""


class Prober:
    """Closes the connections that their routers know no more."""

    def __init__(
        self,
        client: Client,
        cutter: Cutter,
        known: Known,
        submit: Submit,
        now: Callable[[], Instant],
        counters: Counters,
    ) -> None:
        self._client = client
        self._cutter = cutter
        self._known = known
        self._submit = submit
        self._now = now
        self._counters = counters
        self._asked_at: dict[int, Instant] = {}

    def find_ghosts(self, lines: Sequence[Connection]) -> "Deferred[bool]":
        """Whether any of these connections turned out to be gone; that it is, is stored by then."""
        at = self._now()
        for key in [key for key, asked_at in self._asked_at.items() if at - asked_at >= ONCE_IN]:
            del self._asked_at[key]
        fresh = [line for line in lines if line.id not in self._asked_at]
        answers = [self._ask(line, at) for line in fresh]
        found: Deferred[bool] = DeferredList(answers).addCallback(
            lambda results: any(is_gone for succeeded, is_gone in results if succeeded)
        )
        return found

    def _ask(self, line: Connection, at: Instant) -> "Deferred[bool]":
        done: Deferred[bool] = Deferred()
        self._asked_at[line.id] = at
        router = self._known.directory.routers.get(line.router_id)
        if router is None:
            self._store_gone(line, done)
            return done
        if not router.uses_coa:
            done.callback(False)
            return done
        self._counters.count("probe_sent")
        answered = self._client.request(order(router, line, Code.COA_REQUEST, naming_of(router, line)))
        answered.addCallback(self._answered, router, line, done)
        answered.addErrback(lambda failure: _log.failure("an answer to a probe could not be used", failure))
        return done

    def _answered(self, answer: Answer, router: Router, line: Connection, done: "Deferred[bool]") -> None:
        if isinstance(answer, Acknowledged):
            self._cutter.heard_us(router.id)
        if self._is_gone(answer, router):
            self._store_gone(line, done)
        else:
            done.callback(False)

    def _is_gone(self, answer: Answer, router: Router) -> bool:
        """What RouterOS means by 406 is known only from a router that also acknowledges."""
        if not isinstance(answer, Refused):
            return False
        if answer.error_cause == ErrorCause.UNSUPPORTED_EXTENSION:
            return router.is_mikrotik and self._cutter.hears_us(router.id)
        return answer.error_cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND

    def _store_gone(self, line: Connection, done: "Deferred[bool]") -> None:
        self._counters.count("ghost_found")

        def stored(_: Any) -> None:
            done.callback(True)

        self._submit(FoundGoneJob(at=self._now(), connection_ids=(line.id,), cafes=self._known.directory.cafes), stored)
