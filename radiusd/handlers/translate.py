"""Attributes and policy values: the one place that speaks both."""

import re
from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from attrs import field, frozen

from policy.admission import Accepted
from policy.connection import AccountingReport, AccountingStart, AccountingStop, InterimUpdate
from policy.macs import canonical_mac
from policy.package import Rate
from policy.quantities import LONGEST_SESSION_TIMEOUT, Instant, Octets, Seconds
from policy.usage import Report
from radiusd.handlers import classes
from radiusd.handlers.classes import ClassKey
from radiusd.wire.attributes import (
    MIKROTIK,
    Attribute,
    Mikrotik,
    decode_address,
    decode_integer,
    decode_text,
    encode_integer,
    encode_octets,
    encode_text,
    encode_vendor_integer,
    encode_vendor_octets,
)
from radiusd.wire.codes import AcctStatusType
from radiusd.wire.errors import MalformedPacket
from radiusd.wire.packet import Packet
from radiusd.wire.passwords import reveal

MAX_DELAY = 86_400
LOWEST_PRIORITY = 8  # what RouterOS gives where none is told
_EVENT_TIMESTAMP_WITHIN = 600_000
_PORT = re.compile(
    r"\[[0-9]{1,5}\]$"
)  # a VPN gateway's Calling-Station-Id: behind a NAT it changes, the guest does not
_MOST_OCTETS = 2**53  # a week at 100 Gbit/s
_USER_NAME = int(Attribute.USER_NAME)
_CALLING_STATION_ID = int(Attribute.CALLING_STATION_ID)
_FRAMED_IP_ADDRESS = int(Attribute.FRAMED_IP_ADDRESS)
_ACCT_SESSION_ID = int(Attribute.ACCT_SESSION_ID)
_SESSION_TIMEOUT = int(Attribute.SESSION_TIMEOUT)
_NAS_IDENTIFIER = int(Attribute.NAS_IDENTIFIER)
_NAS_IP_ADDRESS = int(Attribute.NAS_IP_ADDRESS)
_ACCT_DELAY_TIME = int(Attribute.ACCT_DELAY_TIME)
_EVENT_TIMESTAMP = int(Attribute.EVENT_TIMESTAMP)
_COUNTERS = (
    int(Attribute.ACCT_INPUT_OCTETS),
    int(Attribute.ACCT_INPUT_GIGAWORDS),
    int(Attribute.ACCT_OUTPUT_OCTETS),
    int(Attribute.ACCT_OUTPUT_GIGAWORDS),
    int(Attribute.ACCT_SESSION_TIME),
)
_COUNTED = Struct("!IIIII")
_FOUR_OCTETS = {4}
_ZERO = bytes(4)
_LARGEST_CAUSE = 0x7FFFFFFF
_BOOT_DIGIT = re.compile(r"8[0-9a-fA-F]([0-9a-fA-F])[0-9a-fA-F]{5}")


@frozen
class Pap:
    """A password as the guest typed it."""

    password: bytes = field(repr=False)
    name: str = "PAP"


@frozen
class Chap:
    """A proof of knowing it (RFC 2865 §5.3): 17 octets, and the challenge."""

    response: bytes = field(repr=False)
    challenge: bytes = field(repr=False)
    name: str = "CHAP"


@frozen
class NoPassword:
    """Neither of them; `name` says what there was instead."""

    name: str


Credentials = Pap | Chap | NoPassword


@frozen(kw_only=True)
class Line:
    """What accounting and access requests both say of where they come from."""

    user_name: str
    device: str
    nas: str
    acct_session_id: str | None
    framed_ip_address: str | None
    boot: str | None


def _text(values: Mapping[int, bytes], kind: int) -> str | None:
    value = values.get(kind)
    return decode_text(value) if value else None


def _integer(values: Mapping[int, bytes], kind: int) -> int | None:
    value = values.get(kind)
    return None if value is None else decode_integer(value)


def line(packet: Packet, *, is_mikrotik: bool) -> Line:
    """The line a request is about. Raises MalformedPacket if an attribute is not of its type."""
    values = packet.values
    acct_session_id = _text(values, _ACCT_SESSION_ID)
    address = values.get(_FRAMED_IP_ADDRESS)
    station = values.get(_CALLING_STATION_ID)
    return Line(
        user_name=_text(values, _USER_NAME) or "",
        device=device_of(station) if station else "",
        nas=_nas(values),
        acct_session_id=acct_session_id,
        framed_ip_address=None if address is None else decode_address(address),
        boot=_boot(values, acct_session_id) if is_mikrotik and acct_session_id else None,
    )


def device_of(station: bytes) -> str:
    """What a Calling-Station-Id names: a MAC address in our form, or whatever else it says."""
    text = decode_text(station)
    mac = canonical_mac(text)
    if mac is None and "[" in text:
        text = _PORT.sub("", text)
        mac = canonical_mac(text)
    return mac or text


def _nas(values: Mapping[int, bytes]) -> str:
    """What the NAS calls itself; never an address to send to (RFC 2865 §5.4, §5.32)."""
    name = values.get(_NAS_IDENTIFIER)
    if name:
        return _nas_name(name)
    address = values.get(_NAS_IP_ADDRESS)
    return "" if address is None else decode_address(address)


@lru_cache(maxsize=10_000)
def _nas_name(octets: bytes) -> str:
    return decode_text(octets)


def nas_octets(values: Mapping[int, bytes]) -> bytes:
    """What a NAS calls itself, as octets: different where `Line.nas` is, and cheaper."""
    name = values.get(_NAS_IDENTIFIER)
    return b"\0" + values.get(_NAS_IP_ADDRESS, b"") if name is None else name


def _boot(values: Mapping[int, bytes], acct_session_id: str) -> str | None:
    """RouterOS counts its boots in the third hexadecimal digit of the id, which NAS-Port repeats as a number."""
    match = _BOOT_DIGIT.fullmatch(acct_session_id)
    if match is None or _integer(values, Attribute.NAS_PORT) not in (None, int(acct_session_id, 16)):
        return None
    return match.group(1).lower()


def credentials(packet: Packet, secret: bytes) -> Credentials:
    """What the guest proves the password with. Raises MalformedPacket if its layout is wrong."""
    values = packet.values
    hidden = values.get(Attribute.USER_PASSWORD)
    if hidden is not None:
        return Pap(reveal(hidden, secret, packet.authenticator))
    response = values.get(Attribute.CHAP_PASSWORD)
    if response is not None:
        if len(response) != 17:
            raise MalformedPacket("chap_password_length")
        return Chap(response, values.get(Attribute.CHAP_CHALLENGE, packet.authenticator))
    return NoPassword("EAP" if Attribute.EAP_MESSAGE in values else "none")


def accounting_event(
    packet: Packet, about: Line, received: Instant, skew: int, source: str, *, knows_clock: bool
) -> AccountingReport | None:
    """What a Start, Interim-Update or Stop reports; None for any other Acct-Status-Type.

    `skew` is how far, in milliseconds, the NAS's clock is thought to lag behind ours. Unless that is known for sure, a
    stamp may be old though it looks new.
    """
    values = packet.values
    status = _integer(values, Attribute.ACCT_STATUS_TYPE)
    age = age_of(packet, received)
    at = happened_at(packet, received, age, skew)
    about_line: dict[str, Any] = {
        "at": at,
        "acct_session_id": about.acct_session_id,
        "framed_ip_address": about.framed_ip_address,
        "nas_address": source,
        "boot": about.boot,
        "report": _report(values),
    }
    if status == AcctStatusType.START:
        is_dated = (age is not None and knows_clock) or bool(_integer(values, Attribute.ACCT_DELAY_TIME))
        return AccountingStart(is_dated=is_dated, **about_line)
    if status == AcctStatusType.INTERIM_UPDATE:
        return InterimUpdate(**about_line)
    if status == AcctStatusType.STOP:
        cause = _integer(values, Attribute.ACCT_TERMINATE_CAUSE)
        # RFC 2866 and its successors know a few dozen; what no column can hold says nothing.
        return AccountingStop(cause=None if cause is None or cause > _LARGEST_CAUSE else cause, **about_line)
    return None


def happened_at(packet: Packet, received: Instant, age: int | None, skew: int) -> Instant:
    """When it happened, by Acct-Delay-Time (RFC 2866 §5.2) or by Event-Timestamp, whichever is earlier."""
    dated = 0 if age is None else max(0, age - skew)
    delay = packet.values.get(_ACCT_DELAY_TIME)
    if delay is None or delay == _ZERO:
        return Instant(received - dated)
    return Instant(received - max(min(decode_integer(delay), MAX_DELAY) * 1000, dated))


def age_of(packet: Packet, received: Instant) -> int | None:
    """Milliseconds between Event-Timestamp (RFC 2869 §5.3) and now; None if absent or more than ten minutes off."""
    stamp = packet.values.get(_EVENT_TIMESTAMP)
    if stamp is None:
        return None
    # A stamp in whole seconds is up to one second older than its event.
    age = received - (decode_integer(stamp) * 1000 + 999)
    return age if abs(age) <= _EVENT_TIMESTAMP_WITHIN else None


def exact_counters(values: Mapping[int, bytes]) -> tuple[int, int, int] | None:
    """Octets up and down and seconds of a report whose counters are whole; None where it must be looked at closely."""
    counters = [values.get(kind, b"") for kind in _COUNTERS]
    if set(map(len, counters)) != _FOUR_OCTETS:
        return None
    low_up, high_up, low_down, high_down, seconds = _COUNTED.unpack(b"".join(counters))
    uploaded, downloaded = high_up << 32 | low_up, high_down << 32 | low_down
    if uploaded >= _MOST_OCTETS or downloaded >= _MOST_OCTETS:
        return None
    return uploaded, downloaded, seconds


def _report(values: Mapping[int, bytes]) -> Report:
    uploaded = _integer(values, Attribute.ACCT_INPUT_OCTETS)
    downloaded = _integer(values, Attribute.ACCT_OUTPUT_OCTETS)
    high_up = _integer(values, Attribute.ACCT_INPUT_GIGAWORDS)
    high_down = _integer(values, Attribute.ACCT_OUTPUT_GIGAWORDS)
    seconds = _integer(values, Attribute.ACCT_SESSION_TIME)
    # A long download wraps the 32-bit counter; Gigawords counts the wraps (RFC 2869 §5.1, §5.2).
    return Report(
        uploaded=_octets(uploaded, high_up),
        downloaded=_octets(downloaded, high_down),
        seconds=None if seconds is None else Seconds(seconds),
        is_exact=(uploaded is None or high_up is not None) and (downloaded is None or high_down is not None),
    )


def _octets(low: int | None, high: int | None) -> Octets | None:
    """The whole count; None for one that no line can have carried, which is as good as not reported."""
    if low is None:
        return None
    count = (high or 0) << 32 | low
    return Octets(count) if count < _MOST_OCTETS else None


def accept_attributes(accepted: Accepted, interim: int, idle_timeout: int | None, class_key: bytes) -> bytes:
    """What an Access-Accept carries of what the pass sells (the units: seconds, octets, bit/s)."""
    fixed = fixed_attributes(accepted, interim, idle_timeout, class_key)
    return fixed + timed_attributes(accepted.package, accepted.time)


def timed_attributes(package: str, time: Seconds | None) -> bytes:
    """What an Access-Accept says of the time that is left."""
    if time is None:
        return _welcome(package, None)
    minutes = -(-time // 60)
    told = min(time, LONGEST_SESSION_TIMEOUT)
    return encode_integer(_SESSION_TIMEOUT, told) + _welcome(package, minutes)


@lru_cache(maxsize=20_000)
def _welcome(package: str, minutes: int | None) -> bytes:
    return encode_text(Attribute.REPLY_MESSAGE, welcome(package, None if minutes is None else Seconds(minutes * 60)))


def fixed_attributes(accepted: Accepted, interim: int, idle_timeout: int | None, class_key: bytes) -> bytes:
    """What an Access-Accept carries that stays the same while its time runs."""
    named = class_attribute(accepted.session_id, accepted.connection_id, class_key)
    fixed = named + offered_attributes(accepted.rate, accepted.devices, interim, idle_timeout)
    if accepted.data is None:
        return fixed
    low, high = accepted.data & 0xFFFFFFFF, accepted.data >> 32
    limit = encode_vendor_integer(MIKROTIK, Mikrotik.TOTAL_LIMIT, low)
    return fixed + limit + encode_vendor_integer(MIKROTIK, Mikrotik.TOTAL_LIMIT_GIGAWORDS, high)


def class_attribute(session_id: int, connection_id: int, class_key: bytes) -> bytes:
    """Our Class, by which accounting names the session again."""
    return encode_octets(Attribute.CLASS, classes.write(ClassKey(session_id, connection_id), class_key))


_LONGEST = 0xFFFFFFFF
"""Seconds, as many as an attribute of four octets can say."""


@lru_cache(maxsize=1_000)
def offered_attributes(rate: Rate | None, devices: int, interim: int, idle_timeout: int | None) -> bytes:
    """What an Access-Accept carries of the package and of the branch: the same octets for all who are offered it."""
    parts = []
    if idle_timeout is not None:
        parts.append(encode_integer(Attribute.IDLE_TIMEOUT, min(idle_timeout, _LONGEST)))
    parts.append(encode_integer(Attribute.ACCT_INTERIM_INTERVAL, interim))
    # RouterOS checks it after we said yes; one more than sold leaves the limit, and the switching, to us.
    parts.append(encode_integer(Attribute.PORT_LIMIT, devices + 1))
    if rate is not None:
        parts.append(encode_vendor_octets(MIKROTIK, Mikrotik.RATE_LIMIT, rate_limit(rate).encode()))
    return b"".join(parts)


def rate_limit(rate: Rate) -> str:
    """Mikrotik-Rate-Limit, seen from the router: rx, the guest's upload, first. Whole units of k (1 000 bit/s).

    A burst lasts ten seconds while the average stays under four fifths of the rate.
    """
    pair = f"{_units(rate.up)}/{_units(rate.down)}"
    if not rate.burst:
        # The fields have their places: whoever wants the last fills in those before it.
        return pair if rate.priority == LOWEST_PRIORITY else f"{pair} 0/0 0/0 0/0 {rate.priority}"
    burst = f"{_percent(rate.up, 100 + rate.burst)}/{_percent(rate.down, 100 + rate.burst)}"
    threshold = f"{_percent(rate.up, 80)}/{_percent(rate.down, 80)}"
    return f"{pair} {burst} {threshold} 10/10 {rate.priority}"


def _percent(bits: int, percent: int) -> str:
    return _units(-(-bits * percent // 100))


def _units(bits: int) -> str:
    kilo = -(-bits // 1000)
    return f"{kilo // 1000}M" if kilo % 1000 == 0 else f"{kilo}k"


def welcome(package: str, time: Seconds | None) -> str:
    """What the guest reads after logging in."""
    if time is None:
        return f"Welcome. {package}."
    hours, minutes = divmod(-(-time // 60), 60)
    left = f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
    return f"Welcome. {package}: {left} left."
