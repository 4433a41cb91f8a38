"""Asks routers whether sessions still live, before anybody is called a ghost: a CoA-Request that changes nothing."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from policy.connection import Connection
from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Refused
from radiusd.cutting import Client, Cutter
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import FindWitnessJob, FoundGoneJob
from radiusd.reaching import naming_of, order
from radiusd.server.counters import Counters
from radiusd.store.directory import Router
from radiusd.wire.codes import Code, ErrorCause

_log = Logger()

ONCE_IN = 30_000
"""A session is asked about at most once in so many milliseconds."""


@frozen
class _Question:
    """Whether this connection is gone."""

    line: Connection
    is_gone: "Deferred[bool]"


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
        self._unsure: dict[int, list[_Question]] = {}

    def find_ghosts(self, lines: Sequence[Connection]) -> "Deferred[bool]":
        """Whether any of these connections turned out to be gone; that it is, is stored by then."""
        at = self._now()
        self._forget_before(Instant(at - ONCE_IN))
        answers = [self._ask(line, at) for line in lines if line.id not in self._asked_at]
        found: Deferred[bool] = DeferredList(answers).addCallback(
            lambda results: any(is_gone for succeeded, is_gone in results if succeeded)
        )
        return found

    def _forget_before(self, at: Instant) -> None:
        for key in [key for key, asked_at in self._asked_at.items() if asked_at <= at]:
            del self._asked_at[key]
        for router_id, unsure in self._unsure.items():
            self._unsure[router_id] = [each for each in unsure if each.line.id in self._asked_at]
            for each in unsure:
                if each.line.id not in self._asked_at:
                    each.is_gone.callback(False)

    def _ask(self, line: Connection, at: Instant) -> "Deferred[bool]":
        is_gone: Deferred[bool] = Deferred()
        router = self._known.directory.routers.get(line.router_id)
        if router is None:
            self._store_gone(_Question(line, is_gone))
        elif not router.uses_coa:
            is_gone.callback(False)
        else:
            asked = self._request(router, line, at)
            asked.addCallback(self._answered, router, _Question(line, is_gone))
            asked.addErrback(lambda failure: _log.failure("an answer to a probe could not be used", failure))
        return is_gone

    def _request(self, router: Router, line: Connection, at: Instant) -> "Deferred[Answer]":
        self._asked_at[line.id] = at
        self._counters.count("probe_sent")
        return self._client.request(order(router, line, Code.COA_REQUEST, naming_of(router, line)))

    def _answered(self, answer: Answer, router: Router, question: _Question) -> None:
        self._note(answer, router)
        cause = answer.error_cause if isinstance(answer, Refused) else None
        if cause == ErrorCause.SESSION_CONTEXT_NOT_FOUND:
            self._store_gone(question)
        elif cause == ErrorCause.UNSUPPORTED_EXTENSION and router.is_mikrotik:
            self._believe(router, question)
        else:
            question.is_gone.callback(False)

    def _believe(self, router: Router, question: _Question) -> None:
        """By 406 RouterOS means that there is no such session, if it acknowledges others; so another is asked after."""
        if self._cutter.hears_us(router.id):
            self._store_gone(question)
            return
        self._unsure.setdefault(router.id, []).append(question)

        def found(witness: Any) -> None:
            if isinstance(witness, Connection):
                asked = self._request(router, witness, self._now())
                asked.addCallback(self._note, router)

        self._submit(FindWitnessJob(question.line, frozenset(self._asked_at)), found)

    def _note(self, answer: Answer, router: Router) -> None:
        """An ACK shows that the router hears us, and what its 406 means."""
        if isinstance(answer, Acknowledged):
            self._cutter.heard_us(router.id)
            for each in self._unsure.pop(router.id, ()):
                self._store_gone(each)

    def _store_gone(self, question: _Question) -> None:
        self._counters.count("ghost_found")
        job = FoundGoneJob(at=self._now(), connection_ids=(question.line.id,), cafes=self._known.directory.cafes)
        self._submit(job, lambda _: question.is_gone.callback(True))
