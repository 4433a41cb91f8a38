"""A server over a store that can be told to hang, to refuse, and to be well again; its spool is kept at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve
from sqlalchemy.exc import OperationalError

from policy.quantities import Instant
from radiusd.away.adopting import Own
from radiusd.away.gate import Gate
from radiusd.away.jobs import ProbeJob
from radiusd.away.logins import Logins
from radiusd.away.outlook import Weather
from radiusd.away.recording import Recording
from radiusd.away.remembering import LetInLately
from radiusd.away.replaying import Live, Replaying
from radiusd.away.reviving import Reviving
from radiusd.handlers.access import AccessHandler, Waiting
from radiusd.handlers.accounting import AccountingHandler
from radiusd.handlers.boots import Boots
from radiusd.server.protocol import Handler
from radiusd.spool.errors import SpoolError
from radiusd.spool.journal import Journal, create
from radiusd.spool.keeping import Kept
from radiusd.spool.layout import Record
from radiusd.store.database import Database
from radiusd.store.writer import Failed, Job
from radiusd.wire.codes import Code
from tests.server.given import Server
from tests.spool.given import Told

PATIENCE = 5.0


class Spool:
    """Stands for the thread of the spool: all is done at once. `refuses` is what the disk says to whatever is kept."""

    def __init__(self, root: Path) -> None:
        self.told = Told()
        self.journal: Journal | None = create(root, self.told, 1 << 30)
        self.refuses: SpoolError | None = None
        self.held_back: list[tuple[bytes, Kept]] | None = None
        self.at = Instant(0)

    def append(self, body: bytes, done: Kept) -> None:
        if self.held_back is not None:
            self.held_back.append((body, done))
        elif self.refuses is not None:
            done(self.refuses)
        else:
            self.journal_itself.append([body], self.at)
            done(None)

    @property
    def journal_itself(self) -> Journal:
        assert self.journal is not None
        return self.journal

    def read(self, most: int, done: Callable[[Sequence[Record] | Exception], None]) -> None:
        done(self.journal_itself.read(most))

    def release(self, records: Sequence[Record], done: Callable[[Exception | None], None]) -> None:
        self.journal_itself.release(records)
        done(None)

    def call(self, call: Callable[[], Any], done: Callable[[Any], None]) -> None:
        try:
            result = call()
        except OSError as error:
            result = error
        done(result)


class Store:
    """`commit` at once, or as it was told: `hang` holds jobs until `go_on`, `refuse` fails them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.held: list[tuple[Job, Callable[[Any], None]]] | None = None
        self.refuses: Exception | None = None
        self.asked: list[Job] = []

    def submit(self, job: Job, done: Callable[[Any], None]) -> None:
        self.asked.append(job)
        if self.held is not None:
            self.held.append((job, done))
        elif self.refuses is not None:
            done(Failed(self.refuses))
        else:
            self._server.submit(job, done)

    def hang(self) -> None:
        """Answer nothing."""
        self.held = []

    def refuse(self) -> None:
        """Be gone."""
        self.refuses = OperationalError("SELECT 1", {}, Exception("connection refused"))

    def be_well(self) -> None:
        """Take all again; what was held is lost with its connection."""
        held, self.held, self.refuses = self.held or [], None, None
        for _, done in held:
            done(Failed(OperationalError("SELECT 1", {}, Exception("server closed the connection"))))

    def go_on(self) -> None:
        """Do what was held, and all that comes."""
        held, self.held, self.refuses = self.held or [], None, None
        for job, done in held:
            self._server.submit(job, done)


class AwayServer(Server):
    """The server of the other tests, over a store that may go away."""

    def __init__(self, database: Database, root: Path, *, on_store_loss: str = "last_decision", **router: Any) -> None:
        self.root = root
        self.on_store_loss = on_store_loss
        super().__init__(database, **router)

    def restart(self) -> None:
        """Everything in memory is new; the store and the disk stay."""
        super().restart()
        self.store = Store(self)
        self.spool = Spool(self.root)
        self.weather = Weather(slow_after=lambda: 0.18, away_after=PATIENCE)
        self.gate = Gate(self.store.submit, self.clock, self.weather, lambda: ProbeJob(self.at))
        self.lately = LetInLately(bytes(32))
        self.logins = Logins(
            self.gate, self.lately, self.spool, self.counters, by_last_decision=self.on_store_loss == "last_decision"
        )
        boots = Boots({}, self.gate.submit_when_back)
        waiting = Waiting(self, self, self.patience)
        access = AccessHandler(self.known, self.logins.submit, self._hash, boots, self.vault, self.counters, waiting)

        def accounting(submit: Any) -> Handler:
            return AccountingHandler(self.known, submit, boots, self.vault, self.counters)

        routers = lambda: self.known.directory.routers  # noqa: E731
        self.make_accounting = accounting
        self.recording = Recording(
            accounting(self.gate.submit_in_any_case),
            self.gate,
            self.spool,
            self.counters,
            Reviving(accounting, routers).jobs_of_request,
        )
        self.replaying = Replaying(
            Own(self.spool),  # type: ignore[arg-type] - it stands for the thread
            Reviving(accounting, routers),
            self.gate,
            self.clock,
            lambda: self.at,
            self.counters,
        )
        Live(self.replaying, self.recording, self.gate)
        self.logins.spooled = self.replaying.wake
        self.auth = self._port({Code.ACCESS_REQUEST: access})
        self.acct = self._port({Code.ACCOUNTING_REQUEST: self.recording})

    def pass_time(self, seconds: float) -> None:
        """So much later, in steps in which everything gets its turn."""
        for _ in range(round(seconds / 0.01)):
            self.at = Instant(self.at + 10)
            self.spool.at = self.at
            self.clock.advance(0.01)

    def carry_out(self, afterwards: list[Any]) -> None:
        """Keep what is to be done, and have memory hear of it."""
        super().carry_out(afterwards)
        self.logins.heard(afterwards)

    def sent(self) -> list[int]:
        """The codes of all accounting answers so far."""
        wire: Any = self.acct.transport
        return [octets[0] for octets, _ in wire.sent]


def changed(record: Record, body: bytes) -> Record:
    """The record with another body."""
    return evolve(record, body=body)
