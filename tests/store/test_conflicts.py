"""Two workers that remember, over one store, against one that asks the store each time."""

import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, precondition, rule
from sqlalchemy import event, select

from policy.package import Clock, Package
from policy.quantities import Instant, Octets, Seconds
from radiusd.jobs.ticks import TickJob
from radiusd.store import blocks, live
from radiusd.store.database import Database
from radiusd.store.errors import Refused
from radiusd.store.invariants import check
from radiusd.store.schema import accounts, passes, sessions
from radiusd.store.writer import Job
from tests.server.given import NOON
from tests.store.worlds import Fails, Online, Said, World, contents, without_connection

PACKAGES = [
    Package(name="hour", time=Seconds(3600)),
    Package(name="hours", time=Seconds(3600), devices=2),
    Package(name="online", time=Seconds(3600), clock=Clock.ONLINE),
    Package(name="both online", time=Seconds(3600), clock=Clock.ONLINE, devices=2),
    Package(name="data", data=Octets(5000)),
    Package(name="shared data", data=Octets(5000), devices=2),
    Package(name="free"),
]
MOST_LINES = 10
MACS = [f"AA:BB:CC:00:00:0{number}" for number in range(3)]
workers = st.integers(0, 1)


@cache
def _empty() -> bytes:
    """A store with its tables; making them takes longer than all that is done with them."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "empty")
        made = Database(f"sqlite:///{path}")
        made.migrate()
        made.close()
        return path.read_bytes()


def an_empty_store(path: Path) -> Database:
    """A store that need not outlive the machine."""
    path.write_bytes(_empty())
    database = Database(f"sqlite:///{path}")
    event.listen(database.engine, "connect", lambda each, _: each.execute("PRAGMA synchronous=OFF"))
    return database


class Workers(RuleBasedStateMachine):
    """`many` remember, `one` does not. What arrives waits for its worker's next commit, and `one` hears of it then."""

    lines = Bundle("lines")

    @initialize(first=st.sampled_from(PACKAGES), second=st.sampled_from(PACKAGES))
    def open(self, first: Package, second: Package) -> None:
        self.directory = Path(tempfile.mkdtemp())
        sold = {"an": first, "binh": second if second is not first else PACKAGES[PACKAGES.index(first) - 1]}
        self.many = World("many", an_empty_store(self.directory / "many"), sold, workers=2)
        self.one = World("one", an_empty_store(self.directory / "one"), sold, workers=1)
        self.at = NOON
        self.waiting: list[list[Any]] = [[], []]
        self.number = 0
        self.known: list[Online] = []

    def commit(self, worker: int) -> None:
        """What waits for this worker is decided, in both worlds."""
        self.hear(worker)
        self.many.let_go(worker)
        self.one.let_go(0)

    def hear(self, worker: int) -> None:
        """`one` gets what has waited for this worker."""
        self.one.hold(0)
        for each in self.waiting[worker]:
            if isinstance(each, Said):
                self.one.say(0, each)
            else:
                self.one.submit(0, each)
        self.waiting[worker] = []

    def new_line(self, user: str, mac: str, router: int) -> Online:
        """The router gives the device a number."""
        self.number += 1
        self.at = Instant(self.at + 1)  # which of two lines is older decides what becomes of them
        self.known.append(Online(user, mac, f"a{self.number}", router, self.at))
        return self.known[-1]

    def arrive(self, worker: int, what: Said | Job) -> None:
        """Something waits for a worker."""
        self.many.hold(worker)
        if isinstance(what, Said):
            self.many.say(worker, what)
        else:
            self.many.submit(worker, what)
        self.waiting[worker].append(what)

    @precondition(lambda self: self.number < MOST_LINES)
    @rule(
        target=lines,
        user=st.sampled_from(["an", "an", "an", "binh", "nobody"]),
        mac=st.sampled_from(MACS),
        router=st.integers(0, 1),
        worker=workers,
        begins=st.booleans(),
        comes_back=st.booleans(),
    )
    def log_in(self, user: str, mac: str, router: int, worker: int, *, begins: bool, comes_back: bool) -> Any:
        """A device logs in; or comes back, and is let in from memory."""
        line = self.new_line(user, mac, router)
        self.hear(worker)
        self.many.log_in(worker, line)
        self.one.log_in(0, line)
        assert line.named_by.keys() in (set(), {"many", "one"})
        if not line.named_by:
            return line
        if begins:
            self.arrive(worker, Said(line, "Start", self.at, 0, 0))
        if not comes_back:
            return line
        again = self.new_line(user, mac, router)
        again.named_by = {name: without_connection(value) for name, value in line.named_by.items()}
        return multiple(line, again)

    @rule(
        line=lines,
        kind=st.sampled_from(["Start", "Interim-Update", "Interim-Update", "Interim-Update", "Stop"]),
        worker=workers,
        more=st.sampled_from([0, 0, 100, 2000]),
        late=st.sampled_from([0, 0, 0, 1, 70]),
        ahead=st.sampled_from([0, 0, 1, -30, 400]),
        cause=st.sampled_from([1, 2, 2, 5]),
        times=st.sampled_from([1, 1, 2]),
    )
    def report(
        self, line: Online, kind: str, worker: int, more: int, late: int, ahead: int, cause: int, times: int
    ) -> None:
        """A router reports, in time or late, once or twice."""
        line.octets += more
        seconds = max(0, (self.at - line.since) // 1000 - late + ahead)
        extra: dict[str, Any] = {"Acct_Delay_Time": late} if late else {}
        if kind == "Stop":
            extra["Acct_Terminate_Cause"] = cause
        said = Said(line, kind, self.at, line.octets, 0 if kind == "Start" else seconds, extra)
        for _ in range(times):
            self.arrive(worker, said)

    @precondition(lambda self: self.known)
    @rule(most=st.integers(1, 2), worker=workers, more=st.sampled_from([0, 100, 2000]))
    def report_all(self, most: int, worker: int, more: int) -> None:
        """The routers' clocks strike: the lines that began last report, and it is one batch."""
        for line in self.known[-2 * most :]:
            line.octets += more
            self.arrive(worker, Said(line, "Interim-Update", self.at, line.octets, (self.at - line.since) // 1000))

    @rule(worker=workers)
    def write(self, worker: int) -> None:
        """The writer gets round to it."""
        self.commit(worker)

    @precondition(lambda self: any(self.waiting))
    @rule(worker=workers)
    def fail(self, worker: int) -> None:
        """A job that cannot be carried out is in the batch."""
        self.arrive(worker, Fails())

    @rule(seconds=st.sampled_from([0.3, 1, 10, 60, 60, 1700]))
    def pass_time(self, seconds: float) -> None:
        self.at = Instant(self.at + int(seconds * 1000))

    @rule(worker=workers)
    def tick(self, worker: int) -> None:
        """Whoever is due is looked at."""
        with self.one.database.reading() as connection:
            every = tuple(connection.execute(select(passes.c.id).order_by(passes.c.id)).scalars())
        self.arrive(worker, TickJob(self.at, every, self.one.workers[0].known.directory.cafes))
        self.commit(worker)

    @rule(user=st.sampled_from(["an", "binh"]), what=st.sampled_from(["cut", "extend", "block", "unblock"]))
    def administer(self, user: str, what: str) -> None:
        """Somebody with icafectl, who is no worker."""
        self.commit(0)
        self.commit(1)
        for world in (self.many, self.one):
            world.write(partial(self._administer, user, what))

    def _administer(self, user: str, what: str, connection: Any) -> None:
        if what == "block":
            blocks.block_account(connection, user, self.at)
        elif what == "unblock":
            blocks.unblock_account(connection, user, self.at)
        else:
            query = select(sessions.c.id).join_from(sessions, passes).join(accounts)
            live_one = (
                connection.execute(
                    query.where(accounts.c.name == user, sessions.c.phase == "ACTIVE").order_by(sessions.c.started_at)
                )
                .scalars()
                .first()
            )
            if live_one is None:
                return
            try:
                if what == "cut":
                    live.cut(connection, live_one, "no", self.at)
                else:
                    live.extend(connection, live_one, Seconds(600), Octets(0), self.at)
            except Refused:
                pass

    @rule()
    def compare(self) -> None:
        """The same is stored."""
        self.commit(0)
        self.commit(1)
        self.agree()

    def teardown(self) -> None:
        if not hasattr(self, "many"):
            return
        try:
            self.compare()
        finally:
            self.many.database.close()
            self.one.database.close()
            shutil.rmtree(self.directory)

    def agree(self) -> None:
        """What must be the same."""
        with self.many.database.reading() as connection:
            assert [str(each) for each in check(connection)] == []
            found = contents(connection)
        with self.one.database.reading() as connection:
            assert [str(each) for each in check(connection)] == []
            expected = contents(connection)
        for name, rows in expected.items():
            assert [row for row in found[name] if row not in rows] == [], name
            assert found[name] == rows, name


Workers.TestCase.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWorkers = Workers.TestCase
