"""Accounting-Request -> Accounting-Response, once recorded (RFC 2866 §4.2)."""

from typing import Any

from twisted.logger import Logger

from radiusd.handlers import classes
from radiusd.handlers.access import Submit
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.translate import Line, accounting_event, age_of, line
from radiusd.jobs.accounting import AccountingJob
from radiusd.jobs.routers import RebootJob
from radiusd.server.counters import Counters
from radiusd.server.protocol import Answer, Reply, Request
from radiusd.store.writer import Failed, Job
from radiusd.vault import Vault
from radiusd.wire.attributes import Attribute, decode_integer
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.errors import MalformedPacket

_log = Logger()
_ON_AND_OFF = {AcctStatusType.ACCOUNTING_ON: "Accounting-On", AcctStatusType.ACCOUNTING_OFF: "Accounting-Off"}


class AccountingHandler:
    """Records Accounting-Requests."""

    def __init__(self, known: Known, submit: Submit, boots: Boots, vault: Vault, counters: Counters) -> None:
        self._known = known
        self._submit = submit
        self._boots = boots
        self._vault = vault
        self._counters = counters
        self._skews: dict[tuple[int, str], int] = {}

    def __call__(self, request: Request, answer: Answer) -> None:
        """Record, then answer. Raises MalformedPacket for attributes that are not of their type."""
        status = request.packet.values.get(Attribute.ACCT_STATUS_TYPE)
        if status is None:
            raise MalformedPacket("acct_status_type_missing")
        kind = decode_integer(status)
        about = line(request.packet, is_mikrotik=request.router.is_mikrotik)
        if kind in _ON_AND_OFF:
            self._record(self._reboot(request, about, _ON_AND_OFF[AcctStatusType(kind)]), answer)
            return
        job = self._report(request, about)
        if job is None:
            # Tunnel, link and failed reports (RFC 2867): nothing of ours, and nothing to ask again for.
            self._counters.count("accounting_of_no_use")
            answer(Reply(Code.ACCOUNTING_RESPONSE))
            return
        if kind == AcctStatusType.START:
            self._boots.notice(about, request.router, job.cafe, request.at)
        self._record(job, answer)

    def _report(self, request: Request, about: Line) -> AccountingJob | None:
        router, packet = request.router, request.packet
        skew = self._skew(request, about)
        event = accounting_event(packet, about, request.at, skew, request.source[0])
        if event is None:
            return None
        key = self._vault.class_key
        named = next((each for value in packet.all(Attribute.CLASS) if (each := classes.read(value, key))), None)
        return AccountingJob(
            received_at=request.at, line=about, event=event, named=named, router=router, cafe=self._known.cafe(router)
        )

    def _skew(self, request: Request, about: Line) -> int:
        """How far the NAS's clock lags, by its promptest packet so far; older stamps are older events then."""
        age = age_of(request.packet, request.at)
        key = (request.router.id, about.nas)
        known = self._skews.get(key)
        if age is None:
            return known or 0
        if known is None or age < known:
            self._skews[key] = known = age
        return known

    def _reboot(self, request: Request, about: Line, how: str) -> RebootJob:
        router = request.router
        return RebootJob(at=request.at, router=router, cafe=self._known.cafe(router), nas=about.nas, how=how)

    def _record(self, job: Job, answer: Answer) -> None:
        def recorded(result: Any) -> None:
            if isinstance(result, Failed):
                self._counters.count("not_recorded")
                _log.error("an Accounting-Request could not be recorded: {error!r}", error=result.error)
                answer(None)
            else:
                answer(Reply(Code.ACCOUNTING_RESPONSE))

        self._submit(job, recorded)
