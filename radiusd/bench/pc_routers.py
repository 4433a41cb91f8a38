"""The virtual routers of a chain, in this process: who is online at which, and when a Disconnect-Request came."""

from collections.abc import Callable, Iterator
from random import Random
from time import time
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults

from radiusd.bench.generators import Target
from radiusd.bench.guests import PASSWORD, SECRET, USER
from radiusd.bench.pc_town import Town, router_address
from radiusd.virtual_router.guests import Accepted, Guest, Online, Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.link import Entry
from radiusd.virtual_router.packets import Identity
from radiusd.virtual_router.router import VirtualRouter
from radiusd.wire.attributes import Attribute
from radiusd.wire.codes import Code
from radiusd.wire.packet import decode

_AT_ONCE = 2
_TRIES = 5


@define
class Arrivals:
    """When the first Disconnect-Request for each guest came, in seconds since 1970, and how many did."""

    first: dict[str, float] = field(factory=dict)
    counts: dict[str, int] = field(factory=dict)
    hear: Callable[[str], object] = lambda _: None

    def note(self, name: str, at: float) -> None:
        """One more."""
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.first.setdefault(name, at) == at:
            self.hear(name)


class _Journal(list[Entry]):
    """Keeps nothing but when the router was told to disconnect whom."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    def append(self, entry: Entry) -> None:
        if not entry.is_sent and entry.octets[0] == Code.DISCONNECT_REQUEST:
            name = decode(entry.octets).values.get(Attribute.USER_NAME, b"").decode()
            self._arrivals.note(name, entry.at)


class Routers:
    """All of a town; `start` opens their sockets."""

    def __init__(self, reactor: Any, target: Target, town: Town, seed: int = 1) -> None:
        self.arrivals = Arrivals()
        self.online: dict[int, Online] = {}
        self._routers = {
            number: self._router(reactor, target, town.size.coa_port, number, seed)
            for branch in town.branches
            for number in branch.routers
        }
        self._guests = {
            number: branch.guests[place :: len(branch.routers)]
            for branch in town.branches
            for place, number in enumerate(branch.routers)
        }

    def _router(self, reactor: Any, target: Target, coa_port: int, number: int, seed: int) -> VirtualRouter:
        server = Server(
            secret=SECRET.encode(),
            local=router_address(number),
            auth_port=target.auth_port,
            acct_port=target.acct_port,
            coa_port=coa_port,
            timeout=0.3,
        )
        chance = Random(seed + number)  # noqa: S311 - nothing secret
        router = VirtualRouter(reactor, server, chance, time, Habits(), Identity(name=f"r{number}"))
        router.journal = router.link.journal = router.incoming.journal = _Journal(self.arrivals)
        return router

    def start(self) -> None:
        """Open the sockets; raises CannotListenError."""
        for each in self._routers.values():
            each.start()

    def stop(self) -> None:
        """Close them."""
        for each in self._routers.values():
            each.stop_listening()

    async def come_online(self, came: Callable[[int], None]) -> None:
        """Everybody logs in; `came` hears how many are online."""
        work = [self._fill(number, came) for number in self._routers]
        await gatherResults([Deferred.fromCoroutine(each) for each in work])

    async def _fill(self, number: int, came: Callable[[int], None]) -> None:
        waiting = iter(enumerate(self._guests[number]))
        workers = [self._next_ones(number, waiting, came) for _ in range(_AT_ONCE)]
        await gatherResults([Deferred.fromCoroutine(each) for each in workers])

    async def _next_ones(self, number: int, waiting: Iterator[tuple[int, int]], came: Callable[[int], None]) -> None:
        for position, guest in waiting:
            online = await self._log_in(number, position, guest)
            if online is not None:
                self.online[guest] = online
                came(len(self.online))

    async def _log_in(self, number: int, position: int, guest: int) -> Online | None:
        asking = Guest(
            name=USER % guest,
            password=PASSWORD % guest,
            mac=":".join(f"{each:02X}" for each in (0x02, 0x10, *guest.to_bytes(4))),
            address=f"10.{number // 250}.{number % 250}.{position % 250 + 1}",
        )
        for _ in range(_TRIES):
            outcome = await self._routers[number].log_in(asking)
            if isinstance(outcome, Accepted):
                return outcome.online
        return None
