"""In front of the writer: nothing waits for a store that is away, and nothing piles up in front of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from radiusd.away.outlook import Outlook, Weather
from radiusd.store.absence import StoreIsAway, reason_of
from radiusd.store.memory import Kept, Known, Memory
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Done, Failed, Job

_log = Logger()
PROBE_EVERY = 0.25
"""Seconds between looks whether it is back."""

Submit = Callable[[Job, Done], None]


@define(eq=False)
class _Waiting:
    at: float
    job: "Withdrawable | None"
    done: Done
    is_told: bool = False


@define(eq=False)
class Withdrawable(Job):
    """A job that does nothing any more once whoever asked was told that it could not be done."""

    job: Job
    is_withdrawn: bool = False

    def recall(self, memory: Memory) -> Kept | Known | None:
        """What is remembered of all that the job is about."""
        return self.job.recall(memory)

    def needs(self) -> Needs:
        """What the job needs."""
        return Needs() if self.is_withdrawn else self.job.needs()

    def beside(self, found: Kept | Known) -> Needs | None:
        """What it needs on top of what was recalled."""
        return None if self.is_withdrawn else self.job.beside(found)

    def more(self, work: Work) -> Needs | None:
        """What it needs on top."""
        return None if self.is_withdrawn else self.job.more(work)

    def run(self, work: Work) -> Any:
        """Do it, unless nobody wants it any more."""
        return None if self.is_withdrawn else self.job.run(work)

    def in_the_end(self, work: Work, result: Any) -> Any:
        """The result, now that every job of the batch has run."""
        return None if result is None and self.is_withdrawn else self.job.in_the_end(work, result)


class Gate:
    """Hands jobs on to `writer` while the store is here; all its callbacks come in the reactor's thread.

    `probe` makes a job that writes something: with it a store that is away is asked, one at a time, whether it is back.
    """

    def __init__(self, writer: Submit, clock: IReactorTime, weather: Weather, probe: Callable[[], Job]) -> None:
        self._writer = writer
        self._clock = clock
        self._weather = weather
        self._probe = probe
        self._jobs: dict[int, _Waiting] = {}
        self._watchers: dict[int, Callable[[], None]] = {}
        self._number = 0
        self._timer: Any = None
        self._is_stopped = False
        self._when_back: list[Job] = []
        self.is_behind: Callable[[], bool] = _is_not
        """Whether there is something older in the spool than what was put off until the store is back."""

    @property
    def outlook(self) -> Outlook:
        """How the store looks."""
        return self._weather.outlook

    @property
    def away_for(self) -> float:
        """Seconds since it went away; 0 while it is not."""
        since = self._weather.since
        return 0.0 if since is None else self._clock.seconds() - since

    def submit(self, job: Job, done: Done) -> None:
        """Have `job` committed; `done` gets its result, or Failed, at once if the store is away.

        After Failed for that reason, the job does nothing: no guest's time begins, and no token is used up, after
        everybody was told that it was not.
        """
        withdrawable = Withdrawable(job)
        self._take(withdrawable, withdrawable, done)

    def submit_in_any_case(self, job: Job, done: Done) -> None:
        """As `submit`, for what may be done though `done` got Failed."""
        self._take(job, None, done)

    def _take(self, job: Job, withdrawable: Withdrawable | None, done: Done) -> None:
        if self._weather.outlook is Outlook.AWAY:
            self._clock.callLater(0, done, Failed(StoreIsAway(self._weather.why)))
        else:
            self._hand_on(job, withdrawable, done)

    def _hand_on(self, job: Job, withdrawable: Withdrawable | None, done: Done) -> None:
        number = self._number = self._number + 1
        self._jobs[number] = _Waiting(self._clock.seconds(), withdrawable, done)
        self._writer(job, partial(self._came, number))
        self._keep_looking()

    def submit_when_back(self, job: Job) -> None:
        """Have `job` committed, now or when the store has all that came before it; nobody waits for it."""
        if self.is_behind():
            self._when_back.append(job)
            return

        def tried(result: Any) -> None:
            if isinstance(result, Failed) and isinstance(result.error, StoreIsAway):
                self._when_back.append(job)

        self.submit(job, tried)

    def watch(self, diverted: Callable[[], None]) -> int:
        """Have `diverted` called if the store is found slow or away before `settle` is called with the number."""
        number = self._number = self._number + 1
        self._watchers[number] = diverted
        return number

    def settle(self, number: int) -> None:
        """Nobody waits for it any more."""
        self._watchers.pop(number, None)

    def _came(self, number: int, result: Any) -> None:
        waiting = self._jobs.pop(number)
        if isinstance(result, Failed) and is_of_the_store(result.error):
            self._lost(result.error)
            result = Failed(StoreIsAway(self._weather.why))
        else:
            self._committed()
        if not waiting.is_told:
            waiting.done(result)

    def _committed(self) -> None:
        was_here = self._weather.outlook is Outlook.HERE
        is_back = self._weather.committed(self._clock.seconds())
        if not was_here:
            self._look_anew()
        if is_back:
            self._is_back()

    def _lost(self, error: Exception) -> None:
        if self._weather.failed(self._clock.seconds(), reason_of(error)):
            self._is_away()
        self._look_anew()

    def _is_away(self) -> None:
        _log.error("the store is away: {why}", why=self._weather.why)
        self._divert()
        for waiting in tuple(self._jobs.values()):
            # Whoever asked has waited long enough.
            if not waiting.is_told:
                waiting.is_told = True
                if waiting.job is not None:
                    waiting.job.is_withdrawn = True
                waiting.done(Failed(StoreIsAway(self._weather.why)))

    def _is_back(self) -> None:
        _log.info("the store is back")
        self.hand_on_put_off()

    def hand_on_put_off(self) -> None:
        """Have committed what was put off until now, unless there still is something older."""
        put_off, self._when_back = self._when_back, []
        for each in put_off:
            self.submit_when_back(each)

    def _divert(self) -> None:
        watchers, self._watchers = self._watchers, {}
        for diverted in watchers.values():
            try:
                diverted()
            except Exception:  # noqa: BLE001 - whatever is wrong with one, the others are diverted
                _log.failure("what waits for the store could not be diverted")

    def _look_anew(self) -> None:
        """How soon to look is another question now."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._keep_looking()

    def _keep_looking(self) -> None:
        if self._timer is not None or self._is_stopped:
            return
        at = self._clock.seconds()
        if self._weather.outlook is Outlook.AWAY:
            self._timer = self._clock.callLater(PROBE_EVERY, self._look)
        elif self._jobs:
            oldest = next(iter(self._jobs.values())).at
            self._timer = self._clock.callLater(self._weather.next_look(oldest, at), self._look)

    def _look(self) -> None:
        self._timer = None
        at = self._clock.seconds()
        if self._weather.outlook is Outlook.AWAY:
            # A probe that it still has in hand is enough. What it had before that may never come back.
            if all(each.is_told for each in self._jobs.values()):
                self._hand_on(self._probe(), None, _nobody_waits)
        elif self._jobs:
            outlook = self._weather.waited(next(iter(self._jobs.values())).at, at)
            if outlook is Outlook.AWAY:
                self._is_away()
            elif outlook is Outlook.SLOW:
                self._divert()
        self._keep_looking()

    def stop(self) -> None:
        """Look no more."""
        self._is_stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def is_of_the_store(error: Exception) -> bool:
    """Whether it says that the store cannot be reached or cannot write, and nothing against the job."""
    if isinstance(error, OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    # A statement that PostgreSQL refused has a code, of which the class says why: 53 is no room, 57 a shut-down.
    code = getattr(error.orig, "pgcode", None)
    if code:
        return code[:2] in ("08", "53", "57", "58") or code == "25006"
    return isinstance(error, OperationalError | InterfaceError)


def _nobody_waits(result: object) -> None:
    pass


def _is_not() -> bool:
    return False
