"""A guest changes devices: the old one is cut first, and the answer comes within the router's patience."""

from typing import Any

import pytest

from policy.package import Package
from policy.quantities import Seconds
from radiusd.coa.orders import Acknowledged, Refused
from radiusd.store import branches, packages, routers
from radiusd.store.decisions import latest
from tests.cutting.given import CuttingServer
from tests.server.given import SOURCE, TABLET, a_login, verified

ACCEPT, REJECT = 2, 3


class Asking:
    """An Access-Request of the new device, and its answer when it comes."""

    def __init__(self, server: CuttingServer, mac: str = TABLET, **more: Any) -> None:
        self.server = server
        self.request = a_login(mac=mac, Acct_Session_Id="80100002", **more)
        self.wire: Any = server.auth.transport
        self.before = len(self.wire.sent)
        server.auth.datagramReceived(self.request.RequestPacket(), SOURCE)

    @property
    def reply(self) -> Any:
        """None until there is one."""
        sent = self.wire.sent[self.before :]
        return verified(self.request, sent[0][0]) if sent else None


def test_the_disconnect_is_on_the_wire_before_the_accept(server: CuttingServer) -> None:
    server.come_online()
    asking = Asking(server)
    assert len(server.routers.asked) == 1
    assert asking.reply is None
    server.stop()
    assert asking.reply.code == ACCEPT
    assert asking.reply["Session-Timeout"] == [3600]


def test_a_ghost_gives_up_its_place_at_once(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Refused(503, 1, 5))
    assert Asking(server).reply.code == ACCEPT


def test_unconfirmed_at_60_percent_of_the_patience_the_new_device_gets_a_minute(server: CuttingServer) -> None:
    server.come_online()
    asking = Asking(server)
    server.turn(0.17)
    assert asking.reply is None
    server.turn(0.02)
    assert asking.reply.code == ACCEPT
    assert asking.reply["Session-Timeout"] == [60]
    with server.database.reading() as connection:
        assert latest(connection, 1)[0].reason == "switch_unconfirmed"
    assert server.wish().due_at is not None  # and it is cut all the same


def test_or_is_asked_to_try_again_where_the_branch_says_so(server: CuttingServer) -> None:
    with server.database.writing() as connection:
        branches.change(connection, "q1", switch_rule="refuse")
    server.look()
    server.come_online()
    asking = Asking(server)
    server.turn(0.2)
    assert asking.reply.code == REJECT
    assert asking.reply["Reply-Message"] == ["Your other device is being logged out. Please try again."]
    server.stop()
    assert Asking(server).reply.code == ACCEPT


def test_what_cannot_be_cut_counts_as_unconfirmed_at_once(server: CuttingServer) -> None:
    server.come_online()
    server.routers.answers.append(Refused(501, 1, 5))
    assert Asking(server).reply["Session-Timeout"] == [60]


def test_a_patient_router_is_given_more_time(server: CuttingServer) -> None:
    with server.database.writing() as connection:
        routers.change(connection, server.vault, "r1", {"timeout": 3_000})
    server.look()
    server.come_online()
    asking = Asking(server)
    server.turn(1.7)
    assert asking.reply is None
    server.stop()
    assert asking.reply["Session-Timeout"] == [3600]


# A pass for two


@pytest.fixture
def pair(server: CuttingServer) -> CuttingServer:
    """nora's phone and tablet hold both places of her pass."""
    with server.database.writing() as connection:
        packages.add(connection, Package(name="pair", time=Seconds(3600), devices=2), server.at)
        server.add_account(connection, "duo", "word", package="pair")
    server.come_online("duo", "AA:BB:CC:00:00:01", 1, "word")
    server.come_online("duo", "AA:BB:CC:00:00:02", 3, "word")
    return server


THIRD = "AA:BB:CC:00:00:03"


def test_with_all_places_held_the_holders_are_asked_after_before_anybody_is_refused(pair: CuttingServer) -> None:
    pair.routers.answers += [Acknowledged(1, 5), Refused(503, 1, 5)]
    asking = Asking(pair, THIRD, name="duo", password="word")
    assert [each.acct_session_id for each in pair.routers.asked] == ["80100001", "80100003"]
    assert {each.code for each in pair.routers.asked} == {43}
    assert {each.attributes for each in pair.routers.asked} == {()}
    assert asking.reply.code == ACCEPT
    assert pair.lines()[1] == ("CLOSED", "gone")


def test_when_both_live_the_third_is_refused_and_told_by_whom(pair: CuttingServer) -> None:
    pair.routers.answers += [Acknowledged(1, 5), Acknowledged(1, 5)]
    asking = Asking(pair, THIRD, name="duo", password="word")
    assert asking.reply.code == REJECT
    assert "AA:BB:CC:00:00:02" in asking.reply["Reply-Message"][0]


def test_406_is_believed_of_a_router_that_acknowledges(pair: CuttingServer) -> None:
    pair.routers.answers += [Refused(406, 1, 5), Refused(406, 1, 5)]
    asking = Asking(pair, THIRD, name="duo", password="word")
    pair.turn(0.2)
    assert asking.reply.code == REJECT
    pair.pass_time(31)
    pair.cutter.heard_us(1)
    pair.routers.answers += [Refused(406, 1, 5), Refused(406, 1, 5)]
    assert Asking(pair, THIRD, name="duo", password="word").reply.code == ACCEPT


def test_a_session_is_asked_after_once_in_thirty_seconds(pair: CuttingServer) -> None:
    pair.routers.answers += [Acknowledged(1, 5)] * 2
    Asking(pair, THIRD, name="duo", password="word")
    pair.pass_time(29)
    assert Asking(pair, THIRD, name="duo", password="word").reply.code == REJECT
    assert len(pair.routers.asked) == 2
    pair.pass_time(2)
    Asking(pair, THIRD, name="duo", password="word")
    assert len(pair.routers.asked) == 4


def test_a_late_answer_helps_the_next_try(pair: CuttingServer) -> None:
    asking = Asking(pair, THIRD, name="duo", password="word")
    pair.turn(0.2)
    assert asking.reply.code == REJECT
    pair.routers.answer(Refused(503, 1, 400), 0)
    assert Asking(pair, THIRD, name="duo", password="word").reply.code == ACCEPT


def test_a_406_is_tried_on_somebody_else_who_should_be_online(pair: CuttingServer) -> None:
    pair.come_online("nora", "AA:BB:CC:00:00:09", 5)
    asking = Asking(pair, THIRD, name="duo", password="word")
    pair.routers.answer(Refused(406, 1, 5), 0)
    assert [each.acct_session_id for each in pair.routers.asked] == ["80100001", "80100003", "80100005"]
    pair.routers.answer(Refused(406, 1, 5), 1)
    assert asking.reply is None
    pair.routers.answer(Acknowledged(1, 5), 2)
    assert asking.reply.code == ACCEPT
    assert [closing for _, closing in pair.lines()][:2] == ["gone", "gone"]


def test_the_leash_is_taken_off_when_the_old_device_is_off_after_all(server: CuttingServer) -> None:
    server.come_online()
    asking = Asking(server)
    server.turn(0.2)
    assert asking.reply["Session-Timeout"] == [60]
    server.report("Start", Acct_Session_Id="80100002", Class=asking.reply["Class"][0])
    server.pass_time(2)
    server.routers.answers.append(Acknowledged(1, 5))
    server.stop()
    change = server.routers.asked[-1]
    assert (change.code, change.acct_session_id) == (43, "80100002")
    ((name, seconds),) = change.attributes
    assert name == "Session-Timeout"
    assert seconds in (3599, 3600)  # from the session's start; each part of a second is rounded down


def test_and_also_when_that_takes_a_second_try(server: CuttingServer) -> None:
    server.come_online()
    asking = Asking(server)
    server.turn(5)
    assert server.wish().outcome == "not cut"
    server.report("Start", Acct_Session_Id="80100002", Class=asking.reply["Class"][0])
    server.pass_time(10)
    server.routers.answers += [Refused(503, 1, 5), Acknowledged(1, 5)]
    server.look()
    change = server.routers.asked[-1]
    assert (change.code, change.acct_session_id) == (43, "80100002")


def test_each_wish_is_counted_once_however_many_tries_it_takes(server: CuttingServer) -> None:
    server.come_online()
    server.cut()
    for _ in range(3):
        server.turn(4.6)
        server.pass_time(10)
        server.look()
    server.turn(4.6)
    assert server.counters.counts["cut_not_cut"] == 1
    server.stop()
    assert server.counters.counts["cut_confirmed"] == 1
