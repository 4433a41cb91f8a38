"""Group commit: what is handed over together is one transaction, and nobody hears of it before it is durable."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import frozen
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import IntegrityError, OperationalError

from radiusd.store.database import Database
from radiusd.store.decisions import Decision
from radiusd.store.portions import LARGEST, Portion
from radiusd.store.schema import accounts, branches, decisions
from radiusd.store.turns import Turns
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Committer, Failed, Job, Writer
from tests.server.given import NOON
from tests.store.reactors import Reactor


@frozen
class Tells(Job):
    """Keeps a decision with this reason, and returns the reason."""

    reason: str

    def run(self, work: Work) -> str:
        work.decide(Decision(at=NOON, verdict="told", reason=self.reason))
        return self.reason


@frozen
class Lasts(Job):
    """Takes so many seconds of the reactor."""

    reactor: Reactor
    seconds: float

    def run(self, work: Work) -> None:
        self.reactor.advance(self.seconds)


@frozen
class Fails(Job):
    """Writes a row and a decision, then finds that it cannot be done."""

    def run(self, work: Work) -> None:
        row = {"id": 1, "name": "half", "password_store": "hash", "interim": 120, "timezone": "UTC", "created_at": 0}
        work.database.execute(branches.insert(), row)
        work.decide(Decision(at=NOON, verdict="told", reason="half"))
        raise ValueError("no")


@frozen
class NeedsTheImpossible(Job):
    """Cannot even be loaded for."""

    def needs(self) -> Needs:
        raise KeyError("nothing of the kind")

    def run(self, work: Work) -> None:
        raise AssertionError("it was not loaded for")


@frozen
class CannotBeCommitted(Job):
    """Writes what only the COMMIT refuses."""

    def run(self, work: Work) -> None:
        work.decide(Decision(at=NOON, verdict="told", reason="half"))
        if work.database.dialect.name == "sqlite":
            work.database.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            row = {"id": 1, "name": "x", "branch_id": 99, "kind": "customer", "created_at": 0}
            work.database.execute(accounts.insert(), row)
        else:
            work.database.exec_driver_sql(
                "CREATE TEMP TABLE chain (link INT PRIMARY KEY, next INT REFERENCES chain INITIALLY DEFERRED)"
            )
            work.database.exec_driver_sql("INSERT INTO chain VALUES (1, 2)")


def told(database: Database) -> list[str]:
    """The reasons that were kept, in order."""
    with database.reading() as connection:
        return list(connection.execute(select(decisions.c.reason).order_by(decisions.c.id)).scalars())


def half_done(database: Database) -> int:
    """Rows of jobs that failed."""
    with database.reading() as connection:
        return len(connection.execute(select(branches)).all()) + told(database).count("half")


@contextmanager
def transactions(database: Database) -> Iterator[list[str]]:
    """How each transaction that wrote ended meanwhile."""
    ends: list[str] = []

    def committed(_: Connection) -> None:
        ends.append("commit")

    def undone(_: Connection) -> None:
        ends.append("rollback")

    event.listen(database.engine, "commit", committed)
    event.listen(database.engine, "rollback", undone)
    yield ends
    event.remove(database.engine, "commit", committed)
    event.remove(database.engine, "rollback", undone)


@contextmanager
def a_disk_that_is_full(database: Database) -> Iterator[None]:
    """Every COMMIT fails."""

    def refuse(_: Connection) -> None:
        raise OSError("no space left on device")

    event.listen(database.engine, "commit", refuse)
    yield
    event.remove(database.engine, "commit", refuse)


def reasons_of(results: list[Any]) -> list[Any]:
    return [type(each.error) if isinstance(each, Failed) else each for each in results]


# The committer


def test_jobs_handed_over_together_are_one_transaction_with_results_in_their_order(database: Database) -> None:
    words = [f"r{number}" for number in range(50)]
    committer = Committer(database)
    committer.commit([])  # the connection is open, and its settings are made
    with transactions(database) as ends:
        results, _ = committer.commit([Tells(each) for each in words])
    assert results == words
    assert ends == ["commit"]
    assert told(database) == words


def test_a_job_that_cannot_be_carried_out_costs_only_itself(database: Database) -> None:
    results, _ = Committer(database).commit([Tells("before"), Fails(), Tells("after")])
    assert reasons_of(results) == ["before", ValueError, "after"]
    assert told(database) == ["before", "after"]
    assert half_done(database) == 0


def test_a_job_that_cannot_be_loaded_for_costs_only_itself(database: Database) -> None:
    results, _ = Committer(database).commit([Tells("before"), NeedsTheImpossible(), Tells("after")])
    assert reasons_of(results) == ["before", KeyError, "after"]
    assert told(database) == ["before", "after"]


def test_a_job_that_only_the_commit_refuses_costs_only_itself(database: Database) -> None:
    committer = Committer(database)
    results, _ = committer.commit([Tells("before"), CannotBeCommitted(), Tells("after")])
    assert reasons_of(results) == ["before", IntegrityError, "after"]
    assert told(database) == ["before", "after"]
    assert committer.commit([Tells("later")])[0] == ["later"]


def test_nothing_is_promised_when_nothing_can_be_committed(database: Database) -> None:
    with a_disk_that_is_full(database):
        results, afterwards = Committer(database).commit([Tells("one"), Tells("two")])
    assert reasons_of(results) == [OSError, OSError]
    assert afterwards == []
    assert told(database) == []


def test_not_every_job_has_to_find_out_that_the_store_is_away(database: Database) -> None:
    tries = []

    def refuse(_: Connection) -> None:
        tries.append("commit")
        raise OperationalError("COMMIT", {}, Exception("the server closed the connection"))

    event.listen(database.engine, "commit", refuse)
    results, _ = Committer(database).commit([Tells(f"{number}") for number in range(50)])
    event.remove(database.engine, "commit", refuse)
    assert reasons_of(results) == [OperationalError] * 50
    assert len(tries) == 3  # all together, and two alone
    assert told(database) == []


def test_after_a_failure_ids_of_the_undone_transaction_are_not_used(database: Database) -> None:
    committer = Committer(database)
    with a_disk_that_is_full(database):
        committer.commit([Tells("lost")])
    committer.commit([Tells("kept")])
    assert Committer(database).commit([Tells("by another writer")])[0] == ["by another writer"]
    assert told(database) == ["kept", "by another writer"]


@frozen
class WantsTheRow(Job):
    """Locks the row of a branch; whoever holds it lets go before the second try."""

    tries: list[bool]
    holder: Connection

    def run(self, work: Work) -> str:
        if self.tries:
            self.holder.rollback()
        self.tries.append(True)
        work.database.execute(select(branches.c.id).with_for_update()).all()
        return "had it"


def test_a_batch_waits_for_nobody_and_then_takes_its_turn(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time, and no locks on rows")
    with database.writing() as connection:
        row = {"id": 1, "name": "q1", "password_store": "hash", "interim": 120, "timezone": "UTC", "created_at": 0}
        connection.execute(branches.insert(), row)
    committer, tries = Committer(database), list[bool]()
    with database.engine.connect() as holder:
        holder.execute(select(branches.c.id).with_for_update()).all()
        results, _ = committer.commit([Tells("before"), WantsTheRow(tries, holder), Tells("after")])
    assert (results, len(tries), committer.conflicts) == (["before", "had it", "after"], 2, 1)
    assert told(database) == ["before", "after"]


def test_nothing_at_all_is_no_failure(database: Database) -> None:
    assert Committer(database).commit([]) == ([], [])


# Its turns


class Deliveries:
    """What a writer handed back, batch by batch; nothing of it may be said before it is durable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.batches: list[list[Any]] = []
        self.durable: list[list[str]] = []

    def __call__(self, answers: list[tuple[Any, Any]], afterwards: list[Any]) -> None:
        self.durable.append(told(self._database))
        self.batches.append([])
        for done, result in answers:
            done(result)

    def keep(self, result: Any) -> None:
        self.batches[-1].append(result)


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def heard(database: Database) -> Deliveries:
    return Deliveries(database)


@pytest.fixture
def writer(database: Database, reactor: Reactor, heard: Deliveries) -> Writer:
    turns = Turns(reactor)
    return Writer(Committer(database, turns.in_thread), heard, turns)


@pytest.fixture
def writer_of_a_file(database: Database, writer: Writer) -> Writer:
    """A writer whose commit is waited for in another thread."""
    if not database.is_sqlite:
        pytest.skip("the commit of PostgreSQL is waited for by its socket")
    return writer


def test_what_is_queued_during_a_commit_is_the_next_batch(
    reactor: Reactor, heard: Deliveries, writer_of_a_file: Writer
) -> None:
    writer = writer_of_a_file
    writer.submit(Tells("first"), heard.keep)
    writer.start()  # and now the commit is on its way
    for word in ("a", "b", "c"):
        writer.submit(Tells(word), heard.keep)
    assert writer.waiting == 3
    assert heard.batches == []
    reactor.hear_thread()
    reactor.turn()
    assert heard.batches == [["first"]]
    writer.stop()
    assert heard.batches == [["first"], ["a", "b", "c"]]


def test_whoever_was_answered_is_waited_for_a_moment(
    reactor: Reactor, heard: Deliveries, writer_of_a_file: Writer
) -> None:
    answered_two(reactor, heard, writer_of_a_file)
    writer_of_a_file.submit(Tells("c"), heard.keep)
    reactor.turn()
    assert writer_of_a_file.waiting == 1
    writer_of_a_file.submit(Tells("d"), heard.keep)
    reactor.turn()
    assert writer_of_a_file.waiting == 0
    writer_of_a_file.stop()
    assert heard.batches == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(("took", "waits"), [(0.001, 0.001), (5, 0.002)])
def test_nobody_is_waited_for_longer_than_the_last_commit_took(
    reactor: Reactor, heard: Deliveries, writer_of_a_file: Writer, took: float, waits: float
) -> None:
    answered_two(reactor, heard, writer_of_a_file, took)
    writer_of_a_file.submit(Tells("c"), heard.keep)
    reactor.advance(waits * 0.9)
    assert writer_of_a_file.waiting == 1
    reactor.advance(waits * 0.2)
    assert writer_of_a_file.waiting == 0
    writer_of_a_file.stop()
    assert heard.batches == [["a", "b"], ["c"]]


def test_a_writer_that_stops_waits_for_nobody(reactor: Reactor, heard: Deliveries, writer_of_a_file: Writer) -> None:
    answered_two(reactor, heard, writer_of_a_file)
    writer_of_a_file.submit(Tells("c"), heard.keep)
    writer_of_a_file.stop()
    assert heard.batches == [["a", "b"], ["c"]]
    reactor.advance(1)


def answered_two(reactor: Reactor, heard: Deliveries, writer: Writer, took: float = 5) -> None:
    """Two jobs are answered, whose commit took so many seconds."""
    for word in ("a", "b"):
        writer.submit(Tells(word), heard.keep)
    writer.start()
    reactor.advance(took)
    reactor.hear_thread()
    reactor.turn()


class AsksForTheTemporary(Job):
    """Tells where SQLite keeps what is temporary: 2 is memory."""

    def run(self, work: Work) -> Any:
        return work.database.exec_driver_sql("PRAGMA temp_store").scalar()


def test_what_would_undo_a_statement_goes_to_no_file(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL keeps nothing of the kind")
    assert Committer(database).commit([AsksForTheTemporary()])[0] == [2]


def test_results_are_delivered_when_they_are_durable_and_not_before(heard: Deliveries, writer: Writer) -> None:
    writer.submit(Tells("a"), heard.keep)
    writer.submit(Tells("b"), heard.keep)
    writer.start()
    writer.stop()
    assert heard.batches == [["a", "b"]]
    assert heard.durable == [["a", "b"]]


def test_batches_that_hold_nobody_up_grow_to_the_largest(heard: Deliveries, writer: Writer) -> None:
    first = Portion().size
    for number in range(first + 2 * LARGEST + 1):
        writer.submit(Tells(str(number)), heard.keep)
    writer.start()
    writer.stop()
    assert [len(each) for each in heard.batches] == [first, 2 * first, LARGEST, LARGEST - 2 * first + 1]


def test_jobs_that_last_make_small_batches(reactor: Reactor, heard: Deliveries, writer: Writer) -> None:
    first = Portion().size
    for _ in range(first + 30):
        writer.submit(Lasts(reactor, 1 / 1024), heard.keep)
    writer.start()
    writer.stop()
    assert [len(each) for each in heard.batches] == [first, 30]


def test_a_writer_at_rest_begins_when_the_reactor_has_taken_what_came(
    reactor: Reactor, heard: Deliveries, writer: Writer
) -> None:
    writer.start()
    for word in ("a", "b"):
        writer.submit(Tells(word), heard.keep)
    assert writer.waiting == 2
    reactor.turn()
    assert writer.waiting == 0
    writer.stop()
    assert heard.batches == [["a", "b"]]


def test_a_writer_that_stops_carries_out_what_is_queued(database: Database, heard: Deliveries, writer: Writer) -> None:
    writer.start()
    writer.submit(Tells("first"), heard.keep)
    writer.submit(Tells("last"), heard.keep)
    writer.stop()
    assert told(database) == ["first", "last"]
