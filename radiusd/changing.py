"""Carries out changes of running connections by CoA (RFC 5176 §3.2); what a router refuses is kept at the server."""

from collections.abc import Callable, Iterable
from typing import Any, assert_never

from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.coa.orders import Acknowledged, Answer, Order, Refused, Silent
from radiusd.cutting import Client
from radiusd.handlers.access import Submit
from radiusd.handlers.directory import Known
from radiusd.jobs.changes import ChangeAnsweredJob
from radiusd.reaching import naming_of, order
from radiusd.server.counters import Counters
from radiusd.store.work import ChangeCommand
from radiusd.wire.codes import Code

_log = Logger()


class Changer:
    """Sends each change once at a time, and has what came of it stored."""

    def __init__(
        self, client: Client, known: Known, submit: Submit, now: Callable[[], Instant], counters: Counters
    ) -> None:
        self._client = client
        self._known = known
        self._submit = submit
        self._now = now
        self._counters = counters
        self._busy: set[int] = set()
        self._latest: dict[tuple[int, tuple[str, ...]], tuple[int, Order]] = {}

    def is_busy_with(self, command_id: int) -> bool:
        """Whether this command is on its way."""
        return command_id in self._busy

    def change(self, commands: Iterable[ChangeCommand]) -> None:
        """Send the CoA-Requests of these commands."""
        for command in commands:
            if command.id not in self._busy:
                self._busy.add(command.id)
                self._send(command)

    def _send(self, command: ChangeCommand) -> None:
        line = command.connection
        router = self._known.directory.routers.get(line.router_id)
        if router is None:
            self._store(command, "refused", "its router was removed")
            return
        if not router.uses_coa:
            self._store(command, "refused", "its router is reached through its API only")
            return
        naming = naming_of(router, line)
        attributes = tuple(command.attributes.items())
        self._counters.count("coa_sent")
        asked = order(router, line, Code.COA_REQUEST, naming, attributes=attributes)
        thing = line.id, tuple(command.attributes)
        self._forget_older(thing)
        self._latest[thing] = command.id, asked

        def came(answer: Answer) -> None:
            self._latest.pop(thing, None)
            self._store(command, *_meaning(answer))

        answered = self._client.request(asked)
        answered.addCallback(came)
        answered.addErrback(lambda failure: _log.failure("an answer to a change could not be used", failure))

    def _forget_older(self, thing: tuple[int, tuple[str, ...]]) -> None:
        """An older order for the same thing must not be sent again after this one."""
        older = self._latest.pop(thing, None)
        if older is not None:
            self._client.forget(older[1])
            self._busy.discard(older[0])

    def _store(self, command: ChangeCommand, outcome: str | None, evidence: str) -> None:
        self._counters.count(f"change_{outcome or 'unanswered'}")
        job = ChangeAnsweredJob(
            at=self._now(), command_id=command.id, connection=command.connection, outcome=outcome, evidence=evidence
        )

        def stored(_: Any) -> None:
            self._busy.discard(command.id)

        self._submit(job, stored)


def _meaning(answer: Answer) -> tuple[str | None, str]:
    match answer:
        case Acknowledged():
            return "changed", "acknowledged by the router"
        case Refused(error_cause=cause):
            return "refused", "refused by the router" + ("" if cause is None else f" (Error-Cause {cause})")
        case Silent(attempts=attempts):
            return None, f"no answer to {attempts} CoA-Requests"
        case never:
            assert_never(never)
