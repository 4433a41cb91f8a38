"""From what was spooled to jobs, by the same code that handles requests as they come."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from radiusd.away.entries import Accounting, NotAnEntry, decode
from radiusd.handlers.access import Submit
from radiusd.jobs.decisions import KeepDecisionJob
from radiusd.server.protocol import Handler, Reply, Request
from radiusd.store.directory import Router
from radiusd.store.writer import Job
from radiusd.wire import packet
from radiusd.wire.errors import WireError


class CannotRevive(Exception):
    """The record leads to nothing that could be carried out; the message says why."""


class Reviving:
    """`make_handler` gives the handler of Accounting-Requests over a given submit."""

    def __init__(
        self,
        make_handler: Callable[[Submit], Handler],
        routers: Callable[[], Mapping[int, Router]],
    ) -> None:
        self._routers = routers
        self._jobs: list[Job] = []
        self._handler = make_handler(self._collect)

    def _collect(self, job: Job, done: Callable[[Any], None]) -> None:  # noqa: ARG002 - nobody waits for it
        self._jobs.append(job)

    def jobs_of(self, body: bytes) -> Sequence[Job]:
        """What a record leads to; nothing if it is of no use. Raises CannotRevive."""
        try:
            entry = decode(body)
        except NotAnEntry as error:
            raise CannotRevive(str(error)) from error
        if not isinstance(entry, Accounting):
            return (KeepDecisionJob(entry),)
        router = self._routers().get(entry.router_id)
        if router is None:
            raise CannotRevive(f"router no. {entry.router_id} is there no more")
        return self._handled(entry, router)

    def _handled(self, entry: Accounting, router: Router) -> Sequence[Job]:
        try:
            return self.jobs_of_request(Request(packet.decode(entry.datagram), router, entry.source, entry.at))
        except WireError as error:
            # It was never acknowledged, then: whoever sends such a thing hears nothing.
            raise CannotRevive(f"the packet is malformed: {error.reason}") from error

    def jobs_of_request(self, request: Request) -> Sequence[Job]:
        """What a request leads to. Raises MalformedPacket."""
        self._jobs = []
        self._handler(request, _no_answer)
        return tuple(self._jobs)


def _no_answer(reply: Reply | None) -> None:
    pass
