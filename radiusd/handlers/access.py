"""Access-Request -> Access-Accept or Access-Reject."""

from collections.abc import Callable
from typing import Any, Protocol

from attrs import evolve
from twisted.logger import Logger

from policy.admission import Accepted, Refused
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.translate import Pap, accept_attributes, credentials, line
from radiusd.jobs.access import AccessJob, Hashed, NeedsHashing
from radiusd.jobs.routers import SignsRequestsJob
from radiusd.server.counters import Counters
from radiusd.server.protocol import Answer, Reply, Request
from radiusd.store.writer import Failed, Job
from radiusd.vault import Vault
from radiusd.wire.attributes import Attribute, encode_text
from radiusd.wire.codes import Code
from radiusd.wire.errors import MalformedPacket

_log = Logger()


class Submit(Protocol):
    """Has a job committed, then calls back with its result or Failed."""

    def __call__(self, job: Job, done: Callable[[Any], None]) -> None: ...


class Hash(Protocol):
    """Checks a password against an argon2 hash where it holds up nobody; None if there is no room to wait in."""

    def __call__(self, encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None: ...


class AccessHandler:
    """Answers Access-Requests."""

    def __init__(
        self, known: Known, submit: Submit, check_hash: Hash, boots: Boots, vault: Vault, counters: Counters
    ) -> None:
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
        about = line(packet, is_mikrotik=router.is_mikrotik)
        if not about.user_name:
            raise MalformedPacket("user_name_missing")
        cafe = self._known.cafe(router)
        self._learn(request)
        self._boots.notice(about, router, cafe, request.at)
        job = AccessJob(
            at=request.at,
            line=about,
            credentials=credentials(packet, router.secret),
            router=router,
            cafe=cafe,
            source=request.source[0],
            vault=self._vault,
        )
        self._decide(job, answer)

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

    def _decide(self, job: AccessJob, answer: Answer) -> None:
        def decided(result: Any) -> None:
            if isinstance(result, Failed):
                self._counters.count("not_recorded")
                _log.error("an Access-Request could not be recorded: {error!r}", error=result.error)
                answer(None)
            elif isinstance(result, NeedsHashing):
                self._hash(job, result.encoded, answer)
            else:
                answer(self._reply(job, result))

        self._submit(job, decided)

    def _hash(self, job: AccessJob, encoded: bytes, answer: Answer) -> None:
        def hashed(is_right: bool | None) -> None:
            self._decide(evolve(job, hashed=Hashed(encoded, is_right)), answer)

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
