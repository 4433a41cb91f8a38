"""A router's clock may be wrong, and then be set right; what is asked again is old, and takes no time from anybody."""

from typing import Any

from sqlalchemy import select

from policy.quantities import Instant
from radiusd.store.schema import connections
from tests.server.given import Server, a_report


def lines(server: Server) -> list[tuple[str, int]]:
    with server.database.reading() as connection:
        query = select(connections.c.state, connections.c.uploaded).order_by(connections.c.id)
        return [(row.state, row.uploaded) for row in connection.execute(query)]


def report(server: Server, kind: str, name: str = "80100001", octets: int = 0) -> None:
    stamp = server.at // 1000
    packet = a_report(kind, Acct_Session_Id=name, Event_Timestamp=stamp, Acct_Input_Octets=octets)
    assert server.ask(packet.RequestPacket()) != []


def asked_again_after_a_restart(server: Server, seconds: float) -> None:
    server.log_in(Acct_Session_Id="80100001")
    start = a_report("Start", Acct_Session_Id="80100001", Event_Timestamp=server.at // 1000).RequestPacket()
    server.ask(start)
    server.pass_time(1)
    report(server, "Stop", octets=5_000)
    server.restart()
    server.pass_time(seconds)
    assert server.ask(start) != []


def test_a_start_that_is_asked_again_after_a_restart_opens_nothing(server: Server) -> None:
    asked_again_after_a_restart(server, 5)
    assert lines(server) == [("CLOSED", 5_000)]


def test_once_the_clock_of_the_router_is_known_a_new_start_under_an_old_name_is_new(server: Server) -> None:
    asked_again_after_a_restart(server, 5)
    server.pass_time(31)
    report(server, "Start")
    assert lines(server) == [("CLOSED", 5_000), ("OPEN", 0)]


class Router:
    """Its clock is `ahead` of the server's by so many seconds; a new guest comes under the next number."""

    def __init__(self, server: Server, ahead: int) -> None:
        self.server = server
        self.ahead = ahead
        self.number = 0

    def packet(self, kind: str, **more: Any) -> bytes:
        stamp = self.server.at // 1000 + self.ahead
        packet = a_report(kind, Acct_Session_Id=f"8010000{self.number}", Event_Timestamp=stamp, **more)
        octets: bytes = packet.RequestPacket()
        return octets

    def online_for(self, seconds: int) -> None:
        """A guest comes and goes."""
        self.number += 1
        self.server.log_in(Acct_Session_Id=f"8010000{self.number}")
        assert self.server.ask(self.packet("Start"))
        self.server.pass_time(seconds)
        assert self.server.ask(self.packet("Stop", Acct_Session_Time=seconds, Acct_Input_Octets=1_000))

    def seconds(self) -> list[int]:
        """What was recorded of each of its guests."""
        with self.server.database.reading() as connection:
            found = connection.execute(select(connections.c.seconds).order_by(connections.c.id))
            return list(found.scalars())


def test_a_clock_that_was_ahead_and_is_set_right_takes_time_from_nobody(server: Server) -> None:
    router = Router(server, ahead=300)
    router.online_for(240)
    router.ahead = 0
    server.pass_time(240)
    for _ in range(3):
        router.online_for(240)
    assert router.seconds() == [240] * 4


def test_in_a_busy_cafe_it_is_known_again_four_minutes_later(server: Server) -> None:
    router = Router(server, ahead=300)
    for router.ahead in [300] * 7 + [0] * 11:
        router.online_for(20)
    assert router.seconds() == [20] * 7 + [2] * 10 + [20]


def test_a_server_whose_own_clock_jumps_ahead_takes_time_from_nobody(server: Server) -> None:
    router = Router(server, ahead=0)
    router.online_for(60)
    server.at, router.ahead = Instant(server.at + 300_000), -300
    router.online_for(60)
    assert router.seconds() == [60, 60]


def test_nor_does_one_whose_own_clock_goes_back_a_day(server: Server) -> None:
    router = Router(server, ahead=120)
    router.online_for(60)
    server.at, router.ahead = Instant(server.at - 86_400_000), 0
    router.online_for(60)
    assert router.seconds() == [60, 60]


def test_a_start_that_is_asked_again_when_a_clock_was_set_right_opens_nothing(server: Server) -> None:
    router = Router(server, ahead=300)
    router.online_for(110)
    router.ahead = 0
    server.pass_time(20)
    router.online_for(70)
    router.number = 3
    server.log_in(Acct_Session_Id="80100003")
    server.pass_time(25)
    start = router.packet("Start")
    server.pass_time(20)
    server.ask(router.packet("Stop", Acct_Session_Time=20, Acct_Input_Octets=5_000))
    server.pass_time(6)  # what was heard while it was ahead counts no more
    server.ask(start)
    assert lines(server) == [("CLOSED", 1_000), ("CLOSED", 1_000), ("CLOSED", 5_000)]
