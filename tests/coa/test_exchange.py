"""Exchanges with a NAS: what is sent when, and which answer is to what."""

from random import Random

import pytest

from policy.quantities import Instant
from radiusd.coa.exchange import FOR_A_CAFE, IN_FLIGHT, Datagram, Line
from radiusd.coa.orders import Acknowledged, Refused, Silent
from radiusd.wire.codes import Code
from tests.coa.given import BEGAN, SECRET, TARGET, answer, order, read
from tests.wire.given import DICTIONARY

ACK, NAK = 41, 42


def at(milliseconds: int) -> Instant:
    return Instant(BEGAN + milliseconds)


def a_line() -> Line:
    return Line(TARGET, DICTIONARY, Random(1), FOR_A_CAFE, lambda: BEGAN)


def first(line: Line, number: int = 1) -> Datagram:
    """What is sent for one order begun now."""
    line.begin(order(number, f"8010000{number}"), BEGAN)
    (sent,) = line.due(BEGAN)
    return sent


def test_a_disconnect_request_names_the_session_dates_itself_and_is_signed() -> None:
    request = read(first(a_line()).octets)
    assert request.code == Code.DISCONNECT_REQUEST
    assert (request["User-Name"], request["Acct-Session-Id"]) == (["nora"], ["80100001"])
    assert request["Framed-IP-Address"] == ["10.5.0.2"]
    assert request["Event-Timestamp"] == [BEGAN // 1000]


def test_it_is_sent_again_at_300_900_and_2100_ms_with_the_same_octets() -> None:
    line = a_line()
    sent = first(line)
    times = []
    for milliseconds in range(1, 4_600):
        for again in line.due(at(milliseconds)):
            times.append(milliseconds)
            assert again == sent
    assert times == [300, 900, 2_100]
    assert line.next_at() == at(4_500)


def test_an_answer_is_to_the_request_with_its_identifier_and_authenticator() -> None:
    line = a_line()
    one, two = first(line, 1), first(line, 2)
    assert line.receive(two.socket, answer(two.octets, ACK), at(20)) == (
        [order(2, "80100002")],
        Acknowledged(1, 20),
    )
    assert line.receive(one.socket, answer(one.octets, NAK, 503), at(30)) == (
        [order(1, "80100001")],
        Refused(503, 1, 30),
    )
    assert line.is_idle


def test_an_error_cause_may_be_missing() -> None:
    line = a_line()
    sent = first(line)
    assert line.receive(0, answer(sent.octets, NAK), at(1)) == ([order(1)], Refused(None, 1, 1))


@pytest.mark.parametrize(
    ("code", "secret", "reason"),
    [(ACK, b"another secret", "bad_authenticator"), (44, SECRET, "wrong_code"), (2, SECRET, "wrong_code")],
)
def test_what_is_no_answer_to_it_is_told_in_a_word(code: int, secret: bytes, reason: str) -> None:
    line = a_line()
    sent = first(line)
    assert line.receive(0, answer(sent.octets, code, secret=secret), at(1)) == reason
    assert not line.is_idle


def test_an_answer_nobody_asked_for_and_one_to_another_socket_are_told_too() -> None:
    line = a_line()
    sent = first(line)
    assert line.receive(1, answer(sent.octets, ACK), at(1)) == "unasked"
    line.receive(0, answer(sent.octets, ACK), at(1))
    assert line.receive(0, answer(sent.octets, ACK), at(2)) == "unasked"
    assert line.receive(0, b"x", at(2)) == "short_datagram"


def test_silence_is_given_up_after_four_and_a_half_seconds() -> None:
    line = a_line()
    first(line)
    for milliseconds in (300, 900, 2_100):
        list(line.due(at(milliseconds)))
    assert list(line.give_up(at(4_499))) == []
    assert list(line.give_up(at(4_500))) == [([order(1)], Silent(4, 4_500))]


def test_a_second_wish_for_one_session_joins_the_first() -> None:
    line = a_line()
    sent = first(line)
    line.begin(order(7), at(10))
    assert list(line.due(at(10))) == []
    assert line.receive(0, answer(sent.octets, ACK), at(20)) == ([order(1), order(7)], Acknowledged(1, 20))


def test_twenty_are_in_flight_and_the_others_wait_their_turn() -> None:
    line = a_line()
    for number in range(IN_FLIGHT + 5):
        line.begin(order(number, f"{number}"), BEGAN)
    sent = list(line.due(BEGAN))
    assert len(sent) == IN_FLIGHT
    line.receive(0, answer(sent[3].octets, ACK), at(5))
    assert list(line.give_up(at(5))) == []
    (next_one,) = line.due(at(5))
    assert read(next_one.octets)["Acct-Session-Id"] == [f"{IN_FLIGHT}"]


def test_an_order_that_is_forgotten_is_not_sent_again_and_leaves_its_room_to_another() -> None:
    line = a_line()
    for number in range(IN_FLIGHT + 1):
        line.begin(order(number, f"{number}"), BEGAN)
    list(line.due(BEGAN))
    line.forget(order(0, "0"), at(5))
    (next_one,) = line.due(at(5))
    assert read(next_one.octets)["Acct-Session-Id"] == [f"{IN_FLIGHT}"]
    assert len(list(line.due(at(300)))) == IN_FLIGHT - 1


def test_one_of_two_who_wait_for_an_answer_may_be_forgotten() -> None:
    line = a_line()
    sent = first(line)
    line.begin(order(7), at(10))
    line.forget(order(1), at(20))
    assert line.receive(0, answer(sent.octets, ACK), at(30)) == ([order(7)], Acknowledged(1, 30))


def test_an_identifier_rests_for_five_minutes_and_then_comes_from_a_new_socket() -> None:
    line = a_line()
    seen = set()
    for number in range(300):
        line.begin(order(number, f"{number}"), at(number))
        (sent,) = line.due(at(number))
        line.receive(sent.socket, answer(sent.octets, ACK), at(number))
        seen.add((sent.socket, sent.octets[1]))
    assert len(seen) == 300
    assert {socket for socket, _ in seen} == {0, 1}


def use_up(line: Line, since: int) -> None:
    """Every Identifier of a socket is used, one in a millisecond."""
    for number in range(since, since + 256):
        line.begin(order(number, f"{number}"), at(number))
        (sent,) = line.due(at(number))
        line.receive(sent.socket, answer(sent.octets, ACK), at(number))


def test_an_older_socket_is_done_with_once_its_last_identifier_has_rested() -> None:
    line = a_line()
    use_up(line, 0)
    assert list(line.done_with(at(1_000_000))) == []
    use_up(line, 10_000)
    assert list(line.done_with(at(300_254))) == []
    assert list(line.done_with(at(300_255))) == [0]
    assert list(line.done_with(at(300_256))) == []


def test_an_older_socket_is_not_done_with_while_something_is_in_flight() -> None:
    line = a_line()
    first(line)
    use_up(line, 0)
    assert line.socket == 1
    assert list(line.done_with(at(400_000))) == []
    assert list(line.give_up(at(400_000))) != []
    assert list(line.done_with(at(400_000))) == [0]


def test_a_change_carries_its_attributes_and_is_another_wish_than_a_cut() -> None:
    line = a_line()
    first(line)
    change = order(2, code=Code.COA_REQUEST)
    line.begin(change, at(1))
    (sent,) = line.due(at(1))
    assert read(sent.octets).code == Code.COA_REQUEST
    assert line.receive(0, answer(sent.octets, 45, 503), at(9)) == ([change], Refused(503, 1, 8))
