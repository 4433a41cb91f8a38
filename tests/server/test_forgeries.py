"""Who forges packets from a router's address cannot keep the server busy, and the router is heard all the same."""

from policy.quantities import Instant
from radiusd.server.forgeries import MOST_FAILURES, WINDOW, Forgeries
from tests.server.given import SOURCE, Server, a_login, a_report

FORGER = (SOURCE[0], 6_666)
ELSEWHERE = (SOURCE[0], 50_000)


def flood(server: Server, count: int) -> None:
    for number in range(count):
        assert server.ask(a_login(f"u{number}", secret=b"wrong").RequestPacket(), source=FORGER) == []


def dropped(server: Server, reason: str) -> int:
    return server.counters.counts[f"dropped_{reason}"]


def test_no_more_forged_packets_are_looked_at_than_an_address_has_to_its_credit(server: Server) -> None:
    flood(server, MOST_FAILURES + 30)
    assert (dropped(server, "bad_message_authenticator"), dropped(server, "forged_flood")) == (MOST_FAILURES, 30)
    server.pass_time(WINDOW / 1000)
    flood(server, 1)
    assert dropped(server, "bad_message_authenticator") == MOST_FAILURES + 1


def test_a_router_that_has_shown_to_know_the_secret_is_heard_during_the_flood(server: Server) -> None:
    assert server.log_in() is not None
    flood(server, MOST_FAILURES + 1)
    assert server.log_in() is not None
    assert server.ask(a_login().RequestPacket(), source=ELSEWHERE) == []
    server.pass_time(WINDOW / 1000)
    assert len(server.ask(a_login().RequestPacket(), source=ELSEWHERE)) == 1


def test_accounting_shows_to_know_the_secret_too(server: Server) -> None:
    def report(secret: bytes, port: int) -> list[bytes]:
        packet = a_report("Start", secret=secret, Acct_Session_Id=f"{port:x}")
        return server.ask(packet.RequestPacket(), source=(SOURCE[0], port))

    good = server.report("Start", Acct_Session_Id="80100001")
    assert good
    for number in range(MOST_FAILURES):
        assert report(b"wrong", 1_024 + number) == []
    assert dropped(server, "bad_authenticator") == MOST_FAILURES
    assert report(b"wrong", 6_666) == []
    assert dropped(server, "forged_flood") == 1
    assert server.report("Start", Acct_Session_Id="80100002")


def test_what_is_not_signed_shows_nothing(server: Server) -> None:
    unsigned = a_login(signed=False).RequestPacket()
    assert len(server.ask(unsigned, source=FORGER)) == 1
    flood(server, MOST_FAILURES)
    assert server.ask(a_login(signed=False).RequestPacket(), source=FORGER) == []
    assert dropped(server, "forged_flood") == 1


def test_each_address_has_a_budget_of_its_own_and_it_is_whole_again_after_the_window() -> None:
    forgeries = Forgeries()
    for _ in range(MOST_FAILURES):
        forgeries.failed(FORGER, Instant(1_000))
    assert forgeries.refuses(FORGER, Instant(1_000 + WINDOW - 1))
    assert not forgeries.refuses(("10.9.9.9", 6_666), Instant(1_000))
    assert not forgeries.refuses(FORGER, Instant(1_000 + WINDOW))
    assert not forgeries.refuses(FORGER, Instant(10))  # the clock was set back
    forgeries.failed(FORGER, Instant(1_000 + WINDOW))
    assert not forgeries.refuses(FORGER, Instant(1_000 + WINDOW))
