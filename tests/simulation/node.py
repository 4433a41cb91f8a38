"""One server: the real handlers, policy, writer's work, watch and cutter, on a store that it shares with others.

What is built here follows radiusd/app.py, and nothing else in the simulation builds a part of a server. Threads are the
only thing that is not real: a batch is committed at one instant and its results come at a later one, and a crash may
come between the two.
"""

from collections.abc import Callable
from functools import cache
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Protocol

from attrs import evolve
from pyrad.dictionary import Dictionary
from twisted.internet.defer import Deferred, fail

from policy.quantities import Instant
from radiusd.changing import Changer
from radiusd.coa.client import DynamicAuthorizationClient
from radiusd.coa.routeros import ApiAccess, ApiUnavailable, Guest, Removal
from radiusd.cutting import Cutter
from radiusd.following import Following
from radiusd.handlers.access import AccessHandler, Waiting
from radiusd.handlers.accounting import AccountingHandler
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.patience import Patience
from radiusd.handlers.returning import Returning
from radiusd.handlers.status import status
from radiusd.jobs.cuts import HurryJob, VoidLeasesJob
from radiusd.ordering import Orders
from radiusd.probing import Prober
from radiusd.server.counters import Counters
from radiusd.server.nases import Nases
from radiusd.server.protocol import Handler, RadiusProtocol
from radiusd.store import directory, feed, outbox, revisions
from radiusd.store.outbox import Seen
from radiusd.store.portions import LARGEST
from radiusd.store.work import Afterwards, Moved
from radiusd.store.writer import Committer, Job
from radiusd.vault import Vault
from radiusd.watching import EVERY, Watch
from radiusd.wire import dictionary
from radiusd.wire.codes import Code
from tests.simulation.clock import Clock, Life, NodeClock, Timer

AUTH, ACCT = 1812, 1813
Done = Callable[[Any], None]
Address = tuple[str, int]


@cache
def names() -> Dictionary:
    """The dictionary, read once."""
    return dictionary.load(Path(__file__).parents[2] / "dictionaries" / "dictionary")


class World(Protocol):
    """What a node is in."""

    clock: Clock
    random: Random
    version: int
    """Of the store: how often somebody wrote."""
    database: Any
    vault: Vault

    @property
    def commit_takes(self) -> int: ...

    def wrote(self) -> None: ...

    def nothing_until(self) -> float: ...

    def send(self, octets: bytes, source: Address, to: Address, sender: "Node") -> None: ...

    def committed(self, node: "Node", jobs: list[Job], results: list[Any]) -> None: ...

    def trouble(self, where: str, node: "Node") -> bool: ...

    def is_alone(self, node: "Node") -> bool: ...


class _Transport:
    """A UDP socket of a node."""

    def __init__(self, node: "Node", port: int) -> None:
        self._node = node
        self.port = port

    def write(self, octets: bytes, to: Address) -> None:
        """Send."""
        if not self._node.life.is_over:
            self._node.world.send(octets, (self._node.address, self.port), to, self._node)


class _Socket:
    """What a reactor gives for `listenUDP`."""

    def __init__(self, node: "Node", port: int, protocol: Any) -> None:
        self.protocol = protocol
        self._node = node
        self._port = port

    def stopListening(self) -> None:
        """Hear no more."""
        self._node.sockets.pop(self._port, None)


class _NoApi:
    """Stands for the RouterOS API: no router here has one."""

    def remove(self, access: ApiAccess, guest: Guest) -> "Deferred[Removal]":
        return fail(ApiUnavailable("nobody listens"))


class Unnoticed:
    """A node's clock for what happens all the time and does little: it is no step."""

    def __init__(self, clock: NodeClock) -> None:
        self._clock = clock
        self.seconds = clock.seconds

    def callLater(self, delay: float, call: Callable[..., Any], *args: Any, **named: Any) -> Timer:
        """Later."""
        timer = self._clock.callLater(delay, call, *args, **named)
        timer.is_step = False
        return timer


class Looking:
    """The clock of a node's looks at the store. Looks that would see nothing are left out, until somebody writes.

    What such a look would have done is made up for before the node does anything else: it knows that the store was as
    it knows it when it would have looked last.
    """

    def __init__(self, node: "Node", clock: NodeClock) -> None:
        self._node = node
        self._clock = clock
        self.seconds = clock.seconds
        self.times = 1
        self._parked: Timer | None = None
        self._due = self._every = 0

    def callLater(self, delay: float, call: Callable[..., Any], *args: Any, **named: Any) -> Timer:
        """The next look; if there is nothing to see, when there may be."""
        timer = self._clock.callLater(delay * self.times, call, *args, **named)
        timer.is_step = False
        nothing_until = self._node.nothing_until()
        if nothing_until > timer.at:
            self._due, self._every = timer.at, round(EVERY * 1_000 * self.times)
            timer.cancel()
            self._parked = timer
            if nothing_until < inf:
                self._parked = self._go_on_at(int(nothing_until))
        return timer

    def _go_on_at(self, at: int) -> Timer:
        """Look when the first look is due that is not before `at`."""
        parked, now = self._parked, self._node.world.clock.at
        assert parked is not None
        waits = max(0, -(-(at - self._due) // self._every)) * self._every
        timer = self._node.world.clock.later(
            self._due + waits - now, self._looks, parked.call, parked.args, life=self._node.life
        )
        timer.is_step = False
        return timer

    def _looks(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._parked = None
        call(*args)

    def catch_up(self) -> None:
        """The looks that were left out have been."""
        now = self._node.world.clock.at
        if self._parked is not None and now >= self._due:
            missed = (now - self._due) // self._every
            self._node.saw_again(Instant(self._due + missed * self._every))
            self._due += (missed + 1) * self._every

    def wake(self) -> None:
        """Somebody is about to write: the next look is to be."""
        if self._parked is None:
            return
        self.catch_up()
        parked = self._parked
        parked.cancel()
        if parked.call == self._looks:
            parked.call, parked.args = parked.args
        self._go_on_at(self._node.world.clock.at)
        self._parked = None


class Node:
    """A server of number `number`; `life` is the present one, and `lives` counts them."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.address = f"10.9.0.{number + 1}"
        self.life = Life()
        self.life.is_over = True
        self.lives = 0
        self.born_at = 0
        self.sockets: dict[int, RadiusProtocol | Any] = {}

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return not self.life.is_over

    def crash(self) -> None:
        """Everything in memory is lost at once, and what is on its way with it."""
        self.life.is_over = True
        self.sockets = {}

    def hear(self, octets: bytes, source: Address, port: int) -> None:
        """A datagram came to one of its sockets."""
        protocol = self.sockets.get(port)
        if protocol is not None:
            self.looking.catch_up()
            protocol.datagramReceived(octets, source)

    # Building

    def start(self, look_every: int) -> None:
        """Begin anew on the store as it is."""
        world = self.world
        self.lives += 1
        self.born_at = world.clock.at
        self.life = Life()
        self.clock = NodeClock(world.clock, self.life, self._open)
        self._next_port = 50_000
        self._seen: Seen | None = None
        self._seen_version, self._nothing_until = 0, 0.0
        self.looking = Looking(self, self.clock)
        now = world.clock.now
        with world.database.reading() as connection:
            revision = revisions.current(connection)
            known_directory = directory.load(connection, world.vault)
            boots = outbox.known_boots(connection)
        with world.database.writing() as connection:
            own = feed.begin(connection, now())
        world.wrote()
        self.counters = Counters(self.clock.seconds)
        self.nases = Nases()
        self.known = Known(known_directory, self.nases)
        self.committer = Committer(world.database)
        self.writer = _Writer(self, self.committer)
        submit = self.submit
        self.returning = Returning(world.vault.class_key)
        self.following = Following(self.returning, own, submit, lambda: self.writer.waiting, now)
        self.committer.tell = self.following.tell
        client = DynamicAuthorizationClient(
            self.clock, names(), now, Random(world.random.getrandbits(32)), self.counters.count
        )
        self.cutter = Cutter(client, _NoApi(), self.clock, self.known, submit, now, self.counters)
        prober = Prober(client, self.cutter, self.known, submit, now, self.counters)
        changer = Changer(client, self.known, submit, now, self.counters)
        self.orders = Orders(self.cutter, changer)
        self.nases.when_back = lambda router_id, at: submit(HurryJob(router_id, at), _nobody_waits)
        self.boots = Boots(boots, lambda job: submit(job, _nobody_waits))
        self.watch = Watch(self._look, revision, self.known, self.orders, submit, now, self._saw)
        self._serve(Waiting(self.cutter, prober, Patience(self.clock.callLater, now)))
        if world.is_alone(self):
            submit(VoidLeasesJob(now()), _nobody_waits)
        self.looking.times = look_every
        self.watch.start(self.looking)  # type: ignore[arg-type]
        self.following.start(Unnoticed(self.clock))  # type: ignore[arg-type]

    def _serve(self, waiting: Waiting) -> None:
        vault, submit = self.world.vault, self.submit
        access = AccessHandler(
            self.known, submit, _no_hashes, self.boots, vault, self.counters, waiting, self.returning
        )
        lines = self.committer.memory.lines
        accounting = AccountingHandler(self.known, submit, self.boots, vault, self.counters, lines, self.returning)
        self._listen(AUTH, {Code.ACCESS_REQUEST: access, Code.STATUS_SERVER: status(Code.ACCESS_ACCEPT)})
        self._listen(ACCT, {Code.ACCOUNTING_REQUEST: accounting, Code.STATUS_SERVER: status(Code.ACCOUNTING_RESPONSE)})

    def _listen(self, port: int, handlers: dict[Code, Handler]) -> None:
        protocol = RadiusProtocol(self.nases, handlers, self.counters, self.world.clock.now)
        protocol.transport = _Transport(self, port)  # type: ignore[assignment]
        self.sockets[port] = protocol

    def _open(self, protocol: Any) -> _Socket:
        """A socket for orders to a router, at a port of its own."""
        port = self._next_port = self._next_port + 1
        protocol.transport = _Transport(self, port)
        self.sockets[port] = protocol
        return _Socket(self, port, protocol)

    # The store

    def submit(self, job: Job, done: Done) -> None:
        """Have a job committed; `done` gets its result, or Failed."""
        self.writer.submit(job, done)

    def _look(self, revision: int, at: Instant) -> "Deferred[Seen]":
        """What the store has to say, read and heard of a little later, as by a thread."""
        clock, takes = self.world.clock, self.world.commit_takes
        following = self.following.asks
        looked: Deferred[Seen] = Deferred()

        def read() -> None:
            self._seen, self._seen_version = None, self.world.version
            with self.world.database.reading() as connection:
                seen = outbox.look(connection, self.world.vault, revision, at, following)
            self._nothing_until = self.world.nothing_until()
            later(came, seen).is_step = False

        def came(seen: Seen) -> None:
            self._seen = seen
            looked.callback(seen)

        def later(call: Callable[..., Any], *args: Any) -> Timer:
            return clock.later(self.world.random.randint(0, takes), call, *args, life=self.life)

        later(read)
        return looked

    def nothing_until(self) -> float:
        """Until when a look sees nothing, if nobody writes."""
        return self._nothing_until if self._seen is not None and self._seen_version == self.world.version else 0.0

    def saw_again(self, at: Instant) -> None:
        """A look at `at` saw a store that nobody had written to."""
        assert self._seen is not None
        self.following.saw(_again(self._seen, at), at)

    def _saw(self, seen: Seen, at: Instant) -> None:
        self.following.saw(seen, at)

    def delivered(self, answers: list[tuple[Done, Any]], afterwards: list[Afterwards]) -> None:
        """What a commit came to is known."""
        # A Disconnect is on the wire before the Access-Accept that took the place.
        self.orders.carry_out(afterwards)
        for each in afterwards:
            if isinstance(each, Moved):
                self.returning.forget_passes(each.pass_ids)
        for done, result in answers:
            done(result)
            if self.life.is_over or self.world.trouble("between two answers", self):
                return


class _Writer:
    """Commits what waits as one batch, with a moment before the commit and one after it."""

    def __init__(self, node: Node, committer: Committer) -> None:
        self._node = node
        self._committer = committer
        self._queue: list[tuple[Job, Done]] = []
        self._is_busy = False
        self._told_at = 0

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, job: Job, done: Done) -> None:
        self._queue.append((job, done))
        if not self._is_busy:
            self._is_busy = True
            self._later(self._commit)

    def _later(self, call: Callable[..., None], *args: Any) -> None:
        world = self._node.world
        world.clock.later(world.random.randint(0, world.commit_takes), call, *args, life=self._node.life)

    def _commit(self) -> None:
        node, world = self._node, self._node.world
        batch, self._queue = self._queue[:LARGEST], self._queue[LARGEST:]
        if world.trouble("before the commit", node):
            return
        jobs = [job for job, _ in batch]
        results, afterwards = self._committer.commit(jobs)
        heard = [*afterwards, *self._committer.moved()]
        world.committed(node, jobs, results)
        if world.trouble("after the commit", node):
            return
        answers = [(done, result) for (_, done), result in zip(batch, results, strict=True)]
        # Results are heard of in the order of their commits.
        self._told_at = max(self._told_at, world.clock.at + world.random.randint(0, world.commit_takes))
        world.clock.later(self._told_at - world.clock.at, node.delivered, answers, heard, life=node.life)
        if self._queue:
            self._later(self._commit)
        else:
            self._is_busy = False


def _again(seen: Seen, at: Instant) -> Seen:
    """What a look at a store sees that nobody has written to since `seen`."""
    changes = seen.changes
    if changes is not None:
        changes = evolve(changes, pass_ids=frozenset(), position=evolve(changes.position, at=at))
    return evolve(seen, directory=None, due=(), waking=(), changes=changes)


def _no_hashes(encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None:
    raise AssertionError("no branch here keeps passwords as hashes")


def _nobody_waits(_: object) -> None:
    pass
