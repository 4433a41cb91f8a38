"""Ways to break the product on purpose. Each must be found by the simulation, or it would find nothing of the kind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from radiusd.changing import Changer
from radiusd.cutting import Cutter
from radiusd.handlers.returning import Returning
from radiusd.jobs.accounting import AccountingJob, InterimJob
from radiusd.jobs.pc_events import NOTHING_TO_END, PcEventJob, PcOutcome
from radiusd.server.duplicates import Duplicates
from radiusd.store import feed, saving, work
from radiusd.store.bulk import Rewrite
from radiusd.store.errors import Conflict
from radiusd.store.writer import Job
from tests.simulation.node import Node


@contextmanager
def _instead(owner: Any, name: str, other: Any) -> Iterator[None]:
    kept = vars(owner)[name]
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def _no_duplicates() -> Any:
    """Every repeated request is decided anew."""
    return _instead(Duplicates, "find", lambda *_: None)


def _answers_first() -> Any:
    """Accounting is answered, and only then committed."""
    submit = Node.submit

    def at_once(node: Node, job: Job, done: Callable[[Any], None]) -> None:
        if isinstance(job, (AccountingJob, InterimJob)):
            done(None)
            submit(node, job, lambda _: None)
        else:
            submit(node, job, done)

    return _instead(Node, "submit", at_once)


def _no_wishes() -> Any:
    """Who is to be cut is not written down."""
    return _instead(saving, "save_commands", lambda *_: None)


@contextmanager
def _no_cuts() -> Iterator[None]:
    """Wishes to cut are stored, and nobody carries them out."""
    with (
        _instead(Cutter, "cut", lambda *_: None),
        _instead(Cutter, "is_busy_with", lambda *_: True),
        _instead(Changer, "is_busy_with", lambda *_: True),
    ):
        yield


def _no_logouts() -> Any:
    """A PC's logout is noted, and nobody is logged off."""
    nothing = PcOutcome(effect=NOTHING_TO_END, sessions_terminated=0)
    return _instead(PcEventJob, "_log_out", lambda *_: nothing)


@contextmanager
def _never_forgets() -> Iterator[None]:
    """A device that was let in once is let in from memory, whatever became of its session."""
    with _instead(Returning, "forget_passes", lambda *_: None), _instead(Returning, "clear", lambda *_: None):
        yield


def _tells_nobody() -> Any:
    """What a server changes the others do not hear of."""
    return _instead(feed, "tell", lambda *_: None)


def _overwrites() -> Any:
    """What was decided from memory is written, whoever wrote meanwhile."""
    run = Rewrite.run

    def whatever_others_wrote(rewrite: Rewrite, connection: Any, rows: Any, before: Any = ()) -> None:
        with suppress(Conflict):
            run(rewrite, connection, rows, before)

    return _instead(Rewrite, "run", whatever_others_wrote)


@contextmanager
def _forgets_counts() -> Iterator[None]:
    """Every seventh batch forgets the ordinary reports in it."""
    count = work.Work.count
    numbers = iter(range(1 << 62))

    def now_and_then(self: Any, *arguments: Any) -> bool:
        return True if next(numbers) % 7 == 6 else count(self, *arguments)

    with _instead(work.Work, "count", now_and_then):
        yield


def _no_alarms() -> Any:
    """Nobody wakes up to end what has run out."""
    return _instead(work, "wake_at", lambda *_: None)


BREAKS: dict[str, Callable[[], Any]] = {
    "no-duplicates": _no_duplicates,
    "answers-first": _answers_first,
    "no-wishes": _no_wishes,
    "no-cuts": _no_cuts,
    "no-logouts": _no_logouts,
    "never-forgets": _never_forgets,
    "tells-nobody": _tells_nobody,
    "overwrites": _overwrites,
    "forgets-counts": _forgets_counts,
    "no-alarms": _no_alarms,
}
