"""Where each microsecond of a packet goes: one process, no sockets, the CPU time of each step of a packet's way.

The same objects as in a running server take the same octets, in batches as they come under load: all of a batch are
received, then committed, then answered. A step is timed around the function that does it, which itself takes about half
a microsecond for each time it is called.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from policy.quantities import Instant
from radiusd.app import wall_clock
from radiusd.bench.filling import fill
from radiusd.bench.guests import PASSWORD, SECRET, USER
from radiusd.handlers.access import AccessHandler, Waiting
from radiusd.handlers.accounting import AccountingHandler
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.patience import Patience
from radiusd.handlers.returning import Returning
from radiusd.jobs.access import AccessJob
from radiusd.jobs.accounting import AccountingJob, InterimJob
from radiusd.server import protocol
from radiusd.server.counters import Counters
from radiusd.server.duplicates import Duplicates
from radiusd.server.nases import Nases
from radiusd.server.protocol import RadiusProtocol
from radiusd.store import directory
from radiusd.store.database import Database
from radiusd.store.work import Work
from radiusd.store.writer import Committer
from radiusd.vault import Vault
from radiusd.virtual_router.packets import (
    Counters as Counted,
)
from radiusd.virtual_router.packets import (
    Identity,
    Line,
    access_request,
    accounting_request,
)
from radiusd.wire.attributes import Attribute
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.packet import decode

BATCH = 64
_SECRET = SECRET.encode()
_ROUTER = Identity(name="path", address="127.0.0.1")

STEPS: tuple[tuple[str, tuple[tuple[Any, str], ...]], ...] = (
    ("seen before?", ((Duplicates, "find"), (Duplicates, "begin"), (Duplicates, "finish"))),
    ("decode", ((protocol, "decode"),)),
    ("verify", ((protocol, "_sender"),)),
    ("from memory", ((Returning, "answer"),)),
    ("translate, submit", ((AccessHandler, "__call__"), (AccountingHandler, "__call__"))),
    ("load", ((Work, "prepare"),)),
    ("decide", ((AccessJob, "run"), (AccountingJob, "run"), (InterimJob, "run"))),
    ("write", ((Work, "save"),)),
    ("remember", ((Work, "remember"),)),
    ("sign", ((protocol, "_signed"),)),
)
"""Each step, and what does it; a step within another counts as itself alone."""
REST_OF_READING, REST_OF_WRITING = "the rest of reading and answering", "begin, commit"

Datagram = tuple[bytes, tuple[str, int]]


@frozen
class Figure:
    """Microseconds of CPU for each packet of a kind, step by step."""

    kind: str
    steps: dict[str, float]

    @property
    def total(self) -> float:
        """All steps."""
        return sum(self.steps.values())


class _Stopwatch:
    """Adds up the CPU time of this thread by step; whoever is called within a step stops its clock."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._current: str | None = None
        self._since = 0

    def enter(self, step: str | None) -> str | None:
        """`step` goes on from here; gives what did before."""
        now = time.thread_time_ns()
        if self._current is not None:
            self.spent[self._current] += now - self._since
        before, self._current, self._since = self._current, step, now
        return before


@contextmanager
def _timed(watch: _Stopwatch) -> Iterator[None]:
    undone: list[tuple[Any, str, Any]] = []
    for step, places in STEPS:
        for place, name in places:
            original = getattr(place, name)
            undone.append((place, name, original))
            setattr(place, name, _wrapped(original, step, watch))
    try:
        yield
    finally:
        for place, name, original in undone:
            setattr(place, name, original)


def _wrapped(function: Callable[..., Any], step: str, watch: _Stopwatch) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        before = watch.enter(step)
        try:
            return function(*args, **kwargs)
        finally:
            watch.enter(before)

    return timed


class _Server:
    """What a server is without its sockets and threads."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._queue: list[tuple[Any, Callable[[Any], None]]] = []
        self.sent: list[Datagram] = []
        self._committer = Committer(database)
        with database.reading() as connection:
            known_directory = directory.load(connection, vault)
        nases, counters = Nases(), Counters(time.monotonic)
        known = Known(known_directory, nases)
        self._returning = Returning(vault.class_key)
        boots = Boots({}, lambda job: self._submit(job, lambda _: None))
        nobody: Any = None
        waiting = Waiting(nobody, nobody, Patience(nobody, wall_clock))
        access = AccessHandler(known, self._submit, nobody, boots, vault, counters, waiting, self._returning)
        lines = self._committer.memory.lines
        accounting = AccountingHandler(known, self._submit, boots, vault, counters, lines, self._returning)
        self._ports = {
            1: RadiusProtocol(nases, {Code.ACCESS_REQUEST: access}, counters, wall_clock),
            4: RadiusProtocol(nases, {Code.ACCOUNTING_REQUEST: accounting}, counters, wall_clock),
        }
        transport: Any = self
        for port in self._ports.values():
            port.transport = transport

    def write(self, datagram: bytes, address: tuple[str, int]) -> None:
        """As a port would."""
        self.sent.append((datagram, address))

    def _submit(self, job: Any, done: Callable[[Any], None]) -> None:
        self._queue.append((job, done))

    def forget_returns(self) -> None:
        """Nobody came back: a Stop of the first line ends the session."""
        self._returning.clear()

    def take(self, datagrams: list[Datagram], watch: _Stopwatch) -> None:
        """A batch, from its octets to its answers."""
        self._returning.saw_store(wall_clock())
        watch.enter(REST_OF_READING)
        for datagram, source in datagrams:
            self._ports[datagram[0]].datagramReceived(datagram, source)
        while self._queue:
            queue, self._queue = self._queue, []
            watch.enter(REST_OF_WRITING)
            results, _ = self._committer.commit([job for job, _ in queue])
            watch.enter(REST_OF_READING)
            for (_, done), result in zip(queue, results, strict=True):
                done(result)
        watch.enter(None)


def measure(url: str, packets: int, shows: Callable[[str], None]) -> list[Figure]:
    """What a packet of each kind costs, over so many of each. The database at `url` is empty, and full afterwards."""
    database, vault = Database(url), Vault(bytes(32))
    try:
        shows("filling the store")
        fill(database, vault, packets, Instant(wall_clock() - 1000), lambda _: None)
        return list(_figures(_Server(database, vault), packets, shows))
    finally:
        database.close()


def _figures(server: _Server, packets: int, shows: Callable[[str], None]) -> Iterator[Figure]:
    lines = [_line(number, 1) for number in range(packets)]
    firsts = [_login(each, number) for number, each in enumerate(lines)]
    yield _figure("first login", server, firsts, shows)
    classes = [decode(octets).values[Attribute.CLASS] for octets, _ in server.sent]
    yield _figure("duplicate of it", server, firsts, shows)
    again = [_login(_line(number, 2), number) for number in range(packets)]
    yield _figure("login of a device that comes back", server, again, shows)
    server.forget_returns()
    lines = [_line(number, 1, named) for number, named in enumerate(classes)]
    yield _figure("Start", server, [_report(each, n, AcctStatusType.START, 0) for n, each in enumerate(lines)], shows)
    interim = AcctStatusType.INTERIM_UPDATE
    _figure("", server, [_report(each, n, interim, 1) for n, each in enumerate(lines)], lambda _: None)
    yield _figure("Interim-Update", server, [_report(each, n, interim, 2) for n, each in enumerate(lines)], shows)
    yield _figure("Stop", server, [_report(each, n, AcctStatusType.STOP, 3) for n, each in enumerate(lines)], shows)


def _figure(kind: str, server: _Server, datagrams: list[Datagram], shows: Callable[[str], None]) -> Figure:
    shows(kind)
    watch = _Stopwatch()
    server.sent.clear()
    with _timed(watch):
        for first in range(0, len(datagrams), BATCH):
            server.take(datagrams[first : first + BATCH], watch)
    if len(server.sent) != len(datagrams):
        raise AssertionError(f"{kind}: {len(server.sent)} answers to {len(datagrams)} packets")
    return Figure(kind, {step: spent / 1000 / len(datagrams) for step, spent in watch.spent.items()})


def _line(number: int, visit: int, class_: bytes | None = None) -> Line:
    mac = f"02:00:00:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}"
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    numbered = 0x80100000 + visit * 0x10000 + number
    return Line(number=numbered, user_name=USER % number, mac=mac, address=address, class_=class_)


def _source(number: int) -> tuple[str, int]:
    return "127.0.0.1", 40_000 + number // 200


def _login(line: Line, number: int) -> Datagram:
    password = (PASSWORD % number).encode()
    octets = access_request(number % 200, os.urandom(16), line, _ROUTER, password, _SECRET, chap=False)
    return octets, _source(number)


def _report(line: Line, number: int, status: AcctStatusType, count: int) -> Datagram:
    counted = Counted(octets_in=1000 * count, octets_out=9000 * count, seconds=count).attributes(gigawords=True)
    cause = 1 if status is AcctStatusType.STOP else None
    octets = accounting_request(
        number % 200, status, line, _ROUTER, _SECRET, wall_clock() // 1000, counted if count else b"", cause
    )
    return octets, _source(number)


def table(figures: list[Figure]) -> str:
    """The figures, a step in each line."""
    steps = [REST_OF_READING, *(step for step, _ in STEPS), REST_OF_WRITING]
    head = "| microseconds of CPU | " + " | ".join(each.kind for each in figures) + " |"
    rule = "| --- | " + " | ".join("---:" for _ in figures) + " |"
    rows = [_row(step, [each.steps.get(step, 0.0) for each in figures]) for step in steps]
    return "\n".join([head, rule, *rows, _row("**all**", [each.total for each in figures])])


def _row(name: str, values: list[float]) -> str:
    return f"| {name} | " + " | ".join(f"{each:.1f}" if each >= 0.05 else "" for each in values) + " |"
