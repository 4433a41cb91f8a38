"""A server without sockets: packets in by hand, packets out into a list, jobs committed at once."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pyrad.packet import AcctPacket, AuthPacket
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from policy.connection import Connection
from policy.package import Package
from policy.quantities import Instant, Seconds
from radiusd.handlers.access import AccessHandler, Waiting
from radiusd.handlers.accounting import AccountingHandler
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.patience import Patience
from radiusd.handlers.returning import Returning
from radiusd.handlers.status import status
from radiusd.server.counters import Counters
from radiusd.server.nases import Nases
from radiusd.server.protocol import Handler, RadiusProtocol
from radiusd.store import accounts, branches, directory, outbox, packages, routers, sales
from radiusd.store.database import Database
from radiusd.store.memory import Memory
from radiusd.store.work import Afterwards
from radiusd.store.writer import Committer, Failed, Job
from radiusd.vault import Vault
from radiusd.wire.codes import Code
from tests.wire.given import DICTIONARY

NOON = Instant(1_795_262_400_000)
SECRET = b"a secret of sixteen"
SOURCE = ("10.0.0.1", 40000)
PHONE, TABLET = "AA:BB:CC:00:00:01", "AA:BB:CC:00:00:02"


class Wire:
    """Stands for a UDP transport; keeps what is written to it."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def write(self, octets: bytes, to: tuple[str, int]) -> None:
        self.sent.append((octets, to))


class Server:
    """One branch, one router at 10.0.0.1, nora with an hour for one device; `at` is what the clock shows."""

    def __init__(
        self,
        database: Database,
        *,
        hashes: bool = False,
        is_first: bool = True,
        memory: Memory | None = None,
        **router: Any,
    ) -> None:
        """`is_first`: nothing is stored yet. `memory` is what its writer remembers by."""
        self.at = NOON
        self.clock = Clock()
        self.database = database
        self.vault = Vault(bytes(32))
        self.committer = Committer(database)
        if memory is not None:
            self.committer.memory = memory
        self.counters = Counters(self.clock.seconds)
        self.cuts: list[Afterwards] = []
        self.committed: list[Job] = []
        self.slow_cuts: list[tuple[tuple[int, ...], Deferred[bool]]] | None = None
        self.slow_probes: list[tuple[tuple[Connection, ...], Deferred[bool]]] | None = None
        self.failures: list[tuple[Job, Exception]] = []
        self.held_back: list[tuple[Job, Callable[[Any], None]]] | None = None
        self.hashing: list[tuple[bytes, bytes, Callable[[bool | None], None]]] = []
        if is_first:
            with database.writing() as connection:
                self._fill(connection, hashes, router)
        self.nases = Nases()
        self.restart()

    def _fill(self, connection: Any, hashes: bool, router: dict[str, Any]) -> None:
        branch_id = branches.add(
            connection,
            "q1",
            NOON,
            password_store="hash" if hashes else "recoverable",
            interim=120,
            idle_timeout=300,
            timezone="UTC",
        )
        self.branch_id = branch_id
        self.add_router(connection, "r1", **router)
        packages.add(connection, Package(name="1h", time=Seconds(3600)), NOON)
        self.add_account(connection, "nora", "secret")

    def add_router(self, connection: Any, name: str, secret: bytes = SECRET, **settings: Any) -> int:
        """A router at 10.0.0.1, unless told otherwise."""
        sealed = routers.sealed(
            self.vault, secret=secret.decode(), mac_password_value=settings.pop("mac_password_value", None)
        )
        defaults = {
            "branch_id": self.branch_id,
            "network": "10.0.0.1/32",
            "kind": "mikrotik",
            "coa_port": 3799,
            "require_message_authenticator": "learn",
            "mac_password": "empty",
        }
        return routers.add(connection, self.vault, name, NOON, {**defaults, **sealed, **settings})

    def add_account(self, connection: Any, name: str, password: str, package: str = "1h") -> None:
        """A customer with a pass."""
        cafe = branches.cafe(connection, self.branch_id)
        accounts.add(connection, self.vault, name, password, cafe, NOON)
        buyer = accounts.buyer(connection, accounts.find(connection, name), NOON)
        sales.sell(connection, [buyer], packages.find(connection, package), NOON)

    def restart(self) -> None:
        """Everything in memory is new; the store stays."""
        self.committer.memory.clear()
        with self.database.reading() as connection:
            known = directory.load(connection, self.vault)
            boots = outbox.known_boots(connection)
        self.known = Known(known, self.nases)
        self.boots = Boots(boots, lambda job: self.submit(job, lambda _: None))
        self.patience = Patience(self.clock.callLater, lambda: self.at)
        waiting = Waiting(self, self, self.patience)
        self.returning = Returning(self.vault.class_key)
        lines = self.committer.memory.lines
        access = AccessHandler(
            self.known, self.submit, self._hash, self.boots, self.vault, self.counters, waiting, self.returning
        )
        accounting = AccountingHandler(
            self.known, self.submit, self.boots, self.vault, self.counters, lines, self.returning
        )
        self.auth = self._port({Code.ACCESS_REQUEST: access, Code.STATUS_SERVER: status(Code.ACCESS_ACCEPT)})
        self.acct = self._port(
            {Code.ACCOUNTING_REQUEST: accounting, Code.STATUS_SERVER: status(Code.ACCOUNTING_RESPONSE)}
        )

    def _port(self, handlers: dict[Code, Handler]) -> RadiusProtocol:
        port = RadiusProtocol(self.nases, handlers, self.counters, lambda: self.at)
        port.transport = Wire()  # type: ignore[assignment]
        return port

    def _hash(self, encoded: bytes, password: bytes, done: Callable[[bool | None], None]) -> None:
        self.hashing.append((encoded, password, done))

    def when_settled(self, connection_ids: Collection[int]) -> "Deferred[bool]":
        """Stands for the cutter: the connections are off at once, or when a test with `slow_cuts` says so."""
        if self.slow_cuts is None:
            return succeed(True)
        self.slow_cuts.append((tuple(connection_ids), Deferred()))
        return self.slow_cuts[-1][1]

    def when_over(self, connection_ids: Collection[int]) -> "Deferred[None]":
        """Stands for the cutter: the connections never end."""
        return Deferred()

    def find_ghosts(self, lines: Sequence[Connection]) -> "Deferred[bool]":
        """Stands for the prober: all live, unless a test with `slow_probes` says otherwise."""
        if self.slow_probes is None:
            return succeed(False)
        self.slow_probes.append((tuple(lines), Deferred()))
        return self.slow_probes[-1][1]

    def submit(self, job: Job, done: Callable[[Any], None]) -> None:
        """Commit at once, unless a test holds jobs back."""
        self.committed.append(job)
        if self.held_back is not None:
            self.held_back.append((job, done))
            return
        results, afterwards = self.committer.commit([job])
        self._forget_what_moved()
        self.carry_out(afterwards)
        self._note_failures([job], results)
        done(results[0])

    def carry_out(self, afterwards: list[Afterwards]) -> None:
        """Keep what is to be done."""
        self.cuts += afterwards

    def let_go(self) -> None:
        """Commit what was held back, as one batch."""
        held, self.held_back = self.held_back or [], None
        results, afterwards = self.committer.commit([job for job, _ in held])
        self._forget_what_moved()
        self.carry_out(afterwards)
        self._note_failures([job for job, _ in held], results)
        for (_, done), result in zip(held, results, strict=True):
            done(result)

    def _forget_what_moved(self) -> None:
        for each in self.committer.moved():
            self.returning.forget_passes(each.pass_ids)
            self.moved(each.pass_ids)

    def moved(self, pass_ids: Collection[int]) -> None:
        """Passes were changed, or their sessions were."""

    def look(self) -> None:
        """See that nobody else changed anything: from now on devices that come back are let in from memory."""
        self.returning.saw_store(self.at)

    def _note_failures(self, jobs: list[Job], results: list[Any]) -> None:
        self.failures += [
            (job, each.error) for job, each in zip(jobs, results, strict=True) if isinstance(each, Failed)
        ]

    def pass_time(self, seconds: float) -> None:
        """So much later."""
        self.at = Instant(self.at + int(seconds * 1000))
        self.clock.advance(seconds)

    def ask(self, octets: bytes, port: RadiusProtocol | None = None, source: tuple[str, int] = SOURCE) -> list[bytes]:
        """What is sent back for these octets."""
        port = port or (self.acct if octets[:1] == b"\x04" else self.auth)
        wire: Any = port.transport
        before = len(wire.sent)
        port.datagramReceived(octets, source)
        answers: Sequence[tuple[bytes, tuple[str, int]]] = wire.sent[before:]
        assert all(to == source for _, to in answers)
        return [octets for octets, _ in answers]

    def log_in(self, name: str = "nora", password: str = "secret", mac: str = PHONE, **more: Any) -> Any:
        """The verified reply to a PAP login, None if there is none."""
        request = a_login(name, password, mac, **more)
        answers = self.ask(request.RequestPacket())
        return verified(request, answers[0]) if answers else None

    def report(self, status_type: str, **more: Any) -> bool:
        """Whether a report was answered."""
        return bool(self.ask(a_report(status_type, **more).RequestPacket()))


def a_login(name: str = "nora", password: str = "secret", mac: str = PHONE, secret: bytes = SECRET, **more: Any) -> Any:
    """An Access-Request by pyrad, signed unless `signed=False`; `header` may fix `id` and `authenticator`."""
    signed = more.pop("signed", True)
    request = AuthPacket(secret=secret, dict=DICTIONARY, **more.pop("header", {}))
    request["User-Name"] = name
    request["User-Password"] = request.PwCrypt(password)
    request["Calling-Station-Id"] = mac
    request["NAS-Identifier"] = "r1"
    for attribute, value in more.items():
        request[attribute.replace("_", "-")] = value
    if signed:
        request.add_message_authenticator()
    return request


def a_report(status_type: str, secret: bytes = SECRET, **more: Any) -> Any:
    """An Accounting-Request by pyrad; `header` may fix `id`."""
    request = AcctPacket(secret=secret, dict=DICTIONARY, **more.pop("header", {}))
    request["Acct-Status-Type"] = status_type
    request["User-Name"] = "nora"
    request["NAS-Identifier"] = "r1"
    for attribute, value in more.items():
        request[attribute.replace("_", "-")] = value
    return request


def verified(request: Any, octets: bytes) -> Any:
    """The reply as pyrad reads it, its authenticator checked."""
    reply = request.CreateReply(packet=octets)
    assert request.VerifyReply(reply, octets)
    return reply
