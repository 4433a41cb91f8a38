"""Carries out the cuts that were decided and stored."""

from collections.abc import Callable, Iterable
from typing import Protocol, assert_never

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from policy.connection import Closing
from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Order, Refused, Silent, Target
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.cuts import CutAnsweredJob
from radiusd.server.counters import Counters
from radiusd.store.work import CutCommand
from radiusd.wire.codes import Code, ErrorCause

_log = Logger()


class Client(Protocol):
    """A Dynamic Authorization Client; the first datagram is on the wire when `request` returns."""

    def request(self, order: Order) -> "Deferred[Answer]": ...


class Cutter:
    """Sends each command once at a time, and has what came of it stored."""

    def __init__(
        self, client: Client, known: Known, submit: Submit, now: Callable[[], Instant], counters: Counters
    ) -> None:
        self._client = client
        self._known = known
        self._submit = submit
        self._now = now
        self._counters = counters
        self._in_flight: set[int] = set()

    def cut(self, commands: Iterable[CutCommand]) -> None:
        """Send the Disconnect-Requests of these commands, those that are not on their way already."""
        for command in commands:
            if command.id not in self._in_flight:
                self._in_flight.add(command.id)
                try:
                    self._send(command)
                except Exception as error:  # noqa: BLE001 - one cut's trouble is not the others', nor the answers'
                    self._failed(command, error)

    def _send(self, command: CutCommand) -> None:
        line = command.connection
        router = self._known.directory.routers.get(line.router_id)
        if router is None:
            self._settle(command, None, "the router was removed")
            return
        target = Target(router.id, line.nas_address, router.coa_port, router.secret)
        order = Order(
            key=command.id,
            target=target,
            code=Code.DISCONNECT_REQUEST,
            user_name=line.user_name,
            acct_session_id=line.acct_session_id,
            framed_ip_address=line.framed_ip_address,
        )
        self._counters.count("disconnect_sent")
        answered = self._client.request(order)
        answered.addCallback(lambda answer: self._settle(command, *_meaning(answer)))
        answered.addErrback(lambda failure: self._failed(command, failure))

    def _failed(self, command: CutCommand, failure: object) -> None:
        _log.error("a Disconnect-Request could not be sent: {failure}", failure=failure)
        self._settle(command, None, "could not be sent")

    def _settle(self, command: CutCommand, closing: Closing | None, outcome: str) -> None:
        self._counters.count(f"cut_{closing.value}" if closing is not None else "cut_unconfirmed")
        job = CutAnsweredJob(
            at=self._now(),
            command_id=command.id,
            connection_id=command.connection.id,
            closing=closing,
            outcome=outcome,
            cafes=self._known.directory.cafes,
        )
        self._submit(job, lambda _: self._in_flight.discard(command.id))


def _meaning(answer: Answer) -> tuple[Closing | None, str]:
    """What an answer to a Disconnect-Request tells; a NAK that knows no such session has reached its goal."""
    match answer:
        case Acknowledged():
            return Closing.ACKNOWLEDGED, "acknowledged"
        case Refused(error_cause=ErrorCause.SESSION_CONTEXT_NOT_FOUND):
            return Closing.GONE, "gone: the router knows no such session (503)"
        case Refused(error_cause=None):
            return None, "refused, without a cause"
        case Refused(error_cause=cause):
            return None, f"refused, Error-Cause {cause}"
        case Silent(attempts=attempts):
            return None, f"no answer to {attempts} Disconnect-Requests"
        case never:
            assert_never(never)
