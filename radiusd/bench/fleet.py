"""A fleet of virtual routers, each with its own address and habits, its guests online, and what became of them."""

from collections.abc import Callable, Iterator
from random import Random
from time import time
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, gatherResults

from radiusd.bench.generators import Target
from radiusd.bench.guests import PASSWORD, SECRET, USER
from radiusd.virtual_router.api import ApiAccount
from radiusd.virtual_router.guests import Accepted, Guest, Online, Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.packets import Identity
from radiusd.virtual_router.router import VirtualRouter
from radiusd.wire.codes import TerminateCause

COA_PORT = 3799
API_PORT = 8728
API_PASSWORD = "bench"  # noqa: S105 - of a router that is not there
_AT_ONCE = 8
_TRIES = 5


@frozen(kw_only=True)
class Kind:
    """Routers that share their habits; `share` is how many of a hundred have them."""

    name: str
    share: int
    habits: Habits
    has_api: bool = False
    is_reachable: bool = True


KINDS = (
    Kind(name="answering", share=30, habits=Habits()),
    Kind(name="30 % loss, API", share=20, habits=Habits(loss=0.3), has_api=True),
    Kind(name="30 % loss", share=10, habits=Habits(loss=0.3)),
    Kind(name="NAK 401 for the address", share=5, habits=Habits(nak_401=True)),
    Kind(name="NAK 501, API", share=5, habits=Habits(nak_501=True), has_api=True),
    Kind(name="late by 0.7 s", share=5, habits=Habits(late_by=0.7)),
    Kind(name="Stop lost", share=5, habits=Habits(lost_stop=True)),
    Kind(name="ACK without effect", share=5, habits=Habits(ack_only=True), is_reachable=False),
    Kind(name="mute", share=5, habits=Habits(accept_off=True), is_reachable=False),
    Kind(name="rebooting", share=10, habits=Habits(reboots_when_asked=1.0)),
)


def address_of(number: int) -> str:
    """Each router has a loopback address of its own, so that all may listen at the port they should."""
    return f"127.9.{number // 250}.{number % 250 + 1}"


@define(eq=False)
class Member:
    """One router, and the names of its guests."""

    number: int
    kind: Kind
    router: VirtualRouter
    names: tuple[str, ...]
    online: dict[str, Online] = field(factory=dict)
    later: dict[str, Online] = field(factory=dict)
    wrongly_cut: set[str] = field(factory=set)

    def hear_of_end(self, online: Online, cause: TerminateCause) -> None:
        """A line of this router ended: one that began after its guest's cut must not end by an order."""
        if online in self.later.values() and cause is TerminateCause.ADMIN_RESET:
            self.wrongly_cut.add(online.guest.name)


class Fleet:
    """All routers, in this process; `start` opens their sockets."""

    def __init__(self, reactor: Any, target: Target, routers: int, guests: int, seed: int) -> None:
        self._reactor = reactor
        self.members = [self._member(reactor, target, number, routers, guests, seed) for number in range(routers)]

    @staticmethod
    def _member(reactor: Any, target: Target, number: int, routers: int, guests: int, seed: int) -> Member:
        kind = kind_of(number, routers)
        server = Server(
            secret=SECRET.encode(),
            local=address_of(number),
            auth_port=target.auth_port,
            acct_port=target.acct_port,
            coa_port=COA_PORT,
            timeout=0.3,
        )
        api = ApiAccount(password=API_PASSWORD, port=API_PORT) if kind.has_api else None
        # Trouble begins with the cutting: everybody gets online first.
        router = VirtualRouter(
            reactor,
            server,
            Random(seed + number),  # noqa: S311 - the same losses again
            time,
            Habits(),
            Identity(name=f"r{number}"),
            api=api,
        )
        names = tuple(USER % each for each in range(number, guests, routers))
        member = Member(number, kind, router, names)
        router.on_end = member.hear_of_end
        return member

    def start(self) -> None:
        """Open the sockets; raises CannotListenError."""
        for each in self.members:
            each.router.start()

    def stop(self) -> None:
        """Close them."""
        for each in self.members:
            each.router.stop_listening()

    def begin_trouble(self) -> None:
        """From now on every router has its habits."""
        for each in self.members:
            each.router.habits = each.kind.habits

    async def come_online(self, came: Callable[[], None]) -> None:
        """Everybody logs in."""
        await gatherResults([Deferred.fromCoroutine(self._fill(each, came)) for each in self.members])

    async def _fill(self, member: Member, came: Callable[[], None]) -> None:
        waiting = iter(enumerate(member.names))

        async def next_ones() -> None:
            for position, name in waiting:
                online = await self.log_in(member, position, name)
                if online is not None:
                    member.online[name] = online
                    came()

        await gatherResults([Deferred.fromCoroutine(next_ones()) for _ in range(_AT_ONCE)])

    async def log_in(self, member: Member, position: int, name: str) -> Online | None:
        """The line of a guest who logs in; None if the guest is refused, or nobody answers in spite of all tries."""
        number = int(name.removeprefix(USER[: USER.index("%")]))
        guest = Guest(
            name=name,
            password=PASSWORD % number,
            mac=":".join(f"{each:02X}" for each in (0x02, 0x10, *number.to_bytes(4))),
            address=f"10.{member.number // 250}.{position // 250 + 1}.{position % 250 + 1}",
        )
        for _ in range(_TRIES):
            outcome = await member.router.log_in(guest)
            if isinstance(outcome, Accepted):
                return outcome.online
        return None

    def guests(self) -> Iterator[tuple[Member, str]]:
        """Every guest who is online, router by router in turn."""
        longest = max((len(each.names) for each in self.members), default=0)
        for position in range(longest):
            for member in self.members:
                if position < len(member.names) and member.names[position] in member.online:
                    yield member, member.names[position]


def kind_of(number: int, routers: int) -> Kind:
    """The kind of a router: shares of a hundred, spread over the fleet."""
    place = number * 100 // routers
    for kind in KINDS:
        place -= kind.share
        if place < 0:
            return kind
    raise ValueError("the shares of the kinds of routers make no hundred")
