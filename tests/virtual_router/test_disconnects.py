"""Disconnects as RouterOS answers them, and as others do."""

from hashlib import md5

import pytest

from radiusd.virtual_router.habits import Habits
from radiusd.wire.codes import AcctStatusType, ErrorCause, TerminateCause
from radiusd.wire.packet import decode
from tests.virtual_router.given import NORA, SECRET, Answer, Site, an_order, verified

ACK, NAK = 41, 42


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"Framed_IP_Address": None},
        {"Acct_Session_Id": None},
    ],
    ids=["user, session and address", "user and session", "user and address"],
)
def test_a_disconnect_that_names_the_session_ends_it(named: dict[str, None]) -> None:
    site = Site()
    online = site.router.admit(NORA)
    assert site.order(online, **named) == Answer(ACK, None)
    assert site.router.online == []
    assert [(each.status, each.cause) for each in site.reports] == [
        (AcctStatusType.START, None),
        (AcctStatusType.STOP, TerminateCause.ADMIN_RESET),
    ]
    assert site.ended == [(online, TerminateCause.ADMIN_RESET)]


@pytest.mark.parametrize(
    "named",
    [
        {"User_Name": None},
        {"Acct_Session_Id": None, "Framed_IP_Address": None},
        {"User_Name": None, "Acct_Session_Id": None},
    ],
    ids=["no user", "user only", "address only"],
)
def test_one_attribute_is_not_enough(named: dict[str, None]) -> None:
    site = Site()
    online = site.router.admit(NORA)
    assert site.order(online, **named) == Answer(NAK, ErrorCause.MISSING_ATTRIBUTE)
    assert site.router.online == [online]


def test_all_that_is_given_must_fit() -> None:
    site = Site()
    online = site.router.admit(NORA)
    other = {"User_Name": "norb", "Acct_Session_Id": "80100099", "Framed_IP_Address": "10.5.50.3"}
    for name, value in other.items():
        assert site.order(online, **{name: value}) == Answer(NAK, ErrorCause.SESSION_CONTEXT_NOT_FOUND)
    assert site.router.online == [online]


@pytest.mark.parametrize(
    ("habits", "cause"),
    [
        (Habits(), ErrorCause.SESSION_CONTEXT_NOT_FOUND),
        (Habits(nak_406=True), ErrorCause.UNSUPPORTED_EXTENSION),
        (Habits(nak_bare=True), None),
    ],
)
@pytest.mark.parametrize("code", [40, 43])
def test_a_session_that_is_not_there(habits: Habits, cause: ErrorCause | None, code: int) -> None:
    site = Site(habits)
    site.router.admit(NORA)
    assert site.order(code=code, User_Name="nora", Acct_Session_Id="80100099") == Answer(code + 2, cause)


def test_a_router_that_takes_no_address_takes_the_rest() -> None:
    site = Site(Habits(nak_401=True))
    online = site.router.admit(NORA)
    assert site.order(online) == Answer(NAK, ErrorCause.UNSUPPORTED_ATTRIBUTE)
    assert site.order(online, Framed_IP_Address=None) == Answer(ACK, None)


def test_a_router_that_prohibits_all() -> None:
    site = Site(Habits(nak_501=True))
    online = site.router.admit(NORA)
    assert site.order(online) == Answer(NAK, ErrorCause.ADMINISTRATIVELY_PROHIBITED)
    assert site.router.online == [online]


def test_accept_off_hears_nothing() -> None:
    site = Site(Habits(accept_off=True))
    online = site.router.admit(NORA)
    assert site.order(online, at=60) is None
    assert site.router.online == [online]


def test_an_acknowledgement_without_effect() -> None:
    site = Site(Habits(ack_only=True))
    online = site.router.admit(NORA)
    assert site.order(online) == Answer(ACK, None)
    assert site.router.online == [online]
    assert site.stops == []


def test_a_mute_router_cuts_and_says_nothing() -> None:
    site = Site(Habits(mute=True))
    online = site.router.admit(NORA)
    assert site.order(online, at=60) is None
    assert len(site.stops) == 1


def test_a_router_that_is_mute_for_a_while_hears_nothing_in_it() -> None:
    site = Site(Habits(mute_for=3.0))
    online = site.router.admit(NORA)
    request = an_order(online)
    octets = request.RequestPacket()
    assert site.ask(octets, at=2.9) == []
    assert site.router.online == [online]
    assert site.ask(octets, at=0.2) == []
    assert verified(request, site.ask(octets)[0]) == Answer(ACK, None)


def test_a_late_answer_to_what_was_done_at_once() -> None:
    site = Site(Habits(late_by=2.5))
    online = site.router.admit(NORA)
    octets = an_order(online).RequestPacket()
    assert site.ask(octets, at=2.4) == []
    assert len(site.stops) == 1
    assert len(site.ask(b"", at=0.2)) == 1


@pytest.mark.parametrize(("habits", "order"), [(Habits(), [41, 4]), (Habits(stop_first=True), [4, 41])])
def test_the_stop_and_the_acknowledgement_come_in_this_order(habits: Habits, order: list[int]) -> None:
    site = Site(habits)
    online = site.router.admit(NORA)
    site.router.journal.clear()
    site.order(online)
    assert [entry.octets[0] for entry in site.router.journal if entry.is_sent] == order


def test_a_lost_stop() -> None:
    site = Site(Habits(lost_stop=True))
    assert site.order(site.router.admit(NORA)) == Answer(ACK, None)
    assert site.router.online == []
    assert site.stops == []


def test_the_same_octets_again_get_the_same_answer() -> None:
    site = Site()
    octets = an_order(site.router.admit(NORA)).RequestPacket()
    assert site.ask(octets) == site.ask(octets)
    assert len(site.stops) == 1


def test_asked_anew_it_is_not_there_any_more() -> None:
    site = Site()
    online = site.router.admit(NORA)
    assert site.order(online) == Answer(ACK, None)
    assert site.order(online, id=6) == Answer(NAK, ErrorCause.SESSION_CONTEXT_NOT_FOUND)


def test_a_wrong_secret_is_met_with_silence_and_counted() -> None:
    site = Site()
    octets = an_order(site.router.admit(NORA), secret=b"another one").RequestPacket()
    assert site.ask(octets, at=60) == []
    assert site.router.incoming.bad_requests == 1


def test_a_wrong_message_authenticator_is_met_with_silence() -> None:
    site = Site()
    octets = bytearray(an_order(site.router.admit(NORA)).RequestPacket())
    at = decode(bytes(octets)).message_authenticator_at
    assert at is not None
    octets[at] ^= 1
    octets[4:20] = md5(octets[:4] + bytes(16) + octets[20:] + SECRET, usedforsecurity=False).digest()
    assert site.ask(bytes(octets), at=60) == []
    assert site.router.incoming.bad_requests == 1


@pytest.mark.parametrize("octets", [b"", b"\x28", bytes(20), b"\x28\x05\x00\x14" + bytes(16)])
def test_nonsense_is_counted(octets: bytes) -> None:
    site = Site()
    assert site.ask(octets) == []
    assert site.router.incoming.bad_requests == 1


def test_another_port() -> None:
    site = Site(Habits(listens_at=1700))
    assert site.reactor.udp[1700] is site.router.incoming
    assert 3799 not in site.reactor.udp
