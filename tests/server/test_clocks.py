"""A server that has just started does not take what a router asks again for something new."""

from sqlalchemy import select

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
