"""The same packets for workers that remember, and for one that asks the store every time: the same rows must follow."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, define, frozen
from sqlalchemy import Connection, text

from policy.package import Package
from policy.quantities import Instant
from radiusd.handlers import classes
from radiusd.handlers.classes import ClassKey
from radiusd.store import packages
from radiusd.store.database import Database
from radiusd.store.memory import Memory
from radiusd.store.work import Work
from radiusd.store.writer import Job
from radiusd.vault import Vault
from tests.server.given import NOON, Server, a_login, a_report, verified

ACCEPT = 2
_KEY = Vault(bytes(32)).class_key


@frozen
class Fails(Job):
    """Cannot be carried out, and has its whole batch done again, job by job."""

    def run(self, work: Work) -> None:
        raise ValueError("no")


@define(eq=False)
class Online:
    """One stretch of a device at a router, as its router sees it; `named_by` is its Class in each world."""

    user: str
    device: str
    acct_session_id: str
    router: int
    since: Instant
    named_by: dict[str, bytes] = Factory(dict)
    octets: int = 0

    @property
    def source(self) -> tuple[str, int]:
        """Where the router sends from."""
        return (f"10.0.0.{1 + self.router}", 40000)


@frozen
class Said:
    """One report of a router, arrived at `at`."""

    line: Online
    kind: str
    at: Instant
    octets: int
    seconds: int
    more: Mapping[str, Any] = Factory(dict)


class World:
    """Workers over one store of their own, with a guest for each package, and two routers."""

    def __init__(self, name: str, database: Database, sold: Mapping[str, Package], workers: int) -> None:
        self.name = name
        self.database = database
        memory = Memory() if workers > 1 else Memory(0)
        self.workers = [Server(self.database, memory=memory)]
        with self.database.writing() as connection:
            self.workers[0].add_router(connection, "r2", network="10.0.0.2/32")
            for guest, package in sold.items():
                packages.add(connection, package, NOON)
                self.workers[0].add_account(connection, guest, "secret", package.name)
        self.workers[0].restart()
        self.workers += [Server(self.database, is_first=False) for _ in range(1, workers)]

    def hold(self, worker: int) -> None:
        """From now on what arrives waits, and is one batch."""
        self.workers[worker].held_back = self.workers[worker].held_back or []

    def let_go(self, worker: int) -> None:
        """Commit what waits."""
        server = self.workers[worker]
        if server.held_back is not None:
            server.let_go()
        assert all(isinstance(job, Fails) for job, _ in server.failures), server.failures

    def say(self, worker: int, said: Said) -> None:
        """A report arrives."""
        line = said.line
        named = {"Class": line.named_by[self.name]} if line.named_by else {}
        request = a_report(
            said.kind,
            User_Name=line.user,
            Calling_Station_Id=line.device,
            Acct_Session_Id=line.acct_session_id,
            Acct_Session_Time=said.seconds,
            Acct_Input_Octets=said.octets % 2**32,
            Acct_Output_Octets=0,
            Acct_Input_Gigawords=said.octets >> 32,
            Acct_Output_Gigawords=0,
            **named,
            **said.more,
        )
        self.workers[worker].at = said.at
        self.workers[worker].ask(request.RequestPacket(), source=line.source)

    def submit(self, worker: int, job: Job) -> None:
        """Something else arrives."""
        self.workers[worker].submit(job, _nobody_waits)

    def log_in(self, worker: int, line: Online) -> None:
        """Log in, in one batch with what waits."""
        server = self.workers[worker]
        server.at = line.since
        request = a_login(line.user, "secret", line.device, Acct_Session_Id=line.acct_session_id)
        server.ask(request.RequestPacket(), source=line.source)
        self.let_go(worker)
        wire: Any = server.auth.transport
        reply = verified(request, wire.sent[-1][0])
        if reply.code == ACCEPT:
            line.named_by[self.name] = reply["Class"][0]

    def write(self, do: Callable[[Connection], object]) -> None:
        """Somebody who is no worker changes something."""
        with self.database.writing() as connection:
            do(connection)

    @property
    def conflicts(self) -> int:
        """How often what was remembered was out of date."""
        return sum(each.committer.conflicts for each in self.workers)


def _nobody_waits(_: object) -> None:
    pass


def without_connection(named_by: bytes) -> bytes:
    """The Class of a login that was answered from memory: it names the session alone."""
    key = classes.read(named_by, _KEY)
    assert key is not None
    return classes.write(ClassKey(key.session_id, 0), _KEY)


_CONTENTS = {
    "passes": "SELECT a.name, p.package, p.first_login_at, p.extra_time, p.extra_data, p.uploaded, p.downloaded, "
    "p.seconds, p.held, p.is_open, CASE WHEN p.clock = 'wall' THEN p.wake_at END AS wake_at "
    "FROM passes p JOIN accounts a ON a.id = p.account_id",
    "sessions": "SELECT a.name, s.phase, s.device, s.slot, s.created_at, s.started_at, s.ended_at, s.end_reason, "
    "s.uploaded, s.downloaded, s.seconds FROM sessions s JOIN passes p ON p.id = s.pass_id "
    "JOIN accounts a ON a.id = p.account_id",
    "connections": "SELECT c.router_id, c.nas, c.nas_address, c.state, c.user_name, c.device, c.acct_session_id, "
    "c.key, c.framed_ip_address, c.opened_at, c.started_at, c.last_at, c.closed_at, c.closing, c.terminate_cause, "
    "c.uploaded, c.downloaded, c.seconds, c.loose, s.device AS of_device, s.started_at AS of_start "
    "FROM connections c LEFT JOIN sessions s ON s.id = c.session_id",
    "commands": "SELECT o.kind, o.outcome, o.created_at, c.key FROM commands o "
    "JOIN connections c ON c.id = o.connection_id",
    "decisions": "SELECT at, verdict, reason, name, device FROM decisions",
}


def contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """All that was decided, but for the numbers it goes by, and in one order."""
    found = {name: connection.execute(text(query)).mappings().all() for name, query in _CONTENTS.items()}
    return {name: sorted((dict(row) for row in rows), key=repr) for name, rows in found.items()}
