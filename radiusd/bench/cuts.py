"""How sure and how fast cuts are: thousands of them over routers that answer, lose, refuse, lag, sleep and reboot."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from attrs import asdict, define, field, frozen
from sqlalchemy import insert, select
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from policy.quantities import Instant
from radiusd.app import wall_clock
from radiusd.bench.errors import BenchError
from radiusd.bench.filling import fill
from radiusd.bench.fleet import API_PASSWORD, API_PORT, COA_PORT, KINDS, Fleet, Member, address_of, kind_of
from radiusd.bench.guests import SECRET
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.store import live, revisions, routers
from radiusd.store.database import Database
from radiusd.store.errors import Refused
from radiusd.store.identifiers import take
from radiusd.store.schema import branches, commands, connections, sessions
from radiusd.store.schema import routers as routers_table
from radiusd.vault import Vault, make_key_file, read_key_file

T = TypeVar("T")

DECIDED_WITHIN = 5_000
CONFIRMED_WITHIN = 1_000
_A_BATCH = 25
_RETURNING = 4  # every so manieth guest who was cut buys more time at the counter and is back at once


@frozen(kw_only=True)
class Plan:
    """How many, on how many routers, and how many a second."""

    cuts: int
    routers: int
    rate: int
    seed: int = 1

    @property
    def guests(self) -> int:
        """More than are cut: a router that reboots ends sessions that nobody has cut yet."""
        return self.cuts * 5 // 4


@frozen(kw_only=True)
class Outcomes:
    """Milliseconds from the decision: until it was known how a cut stands; and of those confirmed, until they were."""

    kind: str
    cuts: int
    confirmed: int
    gone: int
    not_cut: int
    undecided: int
    slowest_decision: int
    mean: float
    p50: int
    p99: int


@define
class Result:
    """All kinds, and what went wrong."""

    outcomes: list[Outcomes] = field(factory=list)
    wrongly_cut: int = 0
    came_back: int = 0

    @property
    def complaints(self) -> list[str]:
        """What must not be."""
        found = []
        total = next(each for each in self.outcomes if each.kind == "all")
        if total.undecided or total.slowest_decision > DECIDED_WITHIN:
            found.append(f"not every cut was decided within {DECIDED_WITHIN} ms")
        if self.wrongly_cut:
            found.append(f"{self.wrongly_cut} later sessions were cut by a wish for an earlier one (S8)")
        for each in self.outcomes:
            kind = next((kind for kind in KINDS if kind.name == each.kind), None)
            if kind is None:
                continue
            may_fail = kind.habits.loss and not kind.has_api  # all four may be lost
            if kind.is_reachable and each.not_cut and not may_fail:
                found.append(f"{each.not_cut} cuts at routers of the kind “{kind.name}” were not cut")
            if not kind.is_reachable and each.confirmed:
                found.append(
                    f"{each.confirmed} cuts at routers of the kind “{kind.name}” were confirmed, and cannot be"
                )
            if kind.habits.loss and kind.has_api and each.p99 > CONFIRMED_WITHIN:
                found.append(f"p99 of confirmed cuts at 30 % loss is {each.p99} ms, over {CONFIRMED_WITHIN}")
        return found


def prepare(store: Store, folder: Path, plan: Plan, filled: Any) -> None:
    """A store with guests and a fleet's routers."""
    make_key_file(folder / "key")
    vault = Vault(read_key_file(folder / "key"))
    database = Database(store.url)
    try:
        at = wall_clock()
        fill(database, vault, plan.guests, at, filled)
        with database.writing() as connection:
            branch_id = connection.execute(select(branches.c.id)).scalar_one()
            sealed = routers.sealed(vault, secret=SECRET, api_password=API_PASSWORD)
            ids = take(connection, "routers", plan.routers)
            connection.execute(
                insert(routers_table),
                [_router(number, row_id, branch_id, plan, sealed, at) for number, row_id in enumerate(ids)],
            )
            revisions.announce(connection)
    finally:
        database.close()


def _router(
    number: int, row_id: int, branch_id: int, plan: Plan, sealed: dict[str, Any], at: Instant
) -> dict[str, Any]:
    has_api = kind_of(number, plan.routers).has_api
    return {
        "id": row_id,
        "name": f"r{number}",
        "branch_id": branch_id,
        "network": f"{address_of(number)}/32",
        "kind": "mikrotik",
        "coa_port": COA_PORT,
        "coa_answered": True,
        "cut_by": "both" if has_api else "coa",
        "api_port": API_PORT,
        "api_user": "api" if has_api else None,
        "require_message_authenticator": "learn",
        "mac_password": "empty",
        "created_at": at,
        **sealed,
    }


class Cutting:
    """One run: everybody comes online, everybody is cut, some are back at once; then the store is asked."""

    def __init__(self, reactor: Any, plan: Plan, server: Server, database: Database, shows: Any) -> None:
        self._reactor = reactor
        self._plan = plan
        self._server = server
        self._database = database
        self._shows = shows
        self._fleet = Fleet(reactor, server.target, plan.routers, plan.guests, plan.seed)
        self._result = Result()
        self._returning: list[Deferred[None]] = []
        self._passes: dict[str, int] = {}
        self._counter = ThreadPool(1, 1, "counter")

    async def run(self) -> Result:
        """What came of it. Raises BenchError when the evening cannot begin."""
        self._fleet.start()
        self._counter.start()
        try:
            await self._come_online()
            self._fleet.begin_trouble()
            await self._cut()
            self._shows.doing("waiting for the last decisions")
            for each in self._returning:
                await each
            await deferLater(self._reactor, DECIDED_WITHIN / 1000 + 0.5, lambda: None)
            self._server.must_live()
            self._judge()
        finally:
            self._fleet.stop()
            self._counter.stop()
        return self._result

    async def _come_online(self) -> None:
        total, online = self._plan.guests, 0
        self._shows.doing(f"{total} guests log in at {self._plan.routers} routers")

        def came() -> None:
            nonlocal online
            online += 1
            self._shows.step("online", online, total)

        await self._fleet.come_online(came)
        if online < total:
            raise BenchError(f"only {online} of {total} guests came online")

    async def _cut(self) -> None:
        """In batches, as a venue closes: each is one transaction of an administrator."""
        self._shows.doing(f"cutting {self._plan.cuts} guests, {self._plan.rate} a second")
        ids, self._passes = _sessions_and_passes(self._database)
        began, done = self._reactor.seconds(), 0
        for batch in _in_batches(list(self._fleet.guests())):
            cut = await self._at_the_counter(partial(self._order, batch[: self._plan.cuts - done], ids))
            done += len(cut)
            self._shows.step("cut", done, self._plan.cuts)
            self._returning += [
                Deferred.fromCoroutine(self._come_back(member, name)) for member, name in cut[::_RETURNING]
            ]
            if done == self._plan.cuts:
                return
            await deferLater(
                self._reactor, max(0.0, began + done / self._plan.rate - self._reactor.seconds()), _nothing
            )
        raise BenchError(f"only {done} of {self._plan.cuts} guests were there to be cut")

    def _order(self, batch: Sequence[tuple[Member, str]], ids: Mapping[str, int]) -> list[tuple[Member, str]]:
        """Those of them who were cut; a session that a reboot ended needs no cut."""
        at, ordered = wall_clock(), []
        with self._database.writing() as connection:
            for member, name in batch:
                with suppress(Refused):
                    live.cut(connection, ids[name], "the bench", at)
                    ordered.append((member, name))
        return ordered

    async def _come_back(self, member: Member, name: str) -> None:
        """The guest is let in again by the staff while the old line may still be on its way out."""
        await deferLater(self._reactor, 0.5, _nothing)
        await self._at_the_counter(partial(self._release, name))
        online = await self._fleet.log_in(member, member.names.index(name), name)
        if online is not None:
            member.later[name] = online
            self._result.came_back += 1

    def _release(self, name: str) -> None:
        with self._database.writing() as connection:
            live.release(connection, self._passes[name], wall_clock())

    def _at_the_counter(self, do: Callable[[], T]) -> "Deferred[T]":
        """What an administrator does, in a thread, so that no router waits for the store."""
        return deferToThreadPool(self._reactor, self._counter, do)

    def _judge(self) -> None:
        kinds = {f"r{each.number}": each.kind for each in self._fleet.members}
        found: dict[str, list[Any]] = defaultdict(list)
        for row in _wishes(self._database):
            found[kinds[row.router].name].append(row)
            found["all"].append(row)
        names = [kind.name for kind in KINDS if kind.name in found]
        self._result.outcomes = [_outcomes(name, found[name]) for name in (*names, "all")]
        self._result.wrongly_cut = sum(len(each.wrongly_cut) for each in self._fleet.members)


def _nothing() -> None:
    pass


def _in_batches(guests: Sequence[tuple[Member, str]]) -> Iterator[Sequence[tuple[Member, str]]]:
    for first in range(0, len(guests), _A_BATCH):
        yield guests[first : first + _A_BATCH]


def _sessions_and_passes(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    """The session and the pass of each user name."""
    query = select(connections.c.user_name, sessions.c.id, sessions.c.pass_id).join_from(
        connections, sessions, connections.c.session_id == sessions.c.id
    )
    with database.reading() as connection:
        found = connection.execute(query).all()
    return {row.user_name: row.id for row in found}, {row.user_name: row.pass_id for row in found}


def _wishes(database: Database) -> list[Any]:
    query = (
        select(
            commands.c.outcome,
            commands.c.created_at,
            commands.c.decided_at,
            commands.c.alerted_at,
            commands.c.elapsed,
            routers_table.c.name.label("router"),
        )
        .join_from(commands, connections, commands.c.connection_id == connections.c.id)
        .join(routers_table, connections.c.router_id == routers_table.c.id)
        .where(commands.c.kind == "cut")
    )
    with database.reading() as connection:
        return list(connection.execute(query))


def _outcomes(kind: str, rows: Sequence[Any]) -> Outcomes:
    # What was not cut within the five seconds counts so, though a later try may have succeeded.
    counts = Counter("not cut" if row.alerted_at is not None else row.outcome for row in rows)
    decisions = [(row.alerted_at or row.decided_at) - row.created_at for row in rows if row.decided_at is not None]
    proofs = sorted(row.elapsed for row in rows if row.alerted_at is None and row.outcome == "confirmed")
    return Outcomes(
        kind=kind,
        cuts=len(rows),
        confirmed=counts["confirmed"],
        gone=counts["gone"],
        not_cut=counts["not cut"],
        undecided=counts[None],
        slowest_decision=max(decisions, default=0),
        mean=sum(proofs) / len(proofs) if proofs else 0.0,
        p50=_at(proofs, 0.5),
        p99=_at(proofs, 0.99),
    )


def _at(ordered: Sequence[int], part: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0


def measure(store: Store, folder: Path, plan: Plan, shows: Any) -> Result:
    """One run on one store; raises BenchError."""
    from twisted.internet import reactor as twisted_reactor  # noqa: PLC0415 - it is installed by being imported

    reactor: Any = twisted_reactor
    shows.doing(f"{store.name}: making {plan.guests} guests")
    prepare(store, folder, plan, lambda done: shows.filling(done, plan.guests))
    came: list[Any] = []
    with Server(folder, store.url) as server:
        database = Database(store.url)
        try:
            done = Deferred.fromCoroutine(Cutting(reactor, plan, server, database, shows).run())
            done.addBoth(came.append)
            done.addCallback(lambda _: reactor.callLater(0, reactor.stop))
            reactor.run(installSignalHandlers=False)
        finally:
            database.close()
    (result,) = came
    if isinstance(result, Failure):
        result.raiseException()
    assert isinstance(result, Result)  # noqa: S101 - what run() gives
    return result


_COLUMNS = (
    ("Routers", "kind"),
    ("Cuts", "cuts"),
    ("Confirmed", "confirmed"),
    ("Gone", "gone"),
    ("Not cut", "not_cut"),
    ("Decided within, ms", "slowest_decision"),
    ("Mean, ms", "mean"),
    ("p50, ms", "p50"),
    ("p99, ms", "p99"),
)


def table(result: Result) -> str:
    """The figures as a table in Markdown: from the decision until known, and of those confirmed, until proven."""
    lines = [
        "| " + " | ".join(heading for heading, _ in _COLUMNS) + " |",
        "|---|" + "---:|" * (len(_COLUMNS) - 1),
    ]
    for each in result.outcomes:
        cells = [getattr(each, key) for _, key in _COLUMNS]
        lines.append(
            "| " + " | ".join(f"{cell:.0f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"
        )
    lines.append("")
    lines.append(
        f"{result.came_back} guests were back at once by a new login; {result.wrongly_cut} of them cut wrongly"
    )
    return "\n".join(lines)


def as_json(result: Result) -> dict[str, Any]:
    """The same for programs."""
    return {
        "outcomes": [asdict(each) for each in result.outcomes],
        "came_back": result.came_back,
        "wrongly_cut": result.wrongly_cut,
        "complaints": result.complaints,
    }
