"""A server that is broken on purpose, or that dies at a named point: for the fault lane, and for nothing else.

No setting of the product can do any of this. What is broken is broken here, in a process that was started as
`python -m radiusd.faults.breaking --switch NAME -- --config FILE`, by putting another function in the place of one.
"""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

BEFORE_COMMIT, AFTER_COMMIT = "before-commit", "after-commit"
POINTS = (BEFORE_COMMIT, AFTER_COMMIT)


@frozen
class Point:
    """Where to die: `delay` seconds after `name` is reached for the first time once `after` seconds have passed."""

    name: str
    after: float
    delay: float

    def __str__(self) -> str:
        return f"{self.name}:{self.after:.4f}:{self.delay:.4f}"


def read_point(text: str) -> Point:
    """The point that `str` gave this text for; raises ValueError."""
    name, after, delay = text.split(":")
    if name not in POINTS:
        raise ValueError(f"there is no point {name}")
    return Point(name, float(after), float(delay))


def die_at(point: Point) -> None:
    """From now on, have this whole process group end when the point is reached."""
    armed_at = time.monotonic() + point.after

    def reached(name: str) -> None:
        if name == point.name and time.monotonic() >= armed_at:
            if point.delay:
                threading.Timer(point.delay, _die).start()
            else:
                _die()

    _around_commits(reached)


def _die() -> None:
    os.killpg(0, signal.SIGKILL)


def _around_commits(reached: Callable[[str], None]) -> None:
    from sqlalchemy.engine.default import DefaultDialect  # noqa: PLC0415 - only in a broken server

    commit: Callable[[Any, Any], None] = DefaultDialect.do_commit

    def do_commit(dialect: Any, connection: Any) -> None:
        reached(BEFORE_COMMIT)
        commit(dialect, connection)
        reached(AFTER_COMMIT)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]


FULL, READ_ONLY, SLOW, WELL = "full", "read-only", "slow", ""
"""How the disk under a spool is."""
_SLOW = 2.0
_ERRORS = {FULL: errno.ENOSPC, READ_ONLY: errno.EROFS}


def ail(disk: Path) -> None:
    """Have the disk under the spool be as the file `disk` says at the moment."""

    def suffer() -> None:
        how = disk.read_text() if disk.exists() else WELL
        if how in _ERRORS:
            raise OSError(_ERRORS[how], os.strerror(_ERRORS[how]))
        if how == SLOW:
            time.sleep(_SLOW)

    pwrite, fdatasync, opened = os.pwrite, os.fdatasync, os.open

    def writes(descriptor: int, octets: Any, at: int) -> int:
        if not disk.exists() or disk.read_text() != SLOW:
            suffer()
        return pwrite(descriptor, octets, at)

    def syncs(descriptor: Any) -> None:
        suffer()
        fdatasync(descriptor)

    def opens(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT and str(path).endswith(".spool") and (not disk.exists() or disk.read_text() != SLOW):
            suffer()
        return opened(path, flags, *more, **named)

    os.pwrite, os.fdatasync, os.open = writes, syncs, opens  # type: ignore[assignment]


_COMMITS_EVERY = 0.8


def answer_before_commit() -> None:
    """What was decided is answered, and committed most of a second later, together with what came after it."""
    from radiusd.store.database import OpenConnection  # noqa: PLC0415

    writing = OpenConnection.writing
    lock = threading.RLock()
    held: list[tuple[Any, Any]] = []

    def let_go() -> None:
        with lock:
            while held:
                held.pop()[0].__exit__(None, None, None)

    @contextmanager
    def held_open(connection: Any, **_: Any) -> Iterator[Any]:
        with lock:
            if not held:
                transaction = writing(connection)
                held.append((transaction, transaction.__enter__()))
                threading.Timer(_COMMITS_EVERY, let_go).start()
            yield held[0][1]

    OpenConnection.writing = held_open  # type: ignore[method-assign, assignment]


def no_duplicates() -> None:
    """Every datagram is new, however often it comes."""
    from radiusd.server.duplicates import Duplicates  # noqa: PLC0415

    Duplicates.find = lambda *_: None  # type: ignore[method-assign]


def log_every_drop() -> None:
    """One line for each packet that is dropped, instead of one a second."""
    from radiusd.server.counters import Counters  # noqa: PLC0415

    drop = Counters.drop

    def told(counters: Any, reason: str, source: str, detail: str = "", what: str = "a packet") -> None:
        counters._last_line.clear()
        drop(counters, reason, source, detail, what)

    Counters.drop = told  # type: ignore[method-assign, assignment]


def failed_is_done() -> None:
    """What could not be committed is answered as if it had been."""
    from radiusd.store.writer import Committer, Failed  # noqa: PLC0415

    commit = Committer.commit

    def committed(committer: Any, jobs: Any) -> Any:
        results, afterwards = commit(committer, jobs)
        return [None if isinstance(each, Failed) else each for each in results], afterwards

    Committer.commit = committed  # type: ignore[method-assign, assignment]


def unwritten_is_written() -> None:
    """What could not be put into the spool is acknowledged as if it had been."""
    from radiusd.spool.errors import SpoolError  # noqa: PLC0415
    from radiusd.spool.journal import Journal  # noqa: PLC0415

    append = Journal.append

    def appended(journal: Any, bodies: Any, at: int) -> None:
        with suppress(SpoolError):
            append(journal, bodies, at)

    Journal.append = appended  # type: ignore[method-assign, assignment]


def endless_patience() -> None:
    """The store is never taken to be away: everything waits until it answers, or fails."""
    from radiusd.away.outlook import Outlook, Weather  # noqa: PLC0415

    Weather.waited = lambda *_: Outlook.HERE  # type: ignore[method-assign]
    Weather.failed = lambda *_: False  # type: ignore[method-assign]


def check_then_set() -> None:
    """A one-time token is looked at, then claimed by whoever has looked, and spent by whoever has claimed it."""
    from sqlalchemy import bindparam, update  # noqa: PLC0415

    from radiusd.jobs import verifying  # noqa: PLC0415
    from radiusd.store.game_schema import otts  # noqa: PLC0415

    verifying._CLAIM = (
        update(otts)
        .where(otts.c.ott_hash == bindparam("hash"))
        .values(claimed_at=bindparam("at"), claimed_by=bindparam("by"))
    )
    verifying._SETTLE = (
        update(otts)
        .where(otts.c.ott_hash == bindparam("hash"), bindparam("by").is_not(None))
        .values(claimed_at=None, claimed_by=None, spent_at=bindparam("spent"), outcome=bindparam("what"))
    )


SWITCHES: dict[str, Callable[[], None]] = {
    "answer-before-commit": answer_before_commit,
    "no-duplicates": no_duplicates,
    "log-every-drop": log_every_drop,
    "failed-is-done": failed_is_done,
    "unwritten-is-written": unwritten_is_written,
    "endless-patience": endless_patience,
    "check-then-set": check_then_set,
}


def command(
    config: Path, switches: Sequence[str] = (), point: Point | None = None, disk: Path | None = None
) -> list[str]:
    """What starts a server; a sound one if nothing is to be broken. `disk` is a file that says how its disk is."""
    if not switches and point is None and disk is None:
        return [sys.executable, "-P", "-m", "radiusd", "--config", str(config)]
    broken = [word for each in switches for word in ("--switch", each)]
    dies = [] if point is None else ["--die-at", str(point)]
    ills = [] if disk is None else ["--disk", str(disk)]
    return [sys.executable, "-P", "-m", "radiusd.faults.breaking", *broken, *dies, *ills, "--", "--config", str(config)]


def main() -> None:
    """Break, then serve."""
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - before anything that wants a reactor

    asyncioreactor.install()
    words = sys.argv[1:]
    mine, theirs = words[: words.index("--")], words[words.index("--") + 1 :]
    for option, value in zip(mine[::2], mine[1::2], strict=True):
        if option == "--switch":
            SWITCHES[value]()
        elif option == "--disk":
            ail(Path(value))
        else:
            die_at(read_point(value))
    from radiusd import serving  # noqa: PLC0415

    serving.run(Path(theirs[1]))


if __name__ == "__main__":
    main()
