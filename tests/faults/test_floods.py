"""What is made of the log lines and the times of a flood."""

from radiusd.faults.flood import FORGED, GREEDY, UNKNOWN, Flood, _makers
from radiusd.faults.floods import Plan, most_of_a_cause
from radiusd.wire.authenticator import has_valid_message_authenticator
from radiusd.wire.packet import decode

HEAD = "2026-11-21T13:06:51+0000 [radiusd.server.counters#warn] dropped a packet from 127.66.6.6: "


def test_log_lines_are_counted_by_their_cause() -> None:
    lines = [f"{HEAD}unknown_source  ({more} more since the last line)" for more in range(3)]
    assert most_of_a_cause([*lines, f"{HEAD}bad_message_authenticator (router r0) (0 more)"]) == 3
    assert most_of_a_cause([]) == 0


def test_a_greedy_router_asks_fifty_times_the_share_of_one_of_ten() -> None:
    assert Plan(rate=200).rate_of(GREEDY) == 1000
    assert Plan(rate=200).rate_of(UNKNOWN) == 20_000


def a_flood(kind: str) -> Flood:
    return Flood(kind=kind, source="127.9.100.11", port=1812, rate=1, seconds=1, first_guest=1000, guests=3, name="r10")


def test_a_forged_request_has_an_authenticator_that_is_wrong_and_a_greedy_one_a_right_one() -> None:
    (forged,) = _makers(a_flood(FORGED))
    greedy = _makers(a_flood(GREEDY))
    assert len(greedy) == 3
    assert not has_valid_message_authenticator(decode(forged(7)), b"testing123")
    assert all(has_valid_message_authenticator(decode(make(7)), b"testing123") for make in greedy)


def test_no_two_datagrams_of_a_flood_are_repetitions() -> None:
    for kind in (FORGED, GREEDY):
        make = _makers(a_flood(kind))[0]
        assert len({make(7) for _ in range(20)}) == 20
