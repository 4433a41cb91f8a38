"""Who calls, when there may be proxies in between."""

from ipaddress import ip_network

import pytest

from radiusd.web.proxies import is_proxy, source_of

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/64")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.7"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7, 10.0.0.2, 10.0.0.3"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.4"], "10.0.0.4"),
        ("10.0.0.1", ["198.51.100.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", ["2001:db8:1::7"], "2001:db8:1::7"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
    ],
)
def test_the_caller_is_the_last_hop_that_is_no_proxy(peer: str, forwarded: list[str], source: str) -> None:
    assert source_of(peer, forwarded, PROXIES) == source


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5"])
def test_a_proxy_is_one_however_its_address_is_written(address: str) -> None:
    assert is_proxy(address, PROXIES)
    assert not is_proxy("203.0.113.5", PROXIES)
