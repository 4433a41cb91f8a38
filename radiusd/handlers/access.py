"""Access-Request -> Access-Accept or Access-Reject."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from policy.admission import Accepted, Refused
from policy.connection import Connection
from policy.facts import fact
from policy.quantities import Seconds
from policy.words import REFUSALS
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.patience import Patience
from radiusd.handlers.returning import Returning
from radiusd.handlers.translate import Pap, accept_attributes, credentials, line
from radiusd.jobs.access import AccessJob, Granted, Hashed, LateCopy, NeedsHashing
from radiusd.jobs.changes import LiftLeashJob
from radiusd.jobs.decisions import KeepDecisionJob
from radiusd.jobs.routers import SignsRequestsJob
from radiusd.server.counters import Counters
from radiusd.server.protocol import Answer, Reply, Request
from radiusd.store.absence import StoreIsAway
from radiusd.store.decisions import Decision
from radiusd.store.writer import Failed, Job
from radiusd.vault import Vault
from radiusd.wire.attributes import Attribute, encode_text
from radiusd.wire.codes import Code
from radiusd.wire.errors import MalformedPacket

_log = Logger()

LEASH = Seconds(60)
"""What a device gets at first while the one it displaced is not shown to be off."""


class Submit(Protocol):
    """Has a job committed, then calls back with its result or Failed."""

    def __call__(self, job: Job, done: Callable[[Any], None]) -> None: ...


class Hash(Protocol):
    """Checks a password against an argon2 hash where it holds up nobody; None if there is no room to wait in."""

    def __call__(self, encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None: ...


class Cuts(Protocol):
    """Those who cut, as far as an answer waits for them."""

    def when_settled(self, connection_ids: Collection[int]) -> "Deferred[bool]": ...

    def when_over(self, connection_ids: Collection[int]) -> "Deferred[None]": ...


class Ghosts(Protocol):
    """Those who ask routers whether sessions still live."""

    def find_ghosts(self, lines: Sequence[Connection]) -> "Deferred[bool]": ...


@frozen
class Waiting:
    """What an answer may wait for, and how long."""

    cuts: Cuts
    ghosts: Ghosts
    patience: Patience


class AccessHandler:
    """Answers Access-Requests."""

    def __init__(
        self,
        known: Known,
        submit: Submit,
        check_hash: Hash,
        boots: Boots,
        vault: Vault,
        counters: Counters,
        waiting: Waiting,
        returning: Returning | None = None,
    ) -> None:
        self._waiting = waiting
        self._returning = Returning(vault.class_key) if returning is None else returning
        self._known = known
        self._submit = submit
        self._check_hash = check_hash
        self._boots = boots
        self._vault = vault
        self._counters = counters
        self._signing: set[int] = set()

    def __call__(self, request: Request, answer: Answer) -> None:
        """Decide, record, answer. Raises MalformedPacket for attributes that are not of their type."""
        router, packet = request.router, request.packet
        self._learn(request)
        again = self._returning.answer(request)
        if again is not None:
            answer(again)
            return
        about = line(packet, is_mikrotik=router.is_mikrotik)
        if not about.user_name:
            raise MalformedPacket("user_name_missing")
        cafe = self._known.cafe(router)
        self._boots.notice(about, router, cafe, request.at)
        job = AccessJob(
            at=request.at,
            came_at=request.came_at,
            line=about,
            credentials=credentials(packet, router.secret),
            router=router,
            cafe=cafe,
            source=request.source[0],
            vault=self._vault,
        )
        self._decide(job, answer, request)

    def _learn(self, request: Request) -> None:
        router = request.router
        signs = request.packet.message_authenticator_at is not None
        if signs and not router.signs_requests and router.id not in self._signing:
            self._signing.add(router.id)
            self._submit(SignsRequestsJob(router.id), lambda result: self._learnt(router.id, result))

    def _learnt(self, router_id: int, result: Any) -> None:
        self._signing.discard(router_id)
        if not isinstance(result, Failed):
            self._known.learn(router_id)

    def _decide(self, job: AccessJob, answer: Answer, request: Request) -> None:
        def decided(result: Any) -> None:
            if isinstance(result, Failed):
                self._counters.count("not_recorded")
                # Every guest asks by and by: that the store is away is told once, where it is found out.
                if not isinstance(result.error, StoreIsAway):
                    _log.error("an Access-Request could not be recorded: {error!r}", error=result.error)
                answer(None)
            elif isinstance(result, LateCopy):
                self._counters.count("late_copy")
                answer(None)
            elif isinstance(result, NeedsHashing):
                self._hash(job, result.encoded, answer, request)
            else:
                if isinstance(result, Granted) and not result.displaced:
                    offer = (job.cafe.interim, job.cafe.idle_timeout)
                    self._returning.remember(request, result, offer)
                self._when_it_is_true(job, result, answer, request)

        self._submit(job, decided)

    def _when_it_is_true(self, job: AccessJob, result: Accepted | Refused, answer: Answer, request: Request) -> None:
        """Answer, once the place that was taken is free, or once its holders are known to live."""
        if isinstance(result, Accepted) and result.displaced:
            settled = self._waiting.patience.within(self._waiting.cuts.when_settled(result.displaced), job)
            settled.addCallback(lambda is_settled: self._switched(job, result, answer, is_settled=is_settled))
        elif isinstance(result, Refused) and result.holders and not job.has_looked_for_ghosts:
            again = evolve(job, has_looked_for_ghosts=True)
            looked = self._waiting.patience.within(self._waiting.ghosts.find_ghosts(result.holders), job)
            looked.addCallback(
                lambda found: self._decide(again, answer, request) if found else self._answer(job, result, answer)
            )
        else:
            self._answer(job, result, answer)

    def _answer(self, job: AccessJob, result: Accepted | Refused, answer: Answer) -> None:
        answer(self._reply(job, result))

    def _switched(self, job: AccessJob, result: Accepted, answer: Answer, *, is_settled: bool) -> None:
        """The old device is off, or the branch's rule for when that was not shown in time."""
        if is_settled:
            self._answer(job, result, answer)
            return
        if job.cafe.switch_rule == "refuse":
            why = fact("switch_refused")
            outcome: Accepted | Refused = Refused(why.code, REFUSALS[why.code])
        else:
            why = fact("switch_unconfirmed", leash=LEASH)
            outcome = evolve(result, time=LEASH if result.time is None else min(LEASH, result.time))
        decision = Decision(
            at=job.at,
            verdict="refused" if isinstance(outcome, Refused) else "accepted",
            reason=why.code,
            name=job.line.user_name,
            device=job.line.device or None,
            router_id=job.router.id,
            session_id=result.session_id,
            facts=(why,),
        )
        self._counters.count(why.code)
        self._submit(KeepDecisionJob(decision), lambda _: self._answer(job, outcome, answer))
        if isinstance(outcome, Accepted):
            off = self._waiting.cuts.when_over(result.displaced)
            off.addCallback(lambda _: self._lift_leash(job, result.connection_id))

    def _lift_leash(self, job: AccessJob, connection_id: int) -> None:
        """The old device is off after all: the new one gets its whole time, without a new login."""
        at = self._waiting.patience.now()
        self._submit(LiftLeashJob(at=at, connection_id=connection_id, cafe=job.cafe), _nobody_waits)

    def _hash(self, job: AccessJob, encoded: bytes, answer: Answer, request: Request) -> None:
        def hashed(is_right: bool | None) -> None:
            self._decide(evolve(job, hashed=Hashed(encoded, is_right)), answer, request)

        password = job.credentials.password if isinstance(job.credentials, Pap) else b""
        self._check_hash(encoded, password, hashed)

    def _reply(self, job: AccessJob, result: Accepted | Refused) -> Reply:
        if isinstance(result, Refused):
            self._counters.count(f"refused_{result.reason}")
            return Reply(Code.ACCESS_REJECT, encode_text(Attribute.REPLY_MESSAGE, result.text))
        cafe = job.cafe
        return Reply(
            Code.ACCESS_ACCEPT, accept_attributes(result, cafe.interim, cafe.idle_timeout, self._vault.class_key)
        )


def _nobody_waits(_: object) -> None:
    pass
