"""A server without sockets whose cuts, probes and changes are the real ones; the routers are told what to answer."""

from collections import deque
from random import Random
from typing import Any

from sqlalchemy import select
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from radiusd.changing import Changer
from radiusd.coa.client import DynamicAuthorizationClient
from radiusd.coa.ladder import FOR_A_CAFE
from radiusd.coa.orders import Answer, Order
from radiusd.coa.routeros import ApiAccess, ApiUnavailable, Guest, Removal
from radiusd.cutting import Client, Cutter
from radiusd.jobs.cuts import TakeUpJob
from radiusd.ordering import Orders
from radiusd.probing import Prober
from radiusd.store import live, outbox
from radiusd.store.database import Database
from radiusd.store.schema import commands, connections, sessions
from radiusd.store.work import Afterwards
from tests.coa.given import Network
from tests.server.given import PHONE, Server
from tests.wire.given import DICTIONARY


class Routers:
    """Stands for the client: keeps what is asked; `answers` are given in turn, and None is silence so far."""

    def __init__(self) -> None:
        self.asked: list[Order] = []
        self.forgotten: list[Order] = []
        self.answers: deque[Answer | None] = deque()
        self.waiting: dict[int, Deferred[Answer]] = {}

    def request(self, order: Order) -> "Deferred[Answer]":
        self.asked.append(order)
        answer = self.answers.popleft() if self.answers else None
        if answer is not None:
            return succeed(answer)
        self.waiting[order.key] = Deferred()
        return self.waiting[order.key]

    def forget(self, order: Order) -> None:
        self.forgotten.append(order)
        self.waiting.pop(order.key, None)

    def answer(self, answer: Answer, number: int = -1) -> None:
        """The order asked as `number` is answered now."""
        self.waiting.pop(self.asked[number].key).callback(answer)


class Api:
    """Stands for the RouterOS API of every router."""

    def __init__(self) -> None:
        self.asked: list[tuple[ApiAccess, Guest]] = []
        self.result: Removal | str = Removal(found=1, cookies=1, flows=0, is_gone=True)

    def remove(self, access: ApiAccess, guest: Guest) -> "Deferred[Removal]":
        self.asked.append((access, guest))
        if isinstance(self.result, str):
            return fail(ApiUnavailable(self.result))
        return succeed(self.result)


class CuttingServer(Server):
    """nora is at 10.0.0.1 with an hour; `orders` carries out what is committed, as the running server does."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.routers = Routers()
        self.client: Client = self.routers
        self.api = Api()
        self.pace = FOR_A_CAFE
        super().__init__(database, **more)

    def restart(self) -> None:
        """Everything in memory is new; the store stays."""
        super().restart()
        self.cutter = Cutter(
            self.client, self.api, self.clock, self.known, self.submit, lambda: self.at, self.counters, self.pace
        )
        self.prober = Prober(self.client, self.cutter, self.known, self.submit, lambda: self.at, self.counters)
        changer = Changer(self.client, self.known, self.submit, lambda: self.at, self.counters)
        self.orders = Orders(self.cutter, changer)

    def die(self) -> None:
        """All that is under way ends without a word, and another server starts on the same store."""
        self.clock = Clock()
        self.restart()

    def use_network(self) -> Network:
        """Routers are asked over sockets from now on; nobody answers there."""
        self.clock = network = Network()
        self.client = DynamicAuthorizationClient(
            network, DICTIONARY, lambda: self.at, Random(3), self.counters.count, interface="10.0.0.9"
        )
        self.restart()
        return network

    def carry_out(self, afterwards: list[Afterwards]) -> None:
        self.orders.carry_out(afterwards)

    def when_settled(self, connection_ids: Any) -> "Deferred[bool]":
        return self.cutter.when_settled(connection_ids)

    def when_over(self, connection_ids: Any) -> "Deferred[None]":
        return self.cutter.when_over(connection_ids)

    def find_ghosts(self, lines: Any) -> "Deferred[bool]":
        return self.prober.find_ghosts(lines)

    # What happens in the café

    def come_online(self, name: str = "nora", mac: str = PHONE, number: int = 1, password: str = "secret") -> Any:
        """Log in and have the router report the start."""
        named = {"Acct_Session_Id": f"8010000{number}", "Framed_IP_Address": f"10.5.0.{number + 1}"}
        reply = self.log_in(name, password, mac, **named)
        assert reply is not None
        if reply.code == 2:
            self.report("Start", User_Name=name, Class=reply["Class"][0], **named)
        return reply

    def stop(self, number: int = 1, name: str = "nora") -> None:
        """The router's Stop, with the cause of an order."""
        self.report("Stop", User_Name=name, Acct_Session_Id=f"8010000{number}", Acct_Terminate_Cause=6)

    def cut(self, session_id: int = 1) -> None:
        """An administrator cuts a session, and the server sees it."""
        with self.database.writing() as connection:
            live.cut(connection, session_id, "smoking", self.at)
        self.look()

    def look(self) -> None:
        """What the watch does ten times a second."""
        with self.database.reading() as connection:
            seen = outbox.look(connection, self.vault, None, self.at)
        if seen.directory is not None:
            self.known.replace(seen.directory)
        due = tuple(each for each in seen.due if not self.orders.is_busy_with(each))
        self.submit(TakeUpJob(due, self.at), self.orders.carry_out)

    def turn(self, seconds: float) -> None:
        """Time goes by in steps of 10 ms."""
        for _ in range(round(seconds * 100)):
            self.pass_time(0.01)

    # What is stored of it

    def wishes(self) -> list[Any]:
        """The stored commands."""
        with self.database.reading() as connection:
            return list(connection.execute(select(commands).order_by(commands.c.id)))

    def wish(self) -> Any:
        """The only one."""
        (only,) = self.wishes()
        return only

    def lines(self) -> list[tuple[str, str | None]]:
        """State and closing of every connection."""
        with self.database.reading() as connection:
            found = connection.execute(select(connections.c.state, connections.c.closing).order_by(connections.c.id))
            return [(row[0], row[1]) for row in found]

    def phases(self) -> list[tuple[str, str | None]]:
        """Phase and reason of every session."""
        with self.database.reading() as connection:
            found = connection.execute(select(sessions.c.phase, sessions.c.end_reason).order_by(sessions.c.id))
            return [(row[0], row[1]) for row in found]
