"""Changes of running sessions by CoA; what a router refuses is kept at the server, and said so."""

import errno

import pytest

from policy.errors import InvalidPackage
from policy.package import Package, Rate
from policy.quantities import BitsPerSecond, Octets, Seconds
from radiusd.coa.orders import Acknowledged, Refused, Silent
from radiusd.handlers.translate import rate_limit
from radiusd.store import live, packages
from radiusd.wire.codes import Code
from tests.cutting.given import CuttingServer
from tests.server.given import TABLET

SLOW, FAST = BitsPerSecond(1_000_000), BitsPerSecond(5_000_000)


def extend(server: CuttingServer, seconds: int = 1800) -> None:
    with server.database.writing() as connection:
        live.extend(connection, 1, Seconds(seconds), Octets(0), server.at)
    server.look()


def test_more_time_is_told_to_the_router_counted_from_the_sessions_start(server: CuttingServer) -> None:
    server.come_online()
    server.pass_time(600)
    server.routers.answers.append(Acknowledged(1, 5))
    extend(server)
    (asked,) = server.routers.asked
    assert asked.code == Code.COA_REQUEST
    assert (asked.acct_session_id, asked.framed_ip_address) == ("80100001", "10.5.0.2")
    assert asked.attributes == (("Session-Timeout", 3600 + 1800),)
    assert (server.wish().outcome, server.wish().evidence) == ("changed", "acknowledged by the router")


def test_another_speed_is_told_without_a_new_login(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Acknowledged(1, 5))
    with server.database.writing() as connection:
        live.change_rate(connection, 1, SLOW, FAST, rate_limit, server.at)
    server.look()
    assert server.routers.asked[0].attributes == (("Mikrotik-Rate-Limit", "1M/5M"),)
    again = server.log_in(Acct_Session_Id="80100001")
    assert again["Mikrotik-Rate-Limit"] == ["1M/5M"]


def test_a_burst_and_a_priority_stay_with_another_speed(server: CuttingServer) -> None:
    with server.database.writing() as connection:
        packages.add(connection, Package(name="vip", rate=Rate(FAST, FAST, burst=50, priority=2)), server.at)
        server.add_account(connection, "an", "secret", "vip")
    server.come_online("an", TABLET)
    with server.database.writing() as connection:
        live.change_rate(connection, 2, SLOW, FAST, rate_limit, server.at)
    server.look()
    told = server.routers.asked[0].attributes
    assert told == (("Mikrotik-Rate-Limit", "1M/5M 1500k/7500k 800k/4M 10/10 2"),)
    again = server.log_in("an", mac=TABLET, Acct_Session_Id="80100001")
    assert again["Mikrotik-Rate-Limit"] == [told[0][1]]


def test_what_is_no_speed_is_refused_before_it_is_stored(server: CuttingServer) -> None:
    server.come_online()
    with pytest.raises(InvalidPackage, match="speeds start at 1k"), server.database.writing() as connection:
        live.change_rate(connection, 1, FAST, BitsPerSecond(0), rate_limit, server.at)
    assert server.wishes() == []


def test_what_the_router_refuses_is_kept_at_the_server(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Refused(401, 1, 5))
    extend(server)
    assert (server.wish().outcome, server.wish().evidence) == ("refused", "refused by the router (Error-Cause 401)")
    assert server.log_in(Acct_Session_Id="80100001")["Session-Timeout"] == [5400]


def test_a_silent_router_is_told_again_while_the_session_goes_on(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Silent(4, 4_500))
    extend(server)
    assert server.wish().outcome is None
    server.pass_time(1.1)
    server.routers.answers.append(Acknowledged(1, 5))
    server.look()
    assert server.wish().outcome == "changed"


def test_and_no_longer(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Silent(4, 4_500))
    extend(server)
    server.stop()
    server.pass_time(1.1)
    server.routers.answers.append(Silent(4, 4_500))
    server.look()
    wish = server.wish()
    assert (wish.outcome, wish.due_at) == ("refused", None)


def test_a_newer_order_takes_the_place_of_one_that_the_router_has_not_answered(server: CuttingServer) -> None:
    server.come_online()
    for up, down in ((SLOW, FAST), (BitsPerSecond(2_000_000), BitsPerSecond(9_000_000))):
        with server.database.writing() as connection:
            live.change_rate(connection, 1, up, down, rate_limit, server.at)
        server.look()
    older, newer = server.routers.asked
    assert server.routers.forgotten == [older]
    assert newer.attributes == (("Mikrotik-Rate-Limit", "2M/9M"),)
    server.routers.answer(Acknowledged(1, 5))
    assert [(each.outcome, each.evidence) for each in server.wishes()] == [
        ("refused", "a newer order took its place"),
        ("changed", "acknowledged by the router"),
    ]


def test_nobody_is_told_a_later_end_than_a_router_knows(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Acknowledged(1, 5))
    extend(server, 300 * 86_400)
    assert server.routers.asked[0].attributes == (("Session-Timeout", 21_474_720),)


def test_what_cannot_be_sent_is_told_again_like_what_a_router_did_not_answer(server: CuttingServer) -> None:
    network = server.use_network()
    server.come_online()
    network.trouble = errno.EADDRNOTAVAIL
    extend(server)
    server.turn(4.6)
    assert server.counters.counts["change_unanswered"] == 1
    network.trouble = None
    server.turn(1)
    server.look()
    assert len(network.sent) == 1
