"""Packets as no router should send them: good ones, bent at random, the seed telling how."""

from collections.abc import Callable, Iterator
from hashlib import md5
from hmac import new as hmac
from random import Random

from tests.server.given import SECRET, a_login, a_report

ACCOUNTING = 4


def good_packets() -> list[bytes]:
    """What routers send in an evening, each kind once."""
    reported = {
        "Acct_Session_Id": "80100001",
        "Calling_Station_Id": "AA:BB:CC:00:00:01",
        "NAS_Port": 0x80100001,
        "header": {"id": 2},
    }
    counters = {"Acct_Input_Octets": 5_000_000, "Acct_Output_Octets": 70_000_000, "Acct_Input_Gigawords": 1}
    header = {"id": 1, "authenticator": bytes(range(16))}
    requests = [
        a_login(header=header),
        a_login(header=header, password="wrong"),
        a_login(header=header, name="AA:BB:CC:00:00:01", password=""),
        a_login(header=header, Proxy_State=b"one", Acct_Session_Id="80100001", Framed_IP_Address="10.5.50.2"),
        a_report("Start", Framed_IP_Address="10.5.50.2", **reported),
        a_report("Interim-Update", Acct_Session_Time=600, Event_Timestamp=1_795_262_400, **reported, **counters),
        a_report("Stop", Acct_Session_Time=601, Acct_Terminate_Cause=1, Acct_Delay_Time=3, **reported, **counters),
        a_report("Accounting-On", header={"id": 3}),
        a_report("Accounting-Off", header={"id": 4}),
    ]
    return [each.RequestPacket() for each in requests]


def mutated(seed: int, count: int) -> Iterator[bytes]:
    """`count` bent packets, half of them signed after the bending, as by a router that errs; one seed, one series."""
    random = Random(seed)
    good = good_packets()
    for number in range(count):
        octets = bytearray(random.choice(good))
        for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
            random.choice(_BENDINGS)(octets, random)
        if random.random() < 0.5 and len(octets) >= 20:
            _sign(octets, number)
        yield bytes(octets)


def _sign(octets: bytearray, number: int) -> None:
    """Put in authenticators that hold under the router's secret."""
    octets[1] = number % 256
    if octets[0] == ACCOUNTING:
        octets[4:20] = md5(bytes(octets[:4]) + bytes(16) + bytes(octets[20:]) + SECRET).digest()  # noqa: S324 - RFC 2866 §3
        return
    at = _message_authenticator(octets)
    if at is not None:
        octets[at : at + 16] = bytes(16)
        octets[at : at + 16] = hmac(SECRET, bytes(octets), "md5").digest()


def _message_authenticator(octets: bytearray) -> int | None:
    at = 20
    while at + 18 <= len(octets):
        if octets[at] == 80 and octets[at + 1] == 18:
            return at + 2
        at += max(2, octets[at + 1])
    return None


def _flip_a_bit(octets: bytearray, random: Random) -> None:
    if octets:
        octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)


def _set_an_octet(octets: bytearray, random: Random) -> None:
    if octets:
        octets[random.randrange(len(octets))] = random.choice((0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF))


def _cut_short(octets: bytearray, random: Random) -> None:
    del octets[random.randrange(len(octets) + 1) :]
    _mend_length(octets, random)


def _append(octets: bytearray, random: Random) -> None:
    octets += random.randbytes(random.randrange(1, 64))
    _mend_length(octets, random)


def _insert_an_attribute(octets: bytearray, random: Random) -> None:
    value = random.randbytes(random.choice((0, 1, 3, 4, 6, 16, 18, 253)))
    octets += bytes((random.randrange(256), len(value) + 2)) + value
    _mend_length(octets, random)


def _insert_a_vendors_attribute(octets: bytearray, random: Random) -> None:
    vendor = random.choice((14988, 311, 0, 2**32 - 1)).to_bytes(4)
    value = vendor + bytes((random.randrange(256), random.randrange(256))) + random.randbytes(random.randrange(12))
    octets += bytes((26, len(value) + 2)) + value
    _mend_length(octets, random)


def _bend_an_attribute(octets: bytearray, random: Random) -> None:
    """Another value of the same length, so that the layout holds and the meaning goes."""
    places = list(_attributes(octets))
    if places:
        at, length = random.choice(places)
        octets[at + 2 : at + length] = random.choice((bytes, random.randbytes))(length - 2)


def _resize_an_attribute(octets: bytearray, random: Random) -> None:
    places = list(_attributes(octets))
    if places:
        at, length = random.choice(places)
        value = random.randbytes(random.choice((0, 1, 3, 5, 200)))
        octets[at : at + length] = bytes((octets[at], len(value) + 2)) + value
        _mend_length(octets, random, always=True)


def _repeat_an_attribute(octets: bytearray, random: Random) -> None:
    places = list(_attributes(octets))
    if places and len(octets) < 4096:
        at, length = random.choice(places)
        octets += octets[at : at + length] * random.choice((1, 2, 250))
        _mend_length(octets, random, always=True)


def _change_the_code(octets: bytearray, random: Random) -> None:
    if octets:
        octets[0] = random.choice((0, 1, 2, 3, 4, 5, 11, 12, 13, 40, 43, 255))


def _attributes(octets: bytearray) -> Iterator[tuple[int, int]]:
    at = 20
    while at + 2 <= len(octets) and 2 <= octets[at + 1] <= len(octets) - at:
        yield at, octets[at + 1]
        at += octets[at + 1]


def _mend_length(octets: bytearray, random: Random, *, always: bool = False) -> None:
    if len(octets) >= 4 and (always or random.random() < 0.8):
        octets[2:4] = min(len(octets), 65_535).to_bytes(2)


_BENDINGS: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip_a_bit,
    _set_an_octet,
    _cut_short,
    _append,
    _insert_an_attribute,
    _insert_a_vendors_attribute,
    _bend_an_attribute,
    _resize_an_attribute,
    _repeat_an_attribute,
    _change_the_code,
)
