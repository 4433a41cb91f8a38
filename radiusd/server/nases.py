"""Whose datagram is it: source address to routers, by exact address first, then by network."""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

from policy.quantities import Instant
from radiusd.store.directory import Router

_REMEMBERED = 10_000
SILENCE = 30_000
"""Milliseconds after which a router that speaks again is news."""


class Nases:
    """The routers that may send, as read from the directory."""

    def __init__(self, routers: Iterable[Router] = ()) -> None:
        self._heard_at: dict[int, Instant] = {}
        self.when_back: Callable[[int, Instant], None] = _no_news
        self.replace(routers)

    def replace(self, routers: Iterable[Router]) -> None:
        """Know these routers and no others."""
        self._networks: list[tuple[IPv4Network | IPv6Network, Router]] = [(each.network, each) for each in routers]
        self._networks.sort(key=lambda pair: pair[0].prefixlen, reverse=True)
        self._by_address: dict[str, tuple[Router, ...]] = {}

    def at(self, address: str) -> tuple[Router, ...]:
        """The routers that may send from `address`, the nearest network first; none if it is a stranger's."""
        known = self._by_address.get(address)
        if known is None:
            wanted = ip_address(address)
            known = tuple(router for network, router in self._networks if wanted in network)
            if len(self._by_address) >= _REMEMBERED:
                self._by_address.clear()
            self._by_address[address] = known
        return known

    def last_heard(self, router_id: int) -> Instant | None:
        """When the router last sent something; None if it never did since this process began."""
        return self._heard_at.get(router_id)

    def heard(self, router_id: int, at: Instant) -> None:
        """The router sent something; `when_back` hears of it if it had been silent."""
        last = self._heard_at.get(router_id)
        self._heard_at[router_id] = at
        if last is None or at - last >= SILENCE:
            self.when_back(router_id, at)


def _no_news(router_id: int, at: Instant) -> None:
    pass
