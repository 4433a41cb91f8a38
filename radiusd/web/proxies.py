"""Who calls: the peer of the connection, unless that is a proxy of ours, which says for whom it asks."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def source_of(peer: str, forwarded_for: Sequence[str], proxies: Sequence[Network]) -> str:
    """The caller's address: the right-most hop in X-Forwarded-For that is not one of `proxies`.

    What a hop further left says is anybody's word. Where a hop is not an address, the last proxy counts as the caller.
    """
    caller = _plain(peer)
    hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
    while hops and is_proxy(caller, proxies):
        try:
            caller = _plain(hops.pop())
        except ValueError:
            return caller
    return caller


def is_proxy(address: str, proxies: Sequence[Network]) -> bool:
    """Whether its word is taken for who calls."""
    plain = ip_address(_plain(address))
    return any(plain in network for network in proxies)


def holder(address: str) -> str:
    """Who has an address, for counting: of IPv6 its /64, for whoever has one address there has all of them."""
    plain = _plain(address)
    return str(ip_network((plain, 64), strict=False)) if ":" in plain else plain


def _plain(text: str) -> str:
    """An address as text, one of IPv4 as such however it came. Raises ValueError."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address if mapped is None else mapped)
