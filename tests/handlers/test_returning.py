"""A device that comes back is answered from memory for as long as the store would say the same."""

from hashlib import md5
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import evolve
from pyrad.packet import AuthPacket

from policy.quantities import Instant, Octets, Seconds, later
from radiusd.handlers import classes, returning
from radiusd.handlers.classes import ClassKey
from radiusd.handlers.returning import TRUSTED_FOR, Returning
from radiusd.jobs.access import Granted
from radiusd.server.protocol import Reply, Request
from radiusd.store.directory import Router
from radiusd.wire.codes import Code
from radiusd.wire.packet import decode
from tests.server.given import NOON, PHONE, SECRET, TABLET
from tests.wire.given import DICTIONARY

KEY = bytes(32)
ROUTER = Router(id=1, name="r1", branch_id=1, network=ip_network("10.0.0.1/32"), secret=SECRET)
OTHER_ROUTER = evolve(ROUTER, id=2)
OFFER = (120, 300)
HOUR_FROM_NOON = Instant(NOON + 3_600_000)
GRANTED = Granted(
    session_id=7,
    connection_id=9,
    pass_id=3,
    ends_at=HOUR_FROM_NOON,
    is_repeatable=True,
    package="1h",
    time=Seconds(3600),
    data=None,
    rate=None,
    devices=1,
    account_id=5,
    account="nora",
    passwords=(b"secret",),
)
HASHED = evolve(GRANTED, passwords=(), hashed=b"$argon2id$...")


def a_request(
    when: Instant = NOON,
    user: str = "nora",
    mac: str = PHONE,
    router: Router = ROUTER,
    password: str | None = "secret",
    chap: str | None = None,
    **more: Any,
) -> Request:
    """An Access-Request, by password or by CHAP."""
    packet = AuthPacket(secret=SECRET, dict=DICTIONARY)
    packet["User-Name"] = user
    packet["Calling-Station-Id"] = mac
    if chap is not None:
        challenge = b"c" * 16
        answer = md5(b"\x05" + chap.encode() + challenge, usedforsecurity=False).digest()
        packet["CHAP-Password"] = b"\x05" + answer
        packet["CHAP-Challenge"] = challenge
    elif password is not None:
        packet["User-Password"] = packet.PwCrypt(password)
    for name, value in more.items():
        packet[name.replace("_", "-")] = value
    return Request(decode(packet.RequestPacket()), router, ("10.0.0.1", 40000), when)


def remembering(granted: Granted = GRANTED, **first: Any) -> Returning:
    """The device was let in at noon, and the store has been seen since."""
    known = Returning(KEY)
    known.remember(a_request(**first), granted, OFFER)
    known.saw_store(NOON)
    return known


def told(reply: Reply | None) -> dict[str, Any]:
    """What an Access-Accept says, as pyrad reads it."""
    assert reply is not None
    packet = AuthPacket(secret=SECRET, dict=DICTIONARY)
    octets = bytes([int(Code.ACCESS_ACCEPT), 1]) + (20 + len(reply.attributes)).to_bytes(2) + bytes(16)
    read = packet.CreateReply(packet=octets + reply.attributes)
    return {str(name): read[name] for name in read.keys()}  # noqa: SIM118 - pyrad's packets are no mappings


def accepts(known: Returning, **asked: Any) -> bool:
    return known.answer(a_request(**asked)) is not None


# What it is answered


def test_a_device_that_comes_back_is_told_what_it_was_told_before_but_for_the_connection() -> None:
    known = remembering()
    said = told(known.answer(a_request(NOON)))
    assert said["Session-Timeout"] == [3600]
    assert (said["Acct-Interim-Interval"], said["Idle-Timeout"], said["Port-Limit"]) == ([120], [300], [2])
    assert said["Reply-Message"] == ["Welcome. 1h: 1 h 00 min left."]
    assert classes.read(said["Class"][0], KEY) == ClassKey(session_id=7, connection_id=0)


@pytest.mark.parametrize("after", [1, 999, 1000, 1001, 1_799_999, 1_800_000, 3_598_000, 3_598_999, 3_599_000])
def test_its_time_runs_down_with_the_clock(after: int) -> None:
    known = remembering()
    known.saw_store(Instant(NOON + after))
    said = told(known.answer(a_request(Instant(NOON + after))))
    assert said["Session-Timeout"] == [(3_600_000 - after) // 1000]


@pytest.mark.parametrize("after", [3_599_001, 3_599_999, 3_600_000, 4_000_000])
def test_when_less_than_a_second_is_left_the_store_is_asked(after: int) -> None:
    known = remembering()
    known.saw_store(Instant(NOON + after))
    assert known.answer(a_request(Instant(NOON + after))) is None


def test_a_pass_without_an_end_is_told_none() -> None:
    known = remembering(evolve(GRANTED, ends_at=None, time=None))
    assert "Session-Timeout" not in told(known.answer(a_request()))


# Who is answered


def test_the_right_password_is_enough_and_a_wrong_one_is_for_the_store() -> None:
    known = remembering()
    assert accepts(known)
    for wrong in ("", "Secret", "secret\0x", "secret "):
        assert not accepts(known, password=wrong)


def test_chap_proves_the_password_whatever_it_was_first_proven_by() -> None:
    for known in (remembering(), remembering(chap="secret")):
        assert accepts(known, chap="secret")
        assert accepts(known)
        assert not accepts(known, chap="Secret")
    assert not accepts(remembering(), password=None, CHAP_Password=bytes(16))


def test_a_hashed_password_is_known_again_by_its_mark() -> None:
    known = remembering(HASHED)
    assert accepts(known)
    assert not accepts(known, password="Secret")
    assert not accepts(known, password="")
    assert not accepts(known, chap="secret")


def test_without_a_password_or_with_eap_the_store_is_asked() -> None:
    assert not accepts(remembering(), password=None)
    assert not accepts(remembering(), EAP_Message=b"\x02\x01\x00\x05\x01")


@pytest.mark.parametrize(
    "asked", [{"user": "an"}, {"user": "NORA"}, {"mac": TABLET}, {"router": OTHER_ROUTER}], ids=str
)
def test_nobody_else_is_answered(asked: dict[str, Any]) -> None:
    known = remembering()
    assert accepts(known)
    assert not accepts(known, **asked)


def test_who_has_no_name_or_no_device_is_not_remembered() -> None:
    for missing in (1, 31):
        first = a_request()
        del first.packet.values[missing]
        known = Returning(KEY)
        known.remember(first, GRANTED, OFFER)
        known.saw_store(NOON)
        assert known.answer(first) is None


def test_a_hash_that_chap_was_checked_against_is_nothing_to_remember_by() -> None:
    assert not accepts(remembering(HASHED, chap="secret"))


# When it is not trusted


def test_nothing_is_answered_before_the_store_was_seen() -> None:
    known = Returning(KEY)
    known.remember(a_request(), GRANTED, OFFER)
    assert not accepts(known)


@pytest.mark.parametrize(("after", "expected"), [(0, True), (TRUSTED_FOR, True), (TRUSTED_FOR + 1, False), (-1, False)])
def test_nothing_is_answered_when_the_store_was_not_seen_lately(after: int, expected: bool) -> None:
    assert accepts(remembering(), when=Instant(NOON + after)) is expected


def test_a_pass_that_moved_is_forgotten_with_all_its_devices_and_no_other() -> None:
    known = remembering()
    known.remember(a_request(mac=TABLET), GRANTED, OFFER)
    known.remember(a_request(user="an"), evolve(GRANTED, pass_id=4), OFFER)
    known.forget_passes([3, 99])
    assert not accepts(known)
    assert not accepts(known, mac=TABLET)
    assert accepts(known, user="an")


def test_a_device_on_another_pass_now_goes_with_that_one_only() -> None:
    known = remembering()
    known.remember(a_request(), evolve(GRANTED, pass_id=4), OFFER)
    known.forget_passes([3])
    assert accepts(known)
    known.forget_passes([4])
    assert not accepts(known)


def test_when_anything_may_have_changed_everybody_is_forgotten() -> None:
    known = remembering()
    known.clear()
    assert not accepts(known)


@pytest.mark.parametrize(("heard_after", "expected"), [(0, False), (-1, True), (10, False)])
def test_what_others_changed_while_the_answer_was_on_its_way_is_not_remembered(
    heard_after: int, expected: bool
) -> None:
    heard_at = Instant(NOON + heard_after)
    heard, cleared = Returning(KEY), Returning(KEY)
    heard.forget_passes([3], heard_at)
    cleared.clear(heard_at)
    for known in (heard, cleared):
        known.remember(a_request(NOON), GRANTED, OFFER)
        known.saw_store(NOON)
        assert accepts(known) is expected


@pytest.mark.parametrize("other", [{"data": Octets(1000)}, {"ends_at": None}], ids=str)
def test_what_does_not_follow_from_the_clock_is_not_remembered(other: dict[str, Any]) -> None:
    assert not accepts(remembering(evolve(GRANTED, **other)))


def test_there_is_room_for_so_many_and_the_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returning, "MOST", 3)
    known = remembering()
    for number in range(3):
        known.remember(a_request(user=f"u{number}"), evolve(GRANTED, pass_id=10 + number), OFFER)
    assert not accepts(known)
    assert all(accepts(known, user=f"u{number}") for number in range(3))


# What is told of it


def test_all_returns_of_a_device_are_told_once_in_one_decision() -> None:
    known = remembering()
    for _ in range(3):
        accepts(known, when=later(NOON, 0))
    (decision,) = known.untold(10)
    assert (decision.at, decision.verdict, decision.name, decision.device) == (NOON, "accepted", "nora", PHONE)
    assert (decision.router_id, decision.account_id, decision.session_id) == (1, 5, 7)
    assert decision.facts[0].values["times"] == 3
    assert known.untold(10) == []
    accepts(known)
    assert [each.facts[0].values["times"] for each in known.untold(10)] == [1]


def test_an_account_is_told_by_its_own_name_whatever_its_guest_logs_in_by() -> None:
    known = remembering(evolve(GRANTED, account="voucher of nora"), user="ABCD-EFGH")
    accepts(known, user="ABCD-EFGH")
    assert [each.name for each in known.untold(1)] == ["voucher of nora"]


def test_who_was_not_answered_is_not_told() -> None:
    known = remembering()
    accepts(known, password="wrong")
    assert known.untold(10) == []


def test_the_longest_untold_are_told_first_and_no_more_than_asked_for() -> None:
    known = remembering()
    known.remember(a_request(user="an"), evolve(GRANTED, account="an", pass_id=4), OFFER)
    accepts(known)
    accepts(known, user="an")
    assert [each.name for each in known.untold(1)] == ["nora"]
    assert [each.name for each in known.untold(1)] == ["an"]


def test_returns_are_told_though_the_device_was_forgotten_and_is_known_again() -> None:
    known = remembering()
    for _ in range(2):
        accepts(known)
    known.forget_passes([3])
    known.remember(a_request(), GRANTED, OFFER)
    accepts(known)
    assert sorted(each.facts[0].values["times"] for each in known.untold(10)) == [1, 2]
