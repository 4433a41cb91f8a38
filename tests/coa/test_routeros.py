"""The RouterOS API as a rung of the ladder, against the virtual router's; no sockets, no threads, no time."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from attrs import evolve
from librouteros.api import Api
from librouteros.connections import SocketTransport
from librouteros.protocol import ApiProtocol
from twisted.internet.defer import Deferred, execute
from twisted.python.failure import Failure

from radiusd.coa.routeros import ApiAccess, ApiUnavailable, Guest, Removal, RouterOsApi
from radiusd.virtual_router import guests
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.memory import Cookie
from radiusd.wire.codes import TerminateCause
from tests.virtual_router.given import NORA, PASSWORD, PipeSocket, Site

T = TypeVar("T")
ACCESS = ApiAccess(router_id=1, address="10.0.0.1", port=8728, user="api", password=PASSWORD)
MEANT = Guest("nora", "AA:BB:CC:00:00:01", "10.5.50.2", "80100001")
GONE = Removal(found=0, cookies=0, flows=0, is_gone=True)


class Bench:
    """A client, and routers it reaches by their addresses; `dribble` makes octets trickle in."""

    def __init__(self, habits: Habits = Habits()) -> None:  # noqa: B008 - frozen
        self.site = Site(habits)
        self.routers: dict[str, Any] = {"10.0.0.1": self.site.router.api}
        self.sockets: list[PipeSocket] = []
        self.dribble = 0.0
        self.clock = self.site.reactor
        self.held: list[tuple[Callable[[], Any], Deferred[Any]]] | None = None
        self.api = RouterOsApi(self._defer, self.clock.seconds, self._connect)

    def _defer(self, function: Callable[[], T], /) -> "Deferred[T]":
        if self.held is None:
            return execute(function)
        waiting: Deferred[T] = Deferred()
        self.held.append((function, waiting))
        return waiting

    def let_go(self) -> None:
        """The thread gets around to what was held back."""
        assert self.held is not None
        function, waiting = self.held.pop(0)
        waiting.callback(function())

    def _connect(self, host: str, user: str, password: str, **options: Any) -> Api:
        made = PipeSocket(self.clock, self.routers[host], self.dribble)
        self.sockets.append(made)
        transport: Any = made
        api = Api(ApiProtocol(SocketTransport(transport), options["encoding"]))
        options["login_method"](api, user, password)
        return api

    def remove(self, guest: Guest = MEANT, access: ApiAccess = ACCESS) -> Removal:
        return result(self.api.remove(access, guest))

    def is_online(self, guest: Guest = MEANT, access: ApiAccess = ACCESS) -> bool:
        return result(self.api.is_online(access, guest))

    def why_not(self, guest: Guest = MEANT, access: ApiAccess = ACCESS) -> str:
        """The reason of the failure, and nothing but the reason."""
        with pytest.raises(ApiUnavailable) as failed:
            self.remove(guest, access)
        assert str(failed.value) == failed.value.reason
        return failed.value.reason

    @property
    def commands(self) -> list[str]:
        assert self.site.router.api is not None
        return self.site.router.api.commands


def result(asked: "Deferred[T]") -> T:
    """What it came to; raises what it failed with."""
    results: list[Any] = []
    asked.addBoth(results.append)
    assert results, "nothing came of it yet"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    found: T = results[0]
    return found


# What is removed, and what stays


def test_a_guest_is_taken_off_and_their_stop_is_sent() -> None:
    bench = Bench()
    online = bench.site.router.admit(NORA)
    assert bench.is_online()
    assert bench.remove() == Removal(found=1, cookies=0, flows=0, is_gone=True)
    assert bench.site.ended == [(online, TerminateCause.ADMIN_RESET)]
    assert len(bench.site.stops) == 1
    assert not bench.is_online()


def test_who_is_not_there_is_gone() -> None:
    assert Bench().remove() == GONE


@pytest.mark.parametrize("name", ["0912345678", "true", "no", "Nguyễn Văn A", "a=b", "?x", "-1", "01", "a b"])
def test_names_are_text(name: str) -> None:
    bench = Bench()
    bench.site.router.admit(evolve(NORA, name=name))
    assert bench.remove(evolve(MEANT, user_name=name)).found == 1


@pytest.mark.parametrize(
    ("name", "other"), [("0912345678", "912345678"), ("true", "yes"), ("nora", "Nora"), ("nora", "nora "), ("1", "01")]
)
def test_a_name_that_is_alike_is_another(name: str, other: str) -> None:
    bench = Bench()
    bench.site.router.admit(evolve(NORA, name=other))
    assert bench.remove(evolve(MEANT, user_name=name)) == GONE
    assert len(bench.site.router.online) == 1


@pytest.mark.parametrize("octets", [b"nora\xff", b"\xc3nora"])
def test_a_name_that_is_no_utf8_is_nobodys(octets: bytes) -> None:
    bench = Bench()
    bench.routers["10.0.0.1"] = BabblingRouter(a_row(b"=user=" + octets))
    assert bench.remove() == GONE


def test_rows_that_were_not_asked_for_are_looked_at_all_the_same() -> None:
    bench = Bench()
    bench.routers["10.0.0.1"] = BabblingRouter(a_row(b"=user=norb"))
    assert bench.remove() == GONE


@pytest.mark.parametrize("uptime", [b"5s", b"00:00:05", b"1m5s", b"0d00:01:05"])
def test_uptimes_of_every_release_are_read(uptime: bytes) -> None:
    bench = Bench()
    bench.routers["10.0.0.1"] = BabblingRouter(a_row(b"=user=nora", b"=uptime=" + uptime))
    assert bench.is_online(evolve(MEANT, wished_ago=5.0))
    assert not bench.is_online(evolve(MEANT, wished_ago=3600.0))


def a_row(*words: bytes) -> bytes:
    """A row of nora's phone, and the end of the answer."""
    words = (b"!re", b"=.id=*1", b"=address=10.5.50.2", b"=mac-address=AA:BB:CC:00:00:01", *words)
    return b"".join(bytes((len(word),)) + word for word in words) + b"\0\x05!done\0"


@pytest.mark.parametrize(
    "later",
    [
        evolve(NORA, address="10.5.50.9"),
        evolve(NORA, mac="AA:BB:CC:00:00:09"),
        evolve(NORA, address="10.5.50.9", mac="AA:BB:CC:00:00:09"),
    ],
    ids=["another address", "another device", "both"],
)
def test_another_session_of_the_same_user_stays(later: guests.Guest) -> None:
    bench = Bench()
    online = bench.site.router.admit(later)
    assert bench.remove() == GONE
    assert bench.site.router.online == [online]


def test_of_two_sessions_of_a_user_only_the_one_that_is_meant_goes() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    other = bench.site.router.admit(evolve(NORA, address="10.5.50.9", mac="AA:BB:CC:00:00:09"))
    assert bench.remove() == Removal(found=1, cookies=0, flows=0, is_gone=True)
    assert bench.site.router.online == [other]


@pytest.mark.parametrize(("wished_ago", "found"), [(None, 1), (0.0, 1), (9.0, 1), (10.0, 1), (12.0, 0), (3600.0, 0)])
def test_a_session_that_began_after_the_wish_stays(wished_ago: float | None, found: int) -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.clock.advance(10.0)
    assert bench.remove(evolve(MEANT, wished_ago=wished_ago)).found == found


@pytest.mark.parametrize(
    "known",
    [
        {"device": ""},
        {"device": "unknown"},
        {"framed_ip_address": None},
        {"device": "aa:bb:cc:00:00:01"},
    ],
)
def test_the_address_or_the_device_is_enough(known: dict[str, Any]) -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    assert bench.remove(evolve(MEANT, **known)).found == 1


def test_a_name_alone_tells_nobody() -> None:
    bench = Bench()
    nobody = Guest("nora", "", None, "80100001")
    assert bench.remove(nobody) == GONE
    bench.site.router.admit(NORA)
    assert bench.why_not(nobody) == "it has this user, and nothing tells which session that is"
    assert len(bench.site.router.online) == 1


def test_a_ppp_session_is_known_by_its_id() -> None:
    bench = Bench()
    dialled = bench.site.router.admit(evolve(NORA, service="ppp"))
    meant = Guest("nora", "", None, dialled.line.acct_session_id)
    other = Guest("nora", "", "10.5.50.2", "80100099")
    assert bench.remove(other) == GONE
    assert bench.is_online(meant)
    assert bench.remove(meant).found == 1


def test_a_router_without_ppp() -> None:
    bench = Bench(Habits(no_ppp=True))
    bench.site.router.admit(NORA)
    assert bench.remove().found == 1


def test_a_router_with_neither_list_cannot_say_that_a_guest_is_gone() -> None:
    bench = Bench(Habits(no_ppp=True))
    assert bench.site.router.api is not None
    del bench.site.router.api.menus["/ip/hotspot/active"]
    assert bench.why_not() == "the router says: no such command prefix"


# What a session leaves behind


def test_the_cookie_of_the_device_goes_and_the_phone_stays_out() -> None:
    bench = Bench(Habits(cookie=True))
    bench.site.router.admit(NORA)
    theirs = Cookie(90, evolve(NORA, name="norb"), NORA.mac)
    of_their_tablet = Cookie(91, NORA, "AA:BB:CC:00:00:09")
    bench.site.router.memory.cookies += [theirs, of_their_tablet]
    assert bench.remove() == Removal(found=1, cookies=1, flows=0, is_gone=True)
    assert bench.site.router.memory.cookies == [theirs, of_their_tablet]
    bench.clock.advance(5.0)
    assert bench.site.logins == []


def test_running_flows_end_where_there_is_a_fasttrack_rule() -> None:
    bench = Bench(Habits(fasttrack=True))
    bench.site.router.admit(NORA)
    neighbour = bench.site.router.admit(evolve(NORA, name="norb", address="10.5.50.20", mac="AA:BB:CC:00:00:09"))
    assert bench.remove() == Removal(found=1, cookies=0, flows=2, is_gone=True)
    assert {flow.owner for flow in bench.site.router.memory.flows} == {neighbour}


def test_the_flows_of_whoever_has_the_address_now_go_on() -> None:
    bench = Bench(Habits(fasttrack=True))
    bench.site.router.admit(evolve(NORA, name="norb", mac="AA:BB:CC:00:00:09"))
    assert bench.remove() == GONE
    assert len(bench.site.router.memory.flows) == 2


def test_without_a_fasttrack_rule_the_flows_are_not_even_read() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.remove()
    assert "/ip/firewall/connection/print" not in bench.commands


def test_a_row_that_is_still_there_is_not_gone() -> None:
    bench = Bench(Habits(api_keeps=True))
    bench.site.router.admit(NORA)
    assert bench.remove() == Removal(found=1, cookies=0, flows=0, is_gone=False)


# Connections


def test_one_connection_serves_one_call_after_another() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.is_online()
    bench.remove()
    bench.is_online()
    assert len(bench.sockets) == 1


def test_calls_to_one_router_wait_for_one_another() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.held = []
    first, second = bench.api.remove(ACCESS, MEANT), bench.api.is_online(ACCESS, MEANT)
    assert len(bench.held) == 1
    bench.let_go()
    assert result(first).found == 1
    bench.let_go()
    assert result(second) is False


def test_a_connection_that_died_meanwhile_is_made_anew() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.is_online()
    assert bench.site.router.api is not None
    bench.site.router.api.hang_up()
    assert bench.remove().found == 1
    assert len(bench.sockets) == 2


def test_a_connection_that_died_without_a_word_leaves_time_for_another() -> None:
    bench = Bench()
    bench.site.router.admit(NORA)
    bench.is_online()
    bench.sockets[0]._protocol.dataReceived = lambda _: None
    assert bench.remove().found == 1
    assert bench.clock.seconds() == 1.5


def test_another_password_means_another_connection() -> None:
    bench = Bench()
    bench.is_online()
    assert bench.why_not(access=evolve(ACCESS, password="guess")) == "the login is refused"
    assert bench.is_online() is False


@pytest.mark.parametrize("habits", [Habits(), Habits(api_old_login=True)])
def test_both_ways_to_log_in(habits: Habits) -> None:
    bench = Bench(habits)
    bench.site.router.admit(NORA)
    assert bench.remove().found == 1
    wrong = evolve(ACCESS, router_id=2, password="mật khẩu")
    assert bench.why_not(access=wrong) == "the login is refused"


# Trouble


@pytest.mark.parametrize(
    "habits", [Habits(api_traps=1), Habits(api_traps=2), Habits(api_fatals=1), Habits(api_fatals=2)]
)
def test_what_may_pass_is_tried_again(habits: Habits) -> None:
    bench = Bench(habits)
    bench.site.router.admit(NORA)
    assert bench.remove().found == 1


@pytest.mark.parametrize(
    ("habits", "reason"),
    [
        (
            Habits(api_traps=3),
            "the router says: action timed out - try again, if error continues contact MikroTik support",
        ),
        (Habits(api_fatals=99), "the router ended the connection"),
        (Habits(api_refuse=True), "the connection is refused"),
        (Habits(api_hang=True), "no answer in time"),
        (Habits(api_slow=0.9), "no answer in time"),
    ],
)
def test_what_does_not_pass_is_told_in_a_few_words(habits: Habits, reason: str) -> None:
    bench = Bench(habits)
    bench.site.router.admit(NORA)
    assert bench.why_not() == reason
    assert bench.clock.seconds() <= 3.0


def test_a_slow_router_is_waited_for() -> None:
    bench = Bench(Habits(api_slow=0.3))
    bench.site.router.admit(NORA)
    assert bench.is_online()


def test_octets_that_trickle_in_do_not_stretch_the_limit() -> None:
    bench = Bench()
    bench.dribble = 0.4
    assert bench.why_not() == "no answer in time"
    assert bench.clock.seconds() == pytest.approx(3.0)
    assert all(each.is_closed for each in bench.sockets)


def test_a_hung_router_is_left_alone_for_longer_and_longer() -> None:
    bench = Bench(Habits(api_hang=True))
    rests = []
    for _ in range(8):
        assert bench.why_not() == "no answer in time"
        tried = len(bench.sockets)
        assert "; asked again in" in bench.why_not()
        assert len(bench.sockets) == tried
        began = bench.clock.seconds()
        while "; asked again in" in bench.why_not():
            bench.clock.advance(0.5)
            if bench.api._routers[1].rests_until <= bench.clock.seconds():
                break
        rests.append(bench.clock.seconds() - began)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_router_that_is_well_again_starts_from_the_beginning() -> None:
    bench = Bench(Habits(api_hang=True))
    bench.why_not()
    bench.clock.advance(1.0)
    bench.why_not()
    bench.clock.advance(2.0)
    bench.site.router.habits = Habits()
    assert bench.is_online() is False
    bench.site.router.habits = Habits(api_hang=True)
    bench.why_not()
    bench.clock.advance(1.0)
    assert bench.why_not() == "no answer in time"


def test_a_dead_router_costs_the_others_nothing() -> None:
    bench = Bench(Habits(api_refuse=True))
    other = Site()
    other.router.admit(NORA)
    bench.routers["10.0.0.2"] = other.router.api
    bench.why_not()
    assert bench.remove(access=evolve(ACCESS, router_id=2, address="10.0.0.2")).found == 1


def test_waiting_calls_fail_with_the_one_that_failed() -> None:
    bench = Bench(Habits(api_hang=True))
    bench.held = []
    first, second = bench.api.remove(ACCESS, MEANT), bench.api.remove(ACCESS, MEANT)
    bench.let_go()
    for asked in (first, second):
        with pytest.raises(ApiUnavailable):
            result(asked)
    assert bench.held == []


def test_a_call_that_waited_too_long_for_a_thread_is_not_the_routers_fault() -> None:
    bench = Bench()
    bench.held = []
    asked = bench.api.remove(ACCESS, MEANT)
    bench.clock.advance(3.0)
    bench.let_go()
    with pytest.raises(ApiUnavailable, match="no thread was free"):
        result(asked)
    bench.held = None
    assert bench.remove() == GONE


def test_a_late_failure_does_not_undo_what_was_read_back() -> None:
    bench = Bench(Habits(fasttrack=True))
    bench.site.router.admit(NORA)
    assert bench.site.router.api is not None
    menus = bench.site.router.api.menus

    def hang() -> list[dict[str, str]]:
        bench.site.router.habits = Habits(fasttrack=True, api_hang=True)
        raise TimeoutError

    menus["/ip/firewall/connection"] = evolve(menus["/ip/firewall/connection"], rows=hang)
    assert bench.remove() == Removal(found=1, cookies=0, flows=0, is_gone=True)


def test_close_hangs_up_and_fails_what_comes_after() -> None:
    bench = Bench()
    bench.is_online()
    bench.api.close()
    assert bench.sockets[0].is_closed
    assert bench.why_not() == "the server is stopping"


def test_close_wakes_the_call_that_runs() -> None:
    bench = Bench()
    bench.is_online()
    bench.held = []
    asked = bench.api.is_online(ACCESS, MEANT)
    bench.api.close()
    assert bench.sockets[0].is_ended
    bench.let_go()
    with pytest.raises(ApiUnavailable):
        result(asked)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x00",
        b"\x06!fatal\x00",
        b"\xff\x00",
        b"\x03!re\x02=a\x00" * 3 + b"\x00",
        b"\xef\xff\xff\xff",
        b"\x01x\x00" * 9,
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure_like_any_other(octets: bytes) -> None:
    bench = Bench()
    bench.routers["10.0.0.1"] = BabblingRouter(octets)
    assert bench.why_not() in ("the answer cannot be read", "no answer in time", "the router ended the connection")


class BabblingRouter:
    """Says the same to everything."""

    is_off = False

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def buildProtocol(self, _: object) -> "Babbling":
        return Babbling(self._octets)


class Babbling:
    """Its end of a connection."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makeConnection(self, transport: Any) -> None:
        self._transport = transport

    def dataReceived(self, _: bytes) -> None:
        self._transport.write(self._octets)

    def connectionLost(self) -> None:
        pass


# Secrets


def test_the_password_is_in_no_log_error_or_repr(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        bench = Bench()
        bench.is_online()
        secret = evolve(ACCESS, password="hemligt", router_id=2)
        reason = bench.why_not(access=secret)
    assert "hemligt" not in repr(secret) + reason + repr(bench.api._routers[2]) + caplog.text
    assert PASSWORD not in caplog.text


def test_a_router_that_gives_the_password_back_is_not_quoted() -> None:
    bench = Bench()
    bench.is_online()
    bench.sockets[0]._protocol.dataReceived = lambda _: bench.sockets[0].write(
        _sentence("!trap", f"=message=bad {PASSWORD}\n") + _sentence("!done")
    )
    assert bench.why_not() == "the router says: no"


def _sentence(*words: str) -> bytes:
    return b"".join(bytes((len(word.encode()),)) + word.encode() for word in words) + b"\0"
