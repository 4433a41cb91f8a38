"""`POST /api/pc-sync/event`: guarded, recorded in one transaction, and only then answered."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy.exc import IntegrityError
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.jobs import pc_events
from radiusd.jobs.pc_events import PcEventJob, PcOutcome
from radiusd.store.directory import Directory
from radiusd.store.writer import Failed
from radiusd.web.balances import Balances
from radiusd.web.errors import WebError
from radiusd.web.fair import FairQueue
from radiusd.web.pc_sync.guards import Delivery, Guards, LetIn, TurnedAway
from radiusd.web.pc_sync.refusals import Refusals
from radiusd.web.pc_sync.shapes import Unreadable
from radiusd.web.routes import Call

_log = Logger()

NOT_ACCEPTED = ("UNAUTHORIZED", "The event was not accepted.")
"""The one answer to every event that a guard turned away."""


@frozen
class PcSyncReply:
    """What the event did. `sessions_terminated`: how many WiFi sessions a USER_LOGOUT ended."""

    success: bool
    sessions_terminated: int
    message: str


class Cuts(Protocol):
    """Those who cut."""

    def when_over(self, connection_ids: Collection[int]) -> "Deferred[None]": ...


class Timing(Protocol):
    """Keeps how long logouts take."""

    def logged_off(self, until: str, seconds: float) -> None: ...


class _Place:
    """What a directory says that every event asks about."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.guards = Guards(directory.pc_systems)
        self.router_ids: Mapping[int, frozenset[int]] = {
            branch_id: frozenset(each.id for each in directory.routers.values() if each.branch_id == branch_id)
            for branch_id in directory.pc_systems
        }


class PcSyncEvents:
    """Takes events; `directory` gives the branches as they are at the moment."""

    def __init__(
        self,
        directory: Callable[[], Directory],
        queue: FairQueue,
        cuts: Cuts,
        balances: Balances,
        refusals: Refusals,
        timing: Timing,
        now: Callable[[], Instant],
        *,
        binds_games: bool = True,
    ) -> None:
        """`binds_games`: whether a PC's logout ends what is played on it."""
        self._binds_games = binds_games
        self._directory = directory
        self._place = _Place(directory())
        self._queue = queue
        self._cuts = cuts
        self._balances = balances
        self._refusals = refusals
        self._timing = timing
        self._now = now

    async def take(self, call: Call) -> PcSyncReply:
        """Act on an event; the answer leaves after the commit. Raises WebError."""
        let_in = self._let_in(call)
        outcome = await self._record(let_in, call)
        if not outcome.is_repeat:
            self._follow_up(let_in, outcome, call)
        return PcSyncReply(success=True, sessions_terminated=outcome.sessions_terminated, message=_told(outcome))

    def _let_in(self, call: Call) -> LetIn:
        directory = self._directory()
        if directory is not self._place.directory:
            self._place = _Place(directory)
        delivery = Delivery(
            body=call.body,
            token=call.headers.get("x-pc-secret"),
            signature=call.headers.get("x-pc-signature"),
            template_signature=call.headers.get("x-webhook-signature"),
            source=call.source,
            at=call.at,
        )
        try:
            judged = self._place.guards.judge(delivery)
        except Unreadable as error:
            raise WebError("BAD_REQUEST", str(error)) from error
        if isinstance(judged, TurnedAway):
            self._refusals.note(judged, call.source, call.at)
            raise WebError(*NOT_ACCEPTED)
        return judged

    async def _record(self, let_in: LetIn, call: Call) -> PcOutcome:
        branch_id = let_in.system.branch_id
        job = PcEventJob(
            at=call.at,
            event=let_in.event,
            system=let_in.system,
            source=call.source,
            router_ids=self._place.router_ids[branch_id],
            cafes=self._place.directory.cafes,
            binds_games=self._binds_games,
        )
        result = await self._committed(branch_id, job)
        if isinstance(result, Failed) and isinstance(result.error, IntegrityError):
            # Another server recorded the same event in between: now its answer is there to be given.
            result = await self._committed(branch_id, job)
        if isinstance(result, Failed):
            _log.error("an event of a PC system could not be recorded: {error}", error=result.error)
            raise _later("The event could not be recorded. Send it again.")
        outcome: PcOutcome = result
        return outcome

    def _committed(self, branch_id: int, job: PcEventJob) -> "Deferred[Any]":
        done: Deferred[Any] = Deferred()
        if not self._queue.submit(branch_id, job, done.callback):
            raise _later("Too many events are waiting. Send it again.")
        return done

    def _follow_up(self, let_in: LetIn, outcome: PcOutcome, call: Call) -> None:
        event, branch_id = let_in.event, let_in.system.branch_id
        branch = self._place.directory.cafes[branch_id].name
        said = {"kind": event.kind, "user": event.pc_user_id, "branch": branch, "effect": outcome.effect}
        if event.kind == pc_events.BALANCE:
            self._balances.changed((branch_id, event.pc_user_id))
        if not outcome.cut:
            _log.info("{kind} of {user} at {branch}: {effect}", **said)
            return
        asked = self._now() - call.at
        self._timing.logged_off("asked", asked / 1000)
        _log.info(
            "{kind} of {user} at {branch}: {effect}, {cuts} Disconnect-Request sent after {asked} ms",
            cuts=len(outcome.cut),
            asked=asked,
            **said,
        )
        over = self._cuts.when_over(outcome.cut)
        over.addCallback(lambda _: self._proven(event.pc_user_id, branch, call.at))

    def _proven(self, user: str, branch: str, since: Instant) -> None:
        took = self._now() - since
        self._timing.logged_off("proven", took / 1000)
        _log.info("{user} at {branch} is proven off WiFi after {took} ms", user=user, branch=branch, took=took)


def _told(outcome: PcOutcome) -> str:
    if outcome.sessions_terminated:
        return "The user's WiFi sessions were ended."
    return {
        pc_events.PRESENT: "The user is at a PC.",
        pc_events.RESUMED: "The user is at a PC, and the WiFi package goes on.",
        pc_events.NOTICED: "Whoever shows the balance asks for it again.",
        pc_events.OVERTAKEN_BY_LOGIN: "The user has logged in again since: nothing was done.",
        pc_events.OVERTAKEN_BY_LOGOUT: "The user has logged out since: nothing was done.",
    }.get(outcome.effect, "The user has no active WiFi session here.")


def _later(message: str) -> WebError:
    return WebError("TRY_AGAIN", message, headers=(("Retry-After", "1"),))
