"""A town of cafés in memory: routers that lose power and Stops, phones that roam and change their MACs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field, frozen
from sqlalchemy import event
from twisted.internet.defer import Deferred, succeed

from policy.package import Package
from policy.quantities import Seconds
from radiusd.coa.orders import Acknowledged, Answer, Order, Refused
from radiusd.store import packages
from radiusd.store.database import Database
from radiusd.wire.codes import Code
from tests.cutting.given import CuttingServer
from tests.server.given import a_login, a_report, verified

SECRETS = [f"the secret of r{number}".encode() for number in range(4)]


@frozen
class Active:
    """A row in a router's list of who is logged in."""

    user: str
    mac: str
    address: str
    class_: bytes


@define
class Box:
    """A router: its list is the truth, whatever the server believes."""

    number: int
    says_406: bool
    boot: int = 1
    last: int = 0
    active: dict[str, Active] = field(factory=dict)

    @property
    def source(self) -> tuple[str, int]:
        return f"10.0.1.{self.number}", 40_000

    def new_id(self) -> str:
        self.last += 1
        return f"80{self.boot:x}{self.last:05x}"

    def lose_power(self) -> None:
        """No Stop is sent, and ids count in the next boot."""
        self.active.clear()
        self.boot, self.last = (self.boot + 1) % 16, 0


@define
class Phone:
    """One of a customer's devices, as it is now."""

    mac: str
    at: int = 0
    session: str = ""


@define
class Customer:
    """Has as many phones as places were sold."""

    name: str
    phones: list[Phone]


def open_town(path: Path, seed: int, customers: int = 60) -> "TownServer":
    """A town with a store at `path`, which nobody needs after a power cut."""
    database = Database(f"sqlite:///{path}")

    @event.listens_for(database.engine, "connect")
    def hurry(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    database.migrate()
    return TownServer(database, seed, customers)


class TownServer(CuttingServer):
    """Its routers are the boxes, which answer orders out of their lists."""

    def __init__(self, database: Database, seed: int, customers: int) -> None:
        self.random = Random(seed)
        self.boxes = [Box(number, says_406=number % 2 == 1) for number in range(len(SECRETS))]
        self.to_report: list[tuple[Box, str, Active]] = []
        self.macs = 0
        super().__init__(database)
        with database.writing() as connection:
            for box, secret in zip(self.boxes, SECRETS, strict=True):
                self.add_router(connection, f"box{box.number}", secret=secret, network=f"{box.source[0]}/32")
            for places in (1, 2, 3):
                month = Package(name=f"month for {places}", time=Seconds(30 * 86_400), devices=places)
                packages.add(connection, month, self.at)
            self.customers = [self._customer(connection, number) for number in range(customers)]
        self.restart()

    def _customer(self, connection: Any, number: int) -> Customer:
        places = number % 3 + 1
        self.add_account(connection, f"guest{number}", "word", package=f"month for {places}")
        return Customer(f"guest{number}", [Phone(self.new_mac()) for _ in range(places)])

    def restart(self) -> None:
        super().restart()
        self.routers.request = self.order  # type: ignore[method-assign]

    def new_mac(self) -> str:
        self.macs += 1
        return ":".join(f"{each:02X}" for each in (0x02, 0xAA, *self.macs.to_bytes(4)))

    def order(self, order: Order) -> "Deferred[Answer]":
        """A router does as it is told, if it has such a session."""
        box = next(each for each in self.boxes if each.source[0] == order.target.address)
        row = box.active.get(order.acct_session_id or "")
        if row is None:
            return succeed(Refused(406 if box.says_406 else 503, 1, 1))
        if order.code == Code.DISCONNECT_REQUEST:
            self.to_report.append((box, order.acct_session_id or "", box.active.pop(order.acct_session_id or "")))
        return succeed(Acknowledged(1, 1))

    # What happens

    def come(self, customer: Customer, phone: Phone, at: int) -> bool:
        """The phone logs in at a box; whether it was let in."""
        box = self.boxes[at]
        session = box.new_id()
        address = f"10.5.{at}.{int(phone.mac[-2:], 16) % 250 + 1}"
        request = a_login(
            customer.name,
            "word",
            phone.mac,
            SECRETS[at],
            Acct_Session_Id=session,
            Framed_IP_Address=address,
            NAS_Port=int(session, 16),
            header={},
        )
        request["NAS-Identifier"] = f"box{at}"
        answers = self.ask(request.RequestPacket(), source=box.source)
        if not answers:
            self.pass_time(0.2)  # the server waits for something, and not longer than its patience
            wire: Any = self.auth.transport
            answers = [wire.sent[-1][0]]
        reply = verified(request, answers[0])
        self.report_stops()
        if reply.code != Code.ACCESS_ACCEPT:
            return False
        phone.at, phone.session = at, session
        box.active[session] = Active(customer.name, phone.mac, address, reply["Class"][0])
        self.tell(box, session, box.active[session], "Start")
        return True

    def report_stops(self) -> None:
        """The Stops of what was cut."""
        while self.to_report:
            box, session, row = self.to_report.pop()
            self.tell(box, session, row, "Stop", Acct_Terminate_Cause=6)

    def tell(self, box: Box, session: str, row: Active, status: str, **more: Any) -> None:
        """An accounting report of a box."""
        request = a_report(
            status,
            SECRETS[box.number],
            Acct_Session_Id=session,
            User_Name=row.user,
            Class=row.class_,
            Calling_Station_Id=row.mac,
            Framed_IP_Address=row.address,
            NAS_Port=int(session, 16),
            **more,
        )
        request["NAS-Identifier"] = f"box{box.number}"
        assert self.ask(request.RequestPacket(), source=box.source) != []

    def vanish(self, phone: Phone) -> None:
        """The phone is gone from its box, whose Stop is lost."""
        self.boxes[phone.at].active.pop(phone.session, None)


@define
class Year:
    """What happened in a town, and who was refused a place of their own."""

    happened: Counter[str] = field(factory=Counter)
    refused: list[str] = field(factory=list)


def live_through(town: TownServer, events: int, tell: Callable[[int], None] = lambda _: None) -> Year:
    """Everybody comes online; then one misfortune after the other."""
    year = Year()
    for customer in town.customers:
        for phone in customer.phones:
            assert town.come(customer, phone, town.random.randrange(len(town.boxes)))
    for number in range(events):
        # A session is asked after at most twice a minute, so a customer has one misfortune in that time.
        town.pass_time(31 / len(town.customers) + 0.1)
        customer = town.customers[number % len(town.customers)]
        # One power cut logs out a quarter of the town.
        (what,) = town.random.choices(("reboot", "roam", "new MAC", "back"), (3, 32, 35, 30))
        year.happened[what] += 1
        if not _happens(town, customer, what):
            year.refused.append(f"event {number}: {customer.name}, {len(customer.phones)} places, after {what}")
        tell(number + 1)
    return year


def _happens(town: TownServer, customer: Customer, what: str) -> bool:
    """One misfortune of one of the customer's phones, which then logs in; whether it was let in."""
    phone = town.random.choice(customer.phones)
    if what == "reboot":
        town.boxes[phone.at].lose_power()
        return town.come(customer, phone, phone.at)
    if what == "roam":
        if town.random.random() < 0.5:
            town.vanish(phone)
        return town.come(customer, phone, (phone.at + 1) % len(town.boxes))
    if what == "new MAC":
        # With one place the old MAC may still be listed: the guest changes devices. With more, its router has
        # seen it go, and the Stop is lost.
        if len(customer.phones) > 1 or town.random.random() < 0.5:
            town.vanish(phone)
        phone.mac = town.new_mac()
        return town.come(customer, phone, phone.at)
    town.vanish(phone)
    return town.come(customer, phone, phone.at)
