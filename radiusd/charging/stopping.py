"""Stops charges: takes up what is due, asks the café's side until it acknowledges, and tells who waits for that."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from policy.quantities import Instant
from radiusd.charging.port import CafeAuth, ChargeUnavailable
from radiusd.charging.stops import MOST_AT_ONCE, AcknowledgedJob, PutOffJob, Stop, Taken, TakeUpStopsJob
from radiusd.pc_system.http import within
from radiusd.store.absence import reason_of
from radiusd.store.writer import Failed, Job
from radiusd.web.fair import Submit

_log = Logger()

EVERY = 0.25
LIMIT = 8.0
"""Seconds for one try: less than the lease, so that no other server tries meanwhile."""

Look = Callable[[Instant], "Deferred[tuple[str, ...]]"]
"""Reads what is due (see stops.due) in a thread."""


class Stopping:
    """Asks `port`, 20 at once. `closing` gives the job that records in the session that its charge is stopped.

    That job has no needs; it is run in the transaction in which the stop is settled.
    """

    def __init__(
        self,
        port: CafeAuth,
        look: Look,
        submit: Submit,
        closing: Callable[[str, Instant], Job],
        clock: IReactorTime,
        now: Callable[[], Instant],
    ) -> None:
        self._port = port
        self._look = look
        self._submit = submit
        self._closing = closing
        self._clock = clock
        self._now = now
        self._busy: set[str] = set()
        self._urgent: deque[str] = deque()
        self._waiting: dict[str, list[Deferred[bool]]] = {}
        self._is_looking = False
        self._has_more = False
        self._is_store_failing = False
        self._is_port_failing = False
        self._loop = LoopingCall(self._once)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to look."""
        self._loop.start(EVERY)

    def stop(self) -> None:
        """Look no more; what is on its way is carried to its end."""
        if self._loop.running:
            self._loop.stop()

    def stop_now(self, key: str, seconds: float) -> "Deferred[bool]":
        """Try at once to stop the charge of this game session, whose row is committed; others wait.

        True when it is acknowledged within so many seconds; False if not, and then it goes on being tried.
        """
        result: Deferred[bool] = Deferred()
        self._waiting.setdefault(key, []).append(result)
        timer = self._clock.callLater(seconds, self._gave_up_waiting, key, result)
        result.addBoth(_no_longer, timer)
        self._hurry(key)
        self._take_up(())
        return result

    def _gave_up_waiting(self, key: str, result: "Deferred[bool]") -> None:
        waiting = self._waiting[key]
        waiting.remove(result)
        if not waiting:
            del self._waiting[key]
        result.callback(False)

    def _hurry(self, key: str) -> None:
        if key not in self._busy and key not in self._urgent:
            self._urgent.append(key)

    # Looking

    def _once(self) -> "Deferred[None]":
        for key in self._waiting:  # another server may have it in hand, and fail
            self._hurry(key)
        self._take_up(())
        if self._is_looking or not self._places:
            return succeed(None)
        self._is_looking = True
        found: Deferred[None] = self._look(self._now()).addCallback(self._looked)
        return found.addErrback(self._not_looked)

    @property
    def _places(self) -> int:
        return MOST_AT_ONCE - len(self._busy)

    def _looked(self, keys: tuple[str, ...]) -> None:
        self._is_looking = self._is_store_failing = False
        self._has_more = len(keys) >= MOST_AT_ONCE
        self._take_up(keys)

    def _not_looked(self, failure: Failure) -> None:
        self._is_looking = False
        if not self._is_store_failing:
            _log.error("the store cannot be read for charges to stop: {why}", why=reason_of(failure.value))
        self._is_store_failing = True

    # Taking up

    def _take_up(self, keys: Iterable[str]) -> None:
        """Take up what somebody waits for, then these, as long as there are places."""
        wanted = dict.fromkeys([*self._urgent, *(each for each in keys if each not in self._busy)])
        taking = tuple(wanted)[: self._places]
        if not taking:
            return
        self._urgent = deque(each for each in self._urgent if each not in taking)
        self._busy.update(taking)
        self._submit(TakeUpStopsJob(taking, self._now()), lambda result: self._taken(taking, result))

    def _taken(self, asked: tuple[str, ...], result: Taken | Failed) -> None:
        if isinstance(result, Failed):
            self._busy.difference_update(asked)
            return  # the next look finds them again
        for stop in result.stops:
            Deferred.fromCoroutine(self._try(stop)).addErrback(_not_tried).addCallback(self._tried, stop.key)
        for key in set(asked) - {each.key for each in result.stops}:
            self._busy.discard(key)
            if key in result.done:
                self._settle(key, is_stopped=True)

    # Carrying out

    def _tried(self, is_stopped: bool, key: str) -> None:
        self._busy.discard(key)
        self._settle(key, is_stopped=is_stopped)
        self._take_up(())
        if self._has_more and not self._busy:
            self._once()

    async def _try(self, stop: Stop) -> bool:
        """Ask once, and keep what came of it; whether the charge is stopped."""
        asked = Deferred.fromCoroutine(self._port.stop(stop.key, stop.played, stop.unbilled, stop.reason))
        try:
            await within(LIMIT, self._clock, asked)
        except Exception as error:  # noqa: BLE001 - whatever it was, the charge may run on, and it must be tried again
            self._tell(error)
            await self._committed(PutOffJob(stop, self._now()))
            return False
        self._tell(None)
        # If this is not committed it is asked once more, and the café's side knows that it was.
        result = await self._committed(AcknowledgedJob(stop.key, self._now(), self._closing))
        return not isinstance(result, Failed)

    def _tell(self, error: Exception | None) -> None:
        """Say once that charges cannot be stopped, and once that they can again."""
        if error is None and self._is_port_failing:
            _log.info("charges are stopped again")
        elif error is not None and not self._is_port_failing:
            reason = str(error) if isinstance(error, ChargeUnavailable | TimeoutError) else repr(error)
            _log.error("charges cannot be stopped, and are tried again: {reason}", reason=reason or "no answer in time")
        self._is_port_failing = error is not None

    def _committed(self, job: Job) -> "Deferred[Any]":
        result: Deferred[Any] = Deferred()
        self._submit(job, result.callback)
        return result

    def _settle(self, key: str, *, is_stopped: bool) -> None:
        for each in self._waiting.pop(key, ()):
            each.callback(is_stopped)


def _not_tried(failure: Failure) -> bool:
    _log.failure("a charge could not be stopped; it is tried again", failure=failure)
    return False


def _no_longer(result: bool, timer: Any) -> bool:
    if timer.active():
        timer.cancel()
    return result
