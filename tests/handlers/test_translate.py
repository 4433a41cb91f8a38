"""Attributes into what policy reckons with, and what a pass sells into attributes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AuthPacket, Packet

from policy.admission import Accepted
from policy.connection import AccountingStart, AccountingStop, InterimUpdate
from policy.package import Rate
from policy.quantities import BitsPerSecond, Instant, Seconds
from policy.usage import Report
from radiusd.handlers import classes
from radiusd.handlers.classes import ClassKey
from radiusd.handlers.translate import (
    Chap,
    Line,
    NoPassword,
    Pap,
    accept_attributes,
    accounting_event,
    credentials,
    line,
    rate_limit,
    welcome,
)
from radiusd.wire.errors import MalformedPacket
from radiusd.wire.packet import decode, encode
from tests.server.given import NOON, PHONE, SECRET, a_login, a_report
from tests.wire.given import DICTIONARY

KEY = bytes(range(32))
GIB = 1 << 30
MIN = 60_000


def accepted(**more: Any) -> Accepted:
    """On to an unlimited package for one device, unless told otherwise."""
    values: dict[str, Any] = {
        "session_id": 7,
        "connection_id": 9,
        "package": "Evening",
        "time": None,
        "data": None,
        "rate": None,
        "devices": 1,
        **more,
    }
    return Accepted(**values)


def told(answer: Accepted, interim: int = 120, idle_timeout: int | None = None) -> Any:
    """The attributes of an Access-Accept as pyrad reads them."""
    attributes = accept_attributes(answer, interim, idle_timeout, KEY)
    return Packet(dict=DICTIONARY, packet=encode(2, 1, bytes(16), attributes))


def a_rate(up: int, down: int, burst: int = 0, priority: int = 8) -> Rate:
    return Rate(BitsPerSecond(up), BitsPerSecond(down), burst, priority)


# What an Access-Accept says


def test_without_limits_nothing_is_limited() -> None:
    reply = told(accepted())
    assert sorted(reply.keys()) == ["Acct-Interim-Interval", "Class", "Port-Limit", "Reply-Message"]


def test_class_names_the_session_and_the_connection() -> None:
    assert classes.read(told(accepted())["Class"][0], KEY) == ClassKey(7, 9)


@pytest.mark.parametrize("seconds", [1, 59, 3600, 21_474_720])
def test_session_timeout_is_what_is_left(seconds: int) -> None:
    assert told(accepted(time=seconds))["Session-Timeout"] == [seconds]


def test_session_timeout_is_never_more_than_a_router_can_count() -> None:
    assert told(accepted(time=10 * 365 * 86_400))["Session-Timeout"] == [21_474_720]


@pytest.mark.parametrize("interim", [60, 120, 600])
def test_the_interim_interval_is_the_branchs(interim: int) -> None:
    assert told(accepted(), interim=interim)["Acct-Interim-Interval"] == [interim]


def test_an_idle_timeout_is_told_where_the_branch_has_one() -> None:
    assert told(accepted(), idle_timeout=300)["Idle-Timeout"] == [300]


@pytest.mark.parametrize("devices", [1, 2, 5])
def test_the_router_lets_one_device_more_in_than_was_sold_so_that_we_decide(devices: int) -> None:
    assert told(accepted(devices=devices))["Port-Limit"] == [devices + 1]


@pytest.mark.parametrize(
    ("octets", "low", "high"),
    [(1, 1, 0), (2**32 - 1, 2**32 - 1, 0), (2**32, 0, 1), (10 * GIB + 5, 2 * GIB + 5, 2)],
)
def test_the_data_that_is_left_is_told_in_two_halves(octets: int, low: int, high: int) -> None:
    reply = told(accepted(data=octets))
    assert (reply["Mikrotik-Total-Limit"], reply["Mikrotik-Total-Limit-Gigawords"]) == ([low], [high])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "Welcome. Evening."),
        (1, "Welcome. Evening: 1 min left."),
        (3540, "Welcome. Evening: 59 min left."),
        (3541, "Welcome. Evening: 1 h 00 min left."),
        (90 * 3600 + 60, "Welcome. Evening: 90 h 01 min left."),
    ],
)
def test_the_guest_is_welcomed_and_told_the_time(seconds: int | None, text: str) -> None:
    assert welcome("Evening", None if seconds is None else Seconds(seconds)) == text


# Mikrotik-Rate-Limit: rx/tx [burst threshold time priority], rx being what the router receives


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (a_rate(2_000_000, 10_000_000), "2M/10M"),
        (a_rate(512_000, 1_500_000), "512k/1500k"),
        (a_rate(1000, 1_000_000_000), "1k/1000M"),
        (a_rate(1_001, 999_999), "2k/1M"),
        (a_rate(2_000_000, 10_000_000, priority=5), "2M/10M 0/0 0/0 0/0 5"),
        (a_rate(2_000_000, 10_000_000, burst=50), "2M/10M 3M/15M 1600k/8M 10/10 8"),
        (a_rate(1_000_000, 3_000_000, burst=100, priority=3), "1M/3M 2M/6M 800k/2400k 10/10 3"),
        (a_rate(1_001, 7_777, burst=33), "2k/8k 2k/11k 1k/7k 10/10 8"),
    ],
)
def test_the_upload_is_first_in_whole_units(rate: Rate, text: str) -> None:
    assert rate_limit(rate) == text
    assert told(accepted(rate=rate))["Mikrotik-Rate-Limit"] == [text]


def bits(figure: str) -> int:
    return int(figure[:-1]) * {"k": 1000, "M": 1_000_000}[figure[-1]]


@given(st.integers(1000, 10**10), st.integers(1000, 10**10), st.integers(1, 100), st.integers(1, 8))
def test_nobody_gets_less_than_was_sold_nor_a_thousand_bits_more(up: int, down: int, burst: int, priority: int) -> None:
    rate, most, threshold, times, last = rate_limit(a_rate(up, down, burst, priority)).split()
    for at, sold in enumerate((up, down)):
        plain, high, average = (bits(each.split("/")[at]) for each in (rate, most, threshold))
        assert sold <= plain < sold + 1000
        assert plain <= high <= 2 * plain
        assert average <= plain
    assert (times, int(last)) == ("10/10", priority)


# Who and where


def about(request: Any, *, is_mikrotik: bool = True) -> Line:
    return line(decode(request.RequestPacket()), is_mikrotik=is_mikrotik)


def test_a_login_tells_who_on_what_and_where() -> None:
    request = a_login(mac="aa-bb-cc-00-00-01", Acct_Session_Id="80100005", Framed_IP_Address="10.5.50.2")
    assert about(request) == Line(
        user_name="nora",
        device=PHONE,
        nas="r1",
        acct_session_id="80100005",
        framed_ip_address="10.5.50.2",
        boot="1",
    )


@pytest.mark.parametrize(
    ("station", "device"),
    [("192.0.2.7[4500]", "192.0.2.7"), ("2001:db8::7[61234]", "2001:db8::7"), ("PC 12 [old]", "PC 12 [old]")],
)
def test_a_device_without_a_mac_is_called_what_it_says_but_for_its_port(station: str, device: str) -> None:
    assert about(a_login(mac=station)).device == device


def test_a_router_without_a_name_is_called_by_the_address_it_says() -> None:
    request = a_login()
    del request["NAS-Identifier"]
    assert about(request).nas == ""
    request["NAS-IP-Address"] = "192.168.88.1"
    assert about(request).nas == "192.168.88.1"


@pytest.mark.parametrize(
    ("name", "port", "boot"),
    [
        ("80a00001", None, "a"),
        ("80A00001", 0x80A00001, "a"),
        ("80a00001", 1, None),
        ("8010001", None, None),
        ("90100001", None, None),
        ("80100001-x", None, None),
    ],
)
def test_the_boot_is_the_third_digit_of_an_id_that_routeros_made(name: str, port: int | None, boot: str | None) -> None:
    request = a_login(Acct_Session_Id=name, **({} if port is None else {"NAS_Port": port}))
    assert about(request).boot == boot
    assert about(request, is_mikrotik=False).boot is None


# What a guest proves the password with


def proof(request: Any) -> Any:
    return credentials(decode(request.RequestPacket()), SECRET)


def test_pap_brings_the_password() -> None:
    assert proof(a_login(password="mật khẩu")) == Pap("mật khẩu".encode())


def test_chap_brings_a_response_and_a_challenge_or_the_authenticator_is_it() -> None:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, authenticator=bytes(range(16)))
    request["User-Name"] = "nora"
    request["CHAP-Password"] = bytes(17)
    assert proof(request) == Chap(bytes(17), bytes(range(16)))
    request["CHAP-Challenge"] = b"sixteen octets !"
    assert proof(request) == Chap(bytes(17), b"sixteen octets !")


def test_a_chap_response_of_a_wrong_length_is_malformed() -> None:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY)
    request["CHAP-Password"] = bytes(16)
    with pytest.raises(MalformedPacket, match="chap_password_length"):
        proof(request)


def test_what_is_neither_is_named() -> None:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY)
    request["User-Name"] = "nora"
    assert proof(request) == NoPassword("none")
    request[79] = [b"\x02\x00\x00\x05\x01"]
    assert proof(request) == NoPassword("EAP")


def test_no_password_is_in_what_a_log_would_show() -> None:
    assert "secret" not in repr(Pap(b"secret"))
    assert "secret" not in repr(Chap(b"secret", b"secret"))


# What a report says


def event(status_type: str = "Interim-Update", skew: int = 0, **more: Any) -> Any:
    """What policy hears of a report that came at noon."""
    packet = decode(a_report(status_type, Acct_Session_Id="80100001", **more).RequestPacket())
    return accounting_event(packet, line(packet, is_mikrotik=True), NOON, skew, "10.0.0.1", knows_clock=True)


def stamp(seconds: int) -> dict[str, int]:
    """An Event-Timestamp so many seconds after noon."""
    return {"Event_Timestamp": NOON // 1000 + seconds}


def test_the_three_kinds_of_reports_are_told_apart_and_others_are_none() -> None:
    kinds = ("Start", "Interim-Update", "Stop", "Accounting-On", "Tunnel-Start")
    assert [type(event(each)) for each in kinds] == [
        AccountingStart,
        InterimUpdate,
        AccountingStop,
        type(None),
        type(None),
    ]
    assert event("Stop", Acct_Terminate_Cause="Session-Timeout").cause == 5


def test_input_is_what_the_guest_uploaded() -> None:
    report = event(Acct_Input_Octets=5, Acct_Output_Octets=700, Acct_Session_Time=60).report
    assert (report.uploaded, report.downloaded, report.seconds) == (5, 700, 60)


def test_gigawords_are_the_upper_half() -> None:
    octets = {"Acct_Input_Octets": 1, "Acct_Input_Gigawords": 2, "Acct_Output_Octets": 3, "Acct_Output_Gigawords": 4}
    report = event(**octets).report
    assert (report.uploaded, report.downloaded) == (8 * GIB + 1, 16 * GIB + 3)
    assert report.is_exact


@pytest.mark.parametrize("missing", ["Acct_Input_Gigawords", "Acct_Output_Gigawords"])
def test_without_gigawords_a_count_is_not_exact(missing: str) -> None:
    octets = {"Acct_Input_Octets": 1, "Acct_Input_Gigawords": 0, "Acct_Output_Octets": 3, "Acct_Output_Gigawords": 0}
    assert event(**octets).report.is_exact
    assert not event(**{name: value for name, value in octets.items() if name != missing}).report.is_exact


def test_what_no_line_can_have_carried_was_not_reported() -> None:
    report = event(Acct_Input_Octets=0, Acct_Input_Gigawords=1 << 21, Acct_Output_Octets=7, Acct_Output_Gigawords=0)
    assert (report.report.uploaded, report.report.downloaded) == (None, 7)


def test_a_report_without_counters_reports_nothing() -> None:
    assert event().report == Report(is_exact=True)


# When it happened


@pytest.mark.parametrize(
    ("more", "milliseconds_ago", "is_dated"),
    [
        ({}, 0, False),
        ({"Acct_Delay_Time": 0}, 0, False),
        ({"Acct_Delay_Time": 30}, 30_000, True),
        ({"Acct_Delay_Time": 2**31}, 86_400_000, True),
        (stamp(0), 0, True),
        (stamp(-60), 59_001, True),
        (stamp(+60), 0, True),
        (stamp(-3600), 0, False),
        (stamp(+3600), 0, False),
        ({"Acct_Delay_Time": 30, **stamp(-60)}, 59_001, True),
        ({"Acct_Delay_Time": 90, **stamp(-60)}, 90_000, True),
    ],
)
def test_a_report_is_as_old_as_the_router_says_and_never_of_the_future(
    more: dict[str, int], milliseconds_ago: int, is_dated: bool
) -> None:
    start = event("Start", **more)
    assert start.at == Instant(NOON - milliseconds_ago)
    assert start.is_dated == is_dated


def test_a_clock_that_is_known_to_lag_makes_no_report_older() -> None:
    assert event(skew=2 * MIN, **stamp(-120)).at == NOON
    assert event(skew=MIN, **stamp(-120)).at == NOON - MIN + 999
