"""The writer: takes whatever waits, commits it as one transaction, and only then answers (group commit).

While one transaction is on its way to the disk the next batch gathers, so that a busy server makes large transactions
and an idle one answers at once. Whoever was just answered often has the next thing to say: the writer waits for that,
until as many have come as were there before, and for no longer than its last commit took.

A batch that fails is undone and done again job by job, so that a job that cannot be carried out costs only itself. What
was decided from memory, and is found to be out of date when it is written, is undone and decided again from the store.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

from attrs import frozen
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from radiusd.store.database import Database, Wait
from radiusd.store.errors import Conflict
from radiusd.store.identifiers import Identifiers
from radiusd.store.memory import Kept, Known, Memory
from radiusd.store.portions import LARGEST, Portion
from radiusd.store.turns import Turns, here
from radiusd.store.work import LEASE, Afterwards, Moved, Needs, Work

_MOST_CONFLICTS = 5
_HELD_UP = ("55P03", "40P01")
"""lock_not_available, deadlock_detected."""
_GATHERS_WITHIN = 0.002
"""Seconds for which a writer waits at most for those who were answered: by then a router next door has asked again."""
_IDS_AT_ONCE = 2_000
"""Whoever takes ids keeps others from taking any until the commit, so it is done rarely."""


class Job(Protocol):
    """Something to decide within a transaction. It may be run twice, so it keeps nothing to itself."""

    is_ordinary: ClassVar[bool] = False
    """Whether it may need nothing but one line that is remembered, and finds out only when it runs."""

    def recall(self, memory: Memory) -> Kept | Known | None:  # noqa: ARG002 - for those that have been asked before
        """What is remembered of all that the job is about; None if that must be read."""
        return None

    def needs(self) -> Needs:
        """What must be loaded before `run`, as far as the job itself can tell."""
        return Needs()

    def beside(self, found: Kept | Known) -> Needs | None:  # noqa: ARG002 - for those to whom it is not all
        """What must be loaded on top of what was recalled; None for nothing."""
        return None

    def more(self, work: Work) -> Needs | None:  # noqa: ARG002 - for those who have more needs
        """What must be loaded on top, now that the first is; None for nothing."""
        return None

    def run(self, work: Work) -> Any:
        """Decide, and put what changed; the result goes to whoever submitted the job."""

    def in_the_end(self, work: Work, result: Any) -> Any:  # noqa: ARG002 - for those whose result speaks of what comes
        """The result, now that every job of the batch has run."""
        return result


@frozen
class Failed:
    """The job could not be committed."""

    error: Exception


Done = Callable[[Any], None]
Deliver = Callable[[list[tuple[Done, Any]], list[Afterwards]], None]


class Committer:
    """Carries out batches of jobs, one after the other; `wait` carries out what lasts."""

    def __init__(self, database: Database, wait: Wait = here) -> None:
        self._is_sqlite = database.is_sqlite
        self._connection = database.kept_open(wait)
        self._identifiers = Identifiers(_IDS_AT_ONCE)
        self.memory = Memory()
        self.conflicts = 0
        self._moved: list[int] = []
        self.tell: Callable[[Connection, Sequence[int]], None] = _nobody_else
        """Told of the passes that a transaction changed, within it."""

    def moved(self) -> tuple[Moved, ...]:
        """The passes that the last batches changed, or whose sessions they did; told once."""
        if not self._moved:
            return ()
        moved, self._moved = Moved(tuple(self._moved)), []
        return (moved,)

    def commit(self, jobs: Sequence[Job]) -> tuple[list[Any], list[Afterwards]]:
        """The result of each job, or Failed, and what must be heard of it; all durable on return."""
        try:
            self._stock()
            return self._commit(jobs, waits=False)
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was written, and the jobs must hear of it
            self._identifiers.forget()
            if isinstance(error, Conflict) or _is_held_up(error):
                self.conflicts += 1
                return self._commit_in_turn(jobs)
            if len(jobs) == 1:
                return [Failed(error)], []
        return self._one_by_one(jobs)

    def _commit_in_turn(self, jobs: Sequence[Job]) -> tuple[list[Any], list[Afterwards]]:
        """Others work on the same rows: wait for them, in an order in which nobody waits for us meanwhile."""
        recalled, reading = self._apart(jobs)
        if not recalled or not reading:
            return self._commit_alike(jobs, recalls=self._is_sqlite or bool(recalled))
        results: list[Any] = [None] * len(jobs)
        afterwards: list[Afterwards] = []
        for places in (recalled, reading):
            found, more = self._commit_alike([jobs[place] for place in places], recalls=places is recalled)
            for place, result in zip(places, found, strict=True):
                results[place] = result
            afterwards += more
        return results, afterwards

    def _apart(self, jobs: Sequence[Job]) -> tuple[list[int], list[int]]:
        """The places of jobs that find in memory what they need, and of those that read it.

        Where several write at once they are two transactions: one locks rows as it writes them, the other as it reads
        them, each in the order of their ids, so that no two writers ever wait for each other. One transaction for both
        is quicker, and waits for nobody: who holds a row for longer than that has all begun anew, in this order.
        """
        if self._is_sqlite:
            return [], list(range(len(jobs)))
        recalled: list[int] = []
        reading: list[int] = []
        for place, job in enumerate(jobs):
            found = None if job.is_ordinary else job.recall(self.memory)
            has_all = job.is_ordinary or (found is not None and job.beside(found) is None)
            (recalled if has_all else reading).append(place)
        return recalled, reading

    def _commit_alike(self, jobs: Sequence[Job], *, recalls: bool = True) -> tuple[list[Any], list[Afterwards]]:
        try:
            self._stock()
            return self._commit_anew(jobs, recalls=recalls)
        except Exception as error:  # noqa: BLE001 - as above
            self._identifiers.forget()
            if len(jobs) == 1:
                return [Failed(error)], []
        return self._one_by_one(jobs)

    def _one_by_one(self, jobs: Sequence[Job]) -> tuple[list[Any], list[Afterwards]]:
        """Each alone; but not all must find out, one after the other, that the store is away."""
        results: list[Any] = []
        afterwards: list[Afterwards] = []
        away = 0
        for number, job in enumerate(jobs):
            (result,), more = self._commit_alike([job])
            results.append(result)
            afterwards += more
            away = away + 1 if isinstance(result, Failed) and _is_away(result.error) else 0
            if away == 2:
                return results + [result] * (len(jobs) - number - 1), afterwards
        return results, afterwards

    def _stock(self) -> None:
        short = self._identifiers.short_of(LARGEST)
        if short:
            with self._connection.writing() as connection:
                self._identifiers.stock(connection, short)

    def _commit_anew(self, jobs: Sequence[Job], *, recalls: bool) -> tuple[list[Any], list[Afterwards]]:
        """Decide and write, and again if another writer was quicker: what is read then is locked."""
        for _ in range(_MOST_CONFLICTS):
            try:
                return self._commit(jobs, waits=True, recalls=recalls)
            except Conflict:
                self._identifiers.forget()
                self.conflicts += 1
        return self._commit(jobs, waits=True, recalls=recalls)

    def _commit(self, jobs: Sequence[Job], *, waits: bool, recalls: bool = True) -> tuple[list[Any], list[Afterwards]]:
        work: Work | None = None
        try:
            with self._connection.writing(waits=waits) as connection:
                work = Work(connection, self._identifiers, LEASE, self.memory, recalls=recalls)
                work.prepare(job for job in jobs if not job.is_ordinary)
                results = [job.run(work) for job in jobs]
                results = [job.in_the_end(work, result) for job, result in zip(jobs, results, strict=True)]
                work.save()
                if work.moved:
                    self.tell(connection, work.moved)
        except BaseException:
            if work is not None:
                work.forget()
            raise
        work.remember()
        self._moved += work.moved
        return results, [*work.commands, *work.changes, *work.settled]

    def close(self) -> None:
        """Let go of the store until the next batch."""
        self._connection.close()


def _is_away(error: Exception) -> bool:
    return isinstance(error, OperationalError) and not _is_held_up(error)


def _is_held_up(error: Exception) -> bool:
    """Whether somebody else held a row for longer than we wait, or waits for one of ours (PostgreSQL, class 40 too)."""
    code = getattr(getattr(error, "orig", None), "pgcode", None)
    return code in _HELD_UP


def _nobody_else(connection: Connection, pass_ids: Sequence[int]) -> None:
    pass


class Writer:
    """Commits in its turns; `deliver` is called once for each batch."""

    def __init__(self, committer: Committer, deliver: Deliver, turns: Turns) -> None:
        self._committer = committer
        self._deliver = deliver
        self._turns = turns
        self._portion = Portion()
        self._queue: deque[tuple[Job, Done]] = deque()
        self._awaited = 0
        self._is_ending = False

    def start(self) -> None:
        """Begin to commit."""
        self._turns.start(self._work)

    def submit(self, job: Job, done: Done) -> None:
        """Have `job` carried out; `done` gets its result, or Failed, through `deliver`."""
        self._queue.append((job, done))
        if len(self._queue) >= self._awaited:
            self._turns.wake()

    @property
    def waiting(self) -> int:
        """How many jobs are queued."""
        return len(self._queue)

    def stop(self) -> None:
        """Carry out what is queued, then end; returns when it is done."""
        self._is_ending = True
        self._turns.finish()

    def _work(self) -> None:
        while True:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._portion.size))]
            if batch:
                worked_before = self._turns.worked
                results, afterwards = self._committer.commit([job for job, _ in batch])
                answers = [(done, result) for (_, done), result in zip(batch, results, strict=True)]
                self._portion.took(len(batch), self._turns.worked - worked_before)
                commit_took, were_there = self._turns.waited, len(self._queue) + len(batch)
                self._turns.give_way(partial(self._deliver, answers, [*afterwards, *self._committer.moved()]))
                self._gather(min(were_there, self._portion.size), min(commit_took, _GATHERS_WITHIN))
            elif self._is_ending:
                self._committer.close()
                return
            else:
                self._turns.rest()

    def _gather(self, count: int, within: float) -> None:
        """Wait until so many jobs are queued, but only for so many seconds."""
        if within > 0 and len(self._queue) < count and not self._is_ending:
            self._awaited = count
            self._turns.rest(within)
            self._awaited = 0
