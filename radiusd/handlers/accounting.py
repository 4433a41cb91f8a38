"""Accounting-Request -> Accounting-Response, once recorded (RFC 2866 §4.2)."""

from typing import Any

from attrs import evolve, frozen
from twisted.logger import Logger

from policy.connection import AccountingStop
from policy.holding import MAY_END_SESSION
from policy.quantities import Instant
from radiusd.handlers import classes
from radiusd.handlers.access import Submit
from radiusd.handlers.boots import Boots
from radiusd.handlers.classes import ClassKey
from radiusd.handlers.directory import Known
from radiusd.handlers.returning import Returning
from radiusd.handlers.translate import (
    Line,
    accounting_event,
    age_of,
    exact_counters,
    happened_at,
    line,
    nas_octets,
)
from radiusd.jobs.accounting import AccountingJob, InterimJob
from radiusd.jobs.routers import RebootJob
from radiusd.server.counters import Counters
from radiusd.server.protocol import Answer, Reply, Request
from radiusd.store.absence import StoreIsAway
from radiusd.store.memory import Lines, Nas, Wire
from radiusd.store.writer import Failed, Job
from radiusd.vault import Vault
from radiusd.wire.attributes import Attribute, decode_integer
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.errors import MalformedPacket
from radiusd.wire.packet import Packet

_log = Logger()
_ON_AND_OFF = {AcctStatusType.ACCOUNTING_ON: "Accounting-On", AcctStatusType.ACCOUNTING_OFF: "Accounting-Off"}
_RECORDED = Reply(Code.ACCOUNTING_RESPONSE)

# Plain numbers: a name in an enumeration is looked up twice, and these are asked for in every report.
_STATUS = int(Attribute.ACCT_STATUS_TYPE)
_ACCT_SESSION_ID = int(Attribute.ACCT_SESSION_ID)
_CLASS = int(Attribute.CLASS)
_FRAMED_IP_ADDRESS = int(Attribute.FRAMED_IP_ADDRESS)
_INTERIM = bytes((0, 0, 0, AcctStatusType.INTERIM_UPDATE))


_ASKED_AGAIN_WITHIN = 30_000
"""Milliseconds in which a NAS asks again what was not answered, and with the stamp of the first time."""
_SPELL = 120_000
"""Milliseconds, once or twice, for which the promptest packet tells of a clock: it may be set, and so may ours."""
_STEADY_WITHIN = 1_000
"""Milliseconds by which a clock that nobody set may look slower than it did: stamps are in whole seconds."""


@frozen
class _Clock:
    """What is known of the clock of a NAS in a spell of time that began at `began`.

    `promptest` is the age of the youngest stamp in it, `skew` that of the youngest in it and in the one before: so far
    the clock lags. It was not found to lag farther `since` then.
    """

    skew: int
    promptest: int
    began: Instant
    since: Instant

    def in_next_spell(self, age: int, at: Instant) -> "_Clock":
        """As it is from this packet on: what was heard before the last spell counts no more."""
        is_heard = _SPELL <= at - self.began < 2 * _SPELL
        skew = min(age, self.promptest) if is_heard else age
        # Dated by another skew than its Stop was, a Start that is asked again may look later.
        since = self.since if skew - self.skew <= _STEADY_WITHIN else at
        return _Clock(skew, age, at, since)


_NO_STAMP = _Clock(0, 0, Instant(0), Instant(0))


class AccountingHandler:
    """Records Accounting-Requests. `remembered` are the connections whose ordinary reports are quickly recorded."""

    def __init__(
        self,
        known: Known,
        submit: Submit,
        boots: Boots,
        vault: Vault,
        counters: Counters,
        remembered: Lines | None = None,
        returning: Returning | None = None,
    ) -> None:
        self._known = known
        self._submit = submit
        self._boots = boots
        self._vault = vault
        self._counters = counters
        self._remembered = Lines() if remembered is None else remembered
        self._returning = Returning(vault.class_key) if returning is None else returning
        self._clocks: dict[Nas, _Clock] = {}

    def __call__(self, request: Request, answer: Answer) -> None:
        """Record, then answer. Raises MalformedPacket for attributes that are not of their type."""
        ordinary = self._ordinary(request)
        if ordinary is not None:
            self._record(ordinary, answer)
            return
        status = request.packet.values.get(Attribute.ACCT_STATUS_TYPE)
        if status is None:
            raise MalformedPacket("acct_status_type_missing")
        kind = decode_integer(status)
        about = line(request.packet, is_mikrotik=request.router.is_mikrotik)
        if kind in _ON_AND_OFF:
            self._record(self._reboot(request, about, _ON_AND_OFF[AcctStatusType(kind)]), answer)
            return
        nas = (request.router.id, nas_octets(request.packet.values))
        clock = self._clock(nas, age_of(request.packet, request.at), request.at)
        job = self._report(request, about, clock)
        if job is None:
            # Tunnel, link and failed reports (RFC 2867): nothing of ours, and nothing to ask again for.
            self._counters.count("accounting_of_no_use")
            answer(_RECORDED)
            return
        if kind == AcctStatusType.START:
            self._boots.notice(about, request.router, job.cafe, request.at)
        self._record(job, answer)

    def _ordinary(self, request: Request) -> InterimJob | None:
        """The report of a connection that is remembered and named as it was before; None for any other."""
        values = request.packet.values
        if values.get(_STATUS) != _INTERIM:
            return None
        acct_session_id = values.get(_ACCT_SESSION_ID)
        if acct_session_id is None:
            return None
        nas = (request.router.id, nas_octets(values))
        found = self._remembered.get(nas, acct_session_id)
        if (
            found is None
            or found.named_by != values.get(_CLASS)
            or found.framed_ip_address != values.get(_FRAMED_IP_ADDRESS)
            or found.source != request.source[0]
        ):
            return None
        counted = exact_counters(values)
        if counted is None:
            return None
        age = age_of(request.packet, request.at)
        clock = self._clock(nas, age, request.at)
        at = happened_at(request.packet, request.at, age, clock.skew)
        return InterimJob(found, at, *counted, lambda: self._whole(request, clock))

    def _whole(self, request: Request, clock: _Clock) -> AccountingJob:
        job = self._report(request, line(request.packet, is_mikrotik=request.router.is_mikrotik), clock)
        assert job is not None  # noqa: S101 - it is an Interim-Update
        return job

    def _report(self, request: Request, about: Line, clock: _Clock) -> AccountingJob | None:
        router, packet = request.router, request.packet
        values = packet.values
        # Heard for so long, what it asks again cannot be all that was heard of it.
        knows_clock = request.at - clock.since >= _ASKED_AGAIN_WITHIN
        event = accounting_event(packet, about, request.at, clock.skew, request.source[0], knows_clock=knows_clock)
        if event is None:
            return None
        if isinstance(event, AccountingStop):
            may_end = event.cause in MAY_END_SESSION
            event = evolve(event, is_back=self._returning.stopped(router.id, values, may_end=may_end))
        key = self._vault.class_key
        named = _first_of_ours(packet, key)
        wire = None
        acct_session_id = values.get(_ACCT_SESSION_ID)
        if acct_session_id is not None:
            nas = (router.id, nas_octets(values))
            wire = Wire(nas, acct_session_id, values.get(_CLASS), values.get(_FRAMED_IP_ADDRESS), request.source[0])
        return AccountingJob(
            received_at=request.at,
            line=about,
            event=event,
            named=named,
            router=router,
            cafe=self._known.cafe(router),
            wire=wire,
            known=None if wire is None else self._remembered.get(wire.nas, wire.acct_session_id),
        )

    def _clock(self, nas: Nas, age: int | None, at: Instant) -> _Clock:
        """What is known of the NAS's clock, this packet's stamp included; an older stamp is an older event then."""
        if age is None:
            return _NO_STAMP
        clock = self._clocks.get(nas)
        if clock is None:
            clock = self._clocks[nas] = _Clock(age, age, at, at)
        elif abs(at - clock.began) >= _SPELL:
            clock = self._clocks[nas] = clock.in_next_spell(age, at)
        elif age < clock.promptest:
            clock = self._clocks[nas] = evolve(clock, skew=min(age, clock.skew), promptest=age)
        return clock

    def _reboot(self, request: Request, about: Line, how: str) -> RebootJob:
        router = request.router
        self._returning.clear(request.at)  # whoever was here is not any more, as soon as this is recorded
        age = age_of(request.packet, request.at)
        clock = self._clock((router.id, nas_octets(request.packet.values)), age, request.at)
        at = happened_at(request.packet, request.at, age, clock.skew)
        return RebootJob(at=at, router=router, cafe=self._known.cafe(router), nas=about.nas, how=how)

    def _record(self, job: Job, answer: Answer) -> None:
        def recorded(result: Any) -> None:
            if isinstance(result, Failed):
                # A store that is away is told of once, where it is found out; and there is the spool then.
                if not isinstance(result.error, StoreIsAway):
                    self._counters.count("not_recorded")
                    _log.error("an Accounting-Request could not be recorded: {error!r}", error=result.error)
                answer(None)
            else:
                answer(_RECORDED)

        self._submit(job, recorded)


def _first_of_ours(packet: Packet, key: bytes) -> ClassKey | None:
    """What the first Class of ours names; a NAS sends back each that it was given (RFC 2865 §5.25)."""
    first = packet.values.get(_CLASS)
    if first is None:
        return None
    named = classes.read(first, key)
    if named is not None:
        return named
    return next((each for value in packet.all(_CLASS) if (each := classes.read(value, key)) is not None), None)
