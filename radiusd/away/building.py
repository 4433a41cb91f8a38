"""All that is needed for when the store is away, put together."""

import os
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen
from prometheus_client import Gauge
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import select
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.away.adopting import Adopting, Own
from radiusd.away.gate import Gate
from radiusd.away.jobs import ProbeJob
from radiusd.away.logins import Logins, Reminding
from radiusd.away.outlook import Outlook, Weather
from radiusd.away.recording import Recording
from radiusd.away.remembering import LetInLately
from radiusd.away.replaying import Live, Replaying, Source
from radiusd.away.reviving import Reviving
from radiusd.away.watchdog import Watchdog
from radiusd.config import StoreLoss
from radiusd.handlers.access import Submit
from radiusd.server.counters import Counters
from radiusd.server.protocol import Handler
from radiusd.spool.errors import SpoolError
from radiusd.spool.journal import Journal, create
from radiusd.spool.keeping import Keeper
from radiusd.store import loading
from radiusd.store.absence import StoreIsAway
from radiusd.store.database import Database
from radiusd.store.directory import Directory
from radiusd.store.keys import among
from radiusd.store.loading import Login
from radiusd.store.schema import IS_ACTIVE, sessions
from radiusd.store.writer import Done, Job

_log = Logger()
T = TypeVar("T")
_SHARE = 0.6
"""Of what a router waits before it asks again."""

MakeAccounting = Callable[[Submit], Handler]
Read = Callable[[Callable[[DatabaseConnection], Any]], "Deferred[Any]"]


@frozen(kw_only=True)
class AwayParts:
    """What it is made of. `writer` submits to the writer itself; `read` reads in a thread."""

    settings: StoreLoss
    database: Database
    writer: Callable[[Job, Done], None]
    directory: Callable[[], Directory]
    counters: Counters
    read: Read
    reactor: Any
    now: Callable[[], Instant]


class Away:
    """`gate.submit` is where all work goes that the store has to do; `logins.submit` that of Access-Requests."""

    def __init__(self, parts: AwayParts) -> None:
        self._parts = parts
        self._known: Directory | None = None
        self._patience = 0.0
        settings, reactor, now = parts.settings, parts.reactor, parts.now
        self._weather = Weather(slow_after=self._slow_after, away_after=settings.patience / 1000)
        self.gate = Gate(parts.writer, reactor, self._weather, lambda: ProbeJob(now()))
        self._watchdog = Watchdog(settings.patience / 1000, reactor.seconds)
        self.keeper = Keeper(self._make_journal, now, self._deliver)
        self._lately = LetInLately(os.urandom(32))
        self.logins = Logins(
            self.gate,
            self._lately,
            self.keeper,
            parts.counters,
            by_last_decision=settings.on_store_loss == "last_decision",
        )
        self._reminding = Reminding(self.logins, self._lately, self.gate, self._find_logins, self._find_ended)
        self._own: Replaying | None = None
        self._adopting: Adopting | None = None
        self._show(parts.counters)

    def accounting(self, make: MakeAccounting) -> Handler:
        """The handler of Accounting-Requests: `make` gives one over a submit."""
        check = Reviving(make, lambda: self._parts.directory().routers).jobs_of_request
        recording = Recording(make(self.gate.submit_in_any_case), self.gate, self.keeper, self._parts.counters, check)
        self._own = self._replaying(Own(self.keeper), make)
        Live(self._own, recording, self.gate)
        self.logins.spooled = self._own.wake
        adopt = partial(self._replaying, make=make)
        self._adopting = Adopting(self._parts.settings.spool, self.keeper, adopt, self._told)
        return recording

    def _replaying(self, source: Source, make: MakeAccounting) -> Replaying:
        parts = self._parts
        reviving = Reviving(make, lambda: parts.directory().routers)
        return Replaying(source, reviving, self.gate, parts.reactor, parts.now, parts.counters)

    def _make_journal(self) -> Journal:
        settings = self._parts.settings
        return create(settings.spool, self._told, settings.spool_limit << 20)

    def _told(self, what: str, where: Path) -> None:
        self._parts.counters.count(f"spool_{what}")
        _log.error("the spool has a {what} record, which is set aside in {where}", what=what, where=where)

    def _deliver(self, answers: list[Callable[[], None]]) -> None:
        self._parts.reactor.callFromThread(_give, answers)

    def start(self) -> None:
        """Begin to watch over the store, and to replay what others left behind."""
        if not self._parts.database.is_sqlite:
            self._parts.database.watching = self._watchdog.watching
            self._watchdog.start()
        try:
            self.keeper.start()
        except SpoolError as error:
            _log.error("{error}: while the store is away, no accounting will be answered", error=str(error))
        self._reminding.start(self._parts.reactor)
        if self._adopting is not None:
            self._adopting.start(self._parts.reactor)

    def _slow_after(self) -> float:
        """The share of the shortest time-out of all routers, in seconds."""
        directory = self._parts.directory()
        if directory is not self._known:
            self._known = directory
            shortest = min((each.timeout for each in directory.routers.values()), default=300)
            self._patience = _SHARE * shortest / 1000
        return self._patience

    def read(self, read: Callable[[DatabaseConnection], T]) -> "Deferred[T]":
        """What `read` gives; fails with StoreIsAway at once while the store is away."""
        if self.gate.outlook is Outlook.AWAY:
            return fail(StoreIsAway(self._weather.why))
        return self._parts.read(read)

    def stop(self) -> None:
        """Begin nothing more; what was taken is still answered, by the store or from the spool."""
        self._reminding.stop()
        if self._own is not None:
            self._own.stop()
        if self._adopting is not None:
            self._adopting.stop()

    def close(self) -> None:
        """Write what waits for the spool, and let go of it; for after the writer has ended."""
        self.gate.stop()
        self.keeper.stop()
        if self._adopting is not None:
            self._adopting.close()

    def end(self) -> None:
        """Watch over the store no more; for after the last thread that asks it has ended."""
        self._watchdog.stop()

    def _find_logins(self, names: Collection[str]) -> "Deferred[dict[str, Login]]":
        return self.read(lambda connection: loading.load_logins(connection, set(names)))

    def _find_ended(self, asked: Sequence[int]) -> "Deferred[Collection[int]]":
        def ended(connection: DatabaseConnection) -> Collection[int]:
            active = select(sessions.c.id).where(among(sessions.c.id), IS_ACTIVE)
            return set(asked) - set(connection.execute(active, {"keys": list(asked)}).scalars())

        return self.read(ended)

    def _show(self, counters: Counters) -> None:
        shown: tuple[tuple[str, str, Callable[[], float]], ...] = (
            (
                "store_away_seconds",
                "Seconds since the store went away, 0 while it is there",
                lambda: self.gate.away_for,
            ),
            ("spool_records", "Records that wait to be replayed", lambda: self.spooled().records),
            ("spool_bytes", "Octets of the spool on the disk", lambda: self.spooled().octets),
            ("spool_oldest_seconds", "Age of the oldest record that waits", lambda: self.spooled().oldest),
        )
        for name, text, value in shown:
            Gauge(name, text, registry=counters.registry).set_function(value)

    def spooled(self) -> "Spooled":
        """What waits in the spools that this process looks after."""
        journals = [] if self.keeper.journal is None else [self.keeper.journal]
        if self._adopting is not None:
            journals += self._adopting.journals
        oldest = min((each.oldest_at for each in journals if each.oldest_at is not None), default=None)
        return Spooled(
            records=sum(each.waiting for each in journals),
            octets=sum(each.octets for each in journals),
            oldest=0 if oldest is None else max(0, self._parts.now() - oldest) // 1000,
        )


@frozen
class Spooled:
    """Records that wait to be replayed, the octets of their files, and the age of the oldest in seconds."""

    records: int
    octets: int
    oldest: int


def _give(answers: list[Callable[[], None]]) -> None:
    for each in answers:
        try:
            each()
        except Exception:  # noqa: BLE001 - one answer's trouble is not the others'
            _log.failure("an answer could not be given")
