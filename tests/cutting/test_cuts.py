"""Every cut is proven, or somebody is told; and it is carried out later when it could not be done now."""

import errno
from typing import Any

import pytest
from twisted.logger import globalLogPublisher

from policy.quantities import Instant
from radiusd.coa.ladder import Pace
from radiusd.coa.orders import Acknowledged, Refused
from radiusd.coa.routeros import Removal
from radiusd.jobs.cuts import HurryJob, VoidLeasesJob
from radiusd.store import live, routers
from tests.cutting.given import CuttingServer
from tests.server.given import PHONE

ACK = Acknowledged(1, 5)


def test_the_routers_stop_confirms_a_cut(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    (asked,) = server.routers.asked
    assert (asked.user_name, asked.acct_session_id, asked.framed_ip_address) == ("nora", "80100001", "10.5.0.2")
    assert (asked.target.address, asked.target.port) == ("10.0.0.1", 3799)
    server.turn(0.05)
    server.routers.answer(ACK)
    assert server.wish().outcome is None
    server.turn(0.1)
    server.stop()
    wish = server.wish()
    assert (wish.outcome, wish.evidence, wish.elapsed) == ("confirmed", "the router's Stop", 150)
    assert (wish.due_at, wish.attempts) == (None, 1)
    assert server.lines() == [("CLOSED", "stopped")]
    assert server.clock.getDelayedCalls() == []


def test_a_stop_that_overtakes_the_ack_ends_the_asking(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.stop()
    assert server.wish().outcome == "confirmed"
    assert server.routers.forgotten == server.routers.asked


def test_a_session_that_is_not_there_was_gone_already(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Refused(503, 1, 5))
    server.cut()
    assert (server.wish().outcome, server.lines()) == ("gone", [("CLOSED", "gone")])


def test_an_ack_without_effect_is_not_believed_and_somebody_is_told(server: CuttingServer) -> None:
    alerts: list[Any] = []
    server.come_online()
    globalLogPublisher.addObserver(alerts.append)
    try:
        server.cut()
        for _ in range(5):
            if server.routers.waiting:
                server.routers.answer(ACK)
            server.turn(1)
        told = [each for each in alerts if "NOT CUT" in each["log_format"]]
    finally:
        globalLogPublisher.removeObserver(alerts.append)
    wish = server.wish()
    assert wish.outcome == "not cut"
    assert wish.elapsed <= 5_000
    assert "neither a Stop" in wish.evidence
    assert wish.due_at is not None
    assert server.lines() == [("CUTTING", None)]
    assert len(told) == 1
    assert (told[0]["name"], told[0]["router"]) == ("nora", "r1")


def test_silence_is_decided_within_five_seconds_and_tried_again_until_it_is_cut(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(4.55)
    assert server.wish().outcome == "not cut"
    asked = len(server.routers.asked)
    server.turn(0.9)
    server.look()
    assert len(server.routers.asked) == asked
    server.turn(0.2)
    server.routers.answers.append(Refused(503, 1, 5))
    server.look()
    assert len(server.routers.asked) == asked + 1
    assert server.wish().outcome == "gone"


@pytest.mark.parametrize("is_over_sockets", [False, True])
def test_a_clock_that_is_set_back_holds_up_no_cut(server: CuttingServer, *, is_over_sockets: bool) -> None:
    network = server.use_network() if is_over_sockets else None
    server.come_online()
    server.cut()
    server.turn(0.2)
    server.at = Instant(server.at - 3_600_000)
    server.turn(5)
    assert server.wish().outcome == "not cut"
    assert network is None or len(network.sent) > 3


def test_the_pauses_grow_to_a_minute(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    pauses = []
    for _ in range(9):
        server.turn(4.6)
        wish = server.wish()
        pauses.append(wish.due_at - wish.decided_at)
        server.pass_time(61)
        server.look()
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]


def test_a_router_that_speaks_again_is_asked_at_once(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    for _ in range(6):
        server.turn(4.6)
        server.pass_time(33)
        server.look()
    server.turn(4.6)
    before = len(server.routers.asked)
    server.look()
    assert len(server.routers.asked) == before
    server.nases.when_back = lambda router_id, at: server.submit(HurryJob(router_id, at), lambda _: None)
    server.pass_time(31)
    server.report("Interim-Update", Acct_Session_Id="80100001", Acct_Session_Time=300)
    server.look()
    assert len(server.routers.asked) == before + 1


def test_a_cut_that_could_not_be_done_flips_when_the_stop_comes_after_all(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(5)
    assert server.wish().outcome == "not cut"
    server.pass_time(300)
    server.stop()
    wish = server.wish()
    assert (wish.outcome, wish.due_at) == ("confirmed", None)


# Durable


def test_a_wish_survives_the_server_and_nobody_sends_it_twice_at_once(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.die()
    server.look()
    assert len(server.routers.asked) == 1  # whoever took it up may still be at it
    server.pass_time(6.1)
    server.look()
    server.look()
    assert len(server.routers.asked) == 2


def test_the_only_server_of_a_store_goes_on_at_once_after_a_restart(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.die()
    server.submit(VoidLeasesJob(server.at), lambda _: None)
    server.look()
    assert len(server.routers.asked) == 2


# Rung by rung


def test_the_port_that_answers_is_remembered(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(1.3)
    assert [each.target.port for each in server.routers.asked] == [3799, 1700]
    server.routers.answer(ACK)
    server.stop()
    server.look()
    assert server.known.directory.routers[1].coa_port == 1700
    assert server.known.directory.routers[1].coa_answered


def test_another_port_is_tried_once_only(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(4.6)
    server.pass_time(2)
    server.look()
    server.turn(4.6)
    assert [each.target.port for each in server.routers.asked] == [3799, 1700, 3799]


def test_a_router_that_refuses_the_address_is_asked_without_it_from_then_on(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers += [Refused(401, 1, 5), ACK]
    server.cut()
    assert [each.framed_ip_address for each in server.routers.asked] == ["10.5.0.2", None]
    server.stop()
    server.look()
    assert server.known.directory.routers[1].coa_plain


def with_api(server: CuttingServer, **more: Any) -> None:
    with server.database.writing() as connection:
        sealed = routers.sealed(server.vault, api_password="api secret")
        routers.change(connection, server.vault, "r1", {"cut_by": "both", "api_user": "icafe", **sealed, **more})
    server.look()


def test_what_coa_does_not_prove_the_api_does(server: CuttingServer) -> None:
    with_api(server)
    server.come_online()
    server.cut()
    server.turn(0.46)
    ((access, guest),) = server.api.asked
    assert (access.address, access.port, access.user, access.password) == ("10.0.0.1", 8728, "icafe", "api secret")
    assert "api secret" not in repr(access)
    assert (guest.user_name, guest.device, guest.framed_ip_address) == ("nora", PHONE, "10.5.0.2")
    wish = server.wish()
    assert (wish.outcome, wish.evidence) == ("confirmed", "the router's active list has it no more")
    assert wish.elapsed <= 470
    assert server.lines() == [("CLOSED", "absent")]


def test_a_router_without_coa_is_cut_through_its_api_at_once(server: CuttingServer) -> None:
    with_api(server, cut_by="api", api_address="10.9.9.9", api_tls=True)
    server.come_online()
    server.cut()
    assert server.routers.asked == []
    assert (server.api.asked[0][0].address, server.api.asked[0][0].port) == ("10.9.9.9", 8729)
    assert server.wish().outcome == "confirmed"


def test_an_api_that_cannot_be_reached_is_told_with_the_rest(server: CuttingServer) -> None:
    with_api(server)
    server.api.result = "connection refused"
    server.come_online()
    server.cut()
    server.turn(4.6)
    assert server.wish().evidence == "no answer to any Disconnect-Request; the API: connection refused"


def test_a_guest_whom_the_api_does_not_list_was_gone_already(server: CuttingServer) -> None:
    with_api(server)
    server.api.result = Removal(found=0, cookies=0, flows=0, is_gone=True)
    server.come_online()
    server.cut()
    server.turn(0.7)
    assert server.wish().outcome == "gone"


# A cut is for the session it was meant for


def test_a_name_and_address_are_not_used_when_they_have_a_later_connection(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(4.6)
    with server.database.writing() as connection:
        live.release(connection, 1, server.at)
    server.log_in(Acct_Session_Id="80100009", Framed_IP_Address="10.5.0.2")  # in again, the old line not proven off
    server.routers.answers.append(Refused(404, 1, 5))
    server.pass_time(2)
    server.look()
    assert server.routers.asked[-1].acct_session_id == "80100001"
    assert server.wish().outcome == "not cut"


def test_the_api_is_told_how_old_the_wish_is_so_that_a_later_session_stays(server: CuttingServer) -> None:
    with_api(server)
    server.come_online()
    server.pass_time(60)
    server.cut()
    server.turn(0.46)
    assert server.api.asked[0][1].wished_ago == pytest.approx(0.45, abs=0.02)


# Who is told what


def test_a_cut_at_a_router_that_was_removed_is_told(server: CuttingServer) -> None:
    server.come_online()
    with server.database.writing() as connection:
        routers.remove(connection, "r1", server.at)
    server.cut()
    assert (server.wish().outcome, server.wish().evidence) == ("not cut", "its router was removed")


def test_metrics_count_outcomes_and_how_long_they_took(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(0.2)
    server.stop()
    assert server.counters.counts["cut_confirmed"] == 1
    value = server.counters.registry.get_sample_value("radius_cut_seconds_sum", {"outcome": "confirmed"})
    assert value == pytest.approx(0.2)


def test_after_a_cut_by_coa_the_api_takes_cookies_and_flows(server: CuttingServer) -> None:
    with_api(server)
    server.come_online()
    server.cut()
    assert server.api.asked == []
    server.stop()
    assert [guest.user_name for _, guest in server.api.asked] == ["nora"]
    assert server.wish().evidence == "the router's Stop"


def test_pauses_and_times_are_as_configured(server: CuttingServer) -> None:
    server.pace = Pace(decided_after=2_000, longest_pause=3)
    server.restart()
    server.come_online()
    server.cut()
    for _ in range(4):
        server.turn(2.1)
        server.pass_time(4)
        server.look()
    wish = server.wish()
    assert wish.decided_at - wish.created_at < 30_000
    assert wish.due_at - server.at <= 6_000


def test_a_router_that_takes_disconnects_elsewhere_is_asked_there(server: CuttingServer) -> None:
    with server.database.writing() as connection:
        routers.change(connection, server.vault, "r1", {"coa_address": "10.8.0.1"})
    server.look()
    server.come_online()
    server.cut()
    assert server.routers.asked[0].target.address == "10.8.0.1"


def test_what_was_given_up_after_a_day_is_proven_all_the_same_when_its_stop_comes(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    server.turn(4.6)
    server.pass_time(86_401)
    server.look()
    server.turn(4.6)
    assert (server.wish().outcome, server.wish().due_at) == ("not cut", None)
    server.stop()
    assert server.wish().outcome == "confirmed"


def test_a_user_name_alone_is_not_sent_when_the_guest_has_a_later_connection(server: CuttingServer) -> None:
    server.log_in()  # accepted, and the router never said more of it
    server.cut()
    server.turn(4.6)
    asked = len(server.routers.asked)
    with server.database.writing() as connection:
        live.release(connection, 1, server.at)
    server.log_in(Acct_Session_Id="80100009", Framed_IP_Address="10.5.0.2")
    server.pass_time(2)
    server.look()
    assert len(server.routers.asked) == asked


def test_a_cut_that_cannot_even_be_begun_is_told_and_tried_again(server: CuttingServer) -> None:
    server.come_online()
    request = server.routers.request

    def fail(_: object) -> Any:
        raise OSError("no socket left")

    server.routers.request = fail  # type: ignore[method-assign]
    server.cut()
    assert (server.wish().outcome, server.wish().evidence) == ("not cut", "could not be sent: OSError")
    server.routers.request = request  # type: ignore[method-assign]
    server.routers.answers.append(Refused(503, 1, 5))
    server.pass_time(2)
    server.look()
    assert server.wish().outcome == "gone"


def test_a_cut_that_cannot_be_sent_is_not_cut_and_is_tried_again(server: CuttingServer) -> None:
    network = server.use_network()
    server.come_online()
    network.trouble = errno.EADDRNOTAVAIL
    server.cut()
    assert server.wish().outcome is None
    server.turn(4.6)
    wish = server.wish()
    assert (wish.outcome, wish.evidence) == ("not cut", "no answer to any Disconnect-Request")
    network.trouble = None
    server.turn(1)
    server.look()
    assert len(network.sent) == 1


def test_nor_does_it_end_a_try_that_a_later_rung_cannot_be_sent(server: CuttingServer) -> None:
    network = server.use_network()
    server.come_online()
    server.cut()
    network.trouble = errno.EMFILE
    server.turn(1.3)  # the other port's turn
    assert server.counters.counts["coa_send_failed"] == 1
    server.turn(3.3)
    assert server.wish().outcome == "not cut"
    assert not server.orders.is_busy_with(server.wish().id)
