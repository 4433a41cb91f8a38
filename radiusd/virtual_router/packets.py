"""Requests as RouterOS 7 writes them, and the reading of replies (RFC 2865, 2866, 2869, 3579)."""

from hashlib import md5
from hmac import digest as hmac_digest
from ipaddress import IPv4Address

from attrs import evolve, field, frozen

from radiusd.wire.attributes import (
    MIKROTIK,
    Attribute,
    Mikrotik,
    decode_integer,
    decode_text,
    encode_integer,
    encode_octets,
    encode_text,
    encode_vendor_octets,
)
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.packet import Packet, encode
from radiusd.wire.passwords import hide

_WISPR, _LOGOFF_URL = 14122, 3
_WIRELESS_802_11, _LOGIN_USER = 19, 1
_RANGE = 1 << 32


@frozen(kw_only=True)
class Line:
    """One guest's line as the router knows it; `number` is its Acct-Session-Id read as a number."""

    number: int
    user_name: str
    mac: str
    address: str
    class_: bytes | None = field(default=None, repr=False)

    @property
    def acct_session_id(self) -> str:
        """Eight hexadecimal digits: two for the service, one for the boot, five that count."""
        return f"{self.number:08x}"


@frozen(kw_only=True)
class Identity:
    """What the router calls itself."""

    name: str = "hotspot-router"
    address: str = "10.5.50.1"
    server: str = "hotspot1"
    interface: str = "bridge-hotspot"


@frozen(kw_only=True)
class Grant:
    """What an Access-Accept allows; None where it says nothing."""

    class_: bytes | None = field(default=None, repr=False)
    session_timeout: int | None = None
    interim: int | None = None
    rate_limit: str | None = None
    total_limit: int | None = None
    port_limit: int | None = None
    message: str = ""


def _about(line: Line, router: Identity) -> bytes:
    parts = (
        encode_integer(Attribute.NAS_PORT_TYPE, _WIRELESS_802_11),
        encode_text(Attribute.CALLING_STATION_ID, line.mac),
        encode_text(Attribute.CALLED_STATION_ID, router.server),
        encode_text(87, router.interface),  # NAS-Port-Id
        encode_text(Attribute.USER_NAME, line.user_name),
        encode_integer(Attribute.NAS_PORT, line.number),
        encode_text(Attribute.ACCT_SESSION_ID, line.acct_session_id),
        encode_octets(Attribute.FRAMED_IP_ADDRESS, IPv4Address(line.address).packed),
        encode_vendor_octets(MIKROTIK, Mikrotik.HOST_IP, IPv4Address(line.address).packed),
    )
    return b"".join(parts)


def _from(router: Identity) -> bytes:
    address = IPv4Address(router.address).packed
    return encode_text(Attribute.NAS_IDENTIFIER, router.name) + encode_octets(Attribute.NAS_IP_ADDRESS, address)


def access_request(
    identifier: int, authenticator: bytes, line: Line, router: Identity, password: bytes, secret: bytes, *, chap: bool
) -> bytes:
    """A signed Access-Request; `authenticator` has 16 random octets, and serves as CHAP challenge as well."""
    attributes = _about(line, router)
    if chap:
        challenge = md5(authenticator, usedforsecurity=False).digest()
        answer = md5(b"\x01" + password + challenge, usedforsecurity=False).digest()
        attributes += encode_octets(Attribute.CHAP_CHALLENGE, challenge)
        attributes += encode_octets(Attribute.CHAP_PASSWORD, b"\x01" + answer)
    else:
        attributes += encode_octets(Attribute.USER_PASSWORD, hide(password, secret, authenticator))
    attributes += encode_integer(Attribute.SERVICE_TYPE, _LOGIN_USER)
    logoff = f"http://{router.address}/logout".encode()
    attributes += encode_vendor_octets(_WISPR, _LOGOFF_URL, logoff) + _from(router)
    unsigned = encode(Code.ACCESS_REQUEST, identifier, authenticator, attributes + b"\x50\x12" + bytes(16))
    return unsigned[:-16] + hmac_digest(secret, unsigned, "md5")


@frozen(kw_only=True)
class Counters:
    """What the router has counted on a line, from its own point of view: octets in are the guest's upload."""

    octets_in: int = 0
    octets_out: int = 0
    seconds: int = 0

    def attributes(self, *, gigawords: bool) -> bytes:
        """The octets in 32 bits, the wraps beside them unless the router leaves them out."""
        encoded = (
            encode_integer(Attribute.ACCT_INPUT_OCTETS, self.octets_in % _RANGE)
            + encode_integer(Attribute.ACCT_OUTPUT_OCTETS, self.octets_out % _RANGE)
            + encode_integer(Attribute.ACCT_SESSION_TIME, self.seconds)
        )
        if gigawords:
            encoded += encode_integer(Attribute.ACCT_INPUT_GIGAWORDS, self.octets_in // _RANGE)
            encoded += encode_integer(Attribute.ACCT_OUTPUT_GIGAWORDS, self.octets_out // _RANGE)
        return encoded


def accounting_request(
    identifier: int,
    status: AcctStatusType,
    line: Line,
    router: Identity,
    secret: bytes,
    at: int,
    counted: bytes = b"",
    cause: int | None = None,
) -> bytes:
    """A signed Accounting-Request; `at` in seconds since 1970, `counted` from Counters."""
    attributes = encode_integer(Attribute.ACCT_STATUS_TYPE, status) + _about(line, router) + counted
    if cause is not None:
        attributes += encode_integer(Attribute.ACCT_TERMINATE_CAUSE, cause)
    if line.class_ is not None:
        attributes += encode_octets(Attribute.CLASS, line.class_)
    attributes += encode_integer(Attribute.EVENT_TIMESTAMP, at) + _from(router)
    attributes += encode_integer(Attribute.ACCT_DELAY_TIME, 0)
    return sign_request(encode(Code.ACCOUNTING_REQUEST, identifier, bytes(16), attributes), secret)


def sign_request(unsigned: bytes, secret: bytes) -> bytes:
    """The request with its authenticator, MD5 of itself and the secret (RFC 2866 §3)."""
    return unsigned[:4] + md5(unsigned + secret, usedforsecurity=False).digest() + unsigned[20:]


def read_grant(accept: Packet) -> Grant:
    """What the router obeys of an Access-Accept."""
    values = accept.values
    vendor = {value[4]: value[6:] for value in accept.all(Attribute.VENDOR_SPECIFIC) if _is_mikrotik(value)}

    def number(kind: int) -> int | None:
        return decode_integer(values[kind]) if kind in values else None

    grant = Grant(
        class_=values.get(Attribute.CLASS),
        session_timeout=number(Attribute.SESSION_TIMEOUT),
        interim=number(Attribute.ACCT_INTERIM_INTERVAL),
        port_limit=number(Attribute.PORT_LIMIT),
        message=decode_text(values.get(Attribute.REPLY_MESSAGE, b"")),
    )
    if Mikrotik.RATE_LIMIT in vendor:
        grant = evolve(grant, rate_limit=vendor[Mikrotik.RATE_LIMIT].decode())
    if Mikrotik.TOTAL_LIMIT in vendor:
        high = decode_integer(vendor.get(Mikrotik.TOTAL_LIMIT_GIGAWORDS, bytes(4)))
        grant = evolve(grant, total_limit=high << 32 | decode_integer(vendor[Mikrotik.TOTAL_LIMIT]))
    return grant


def _is_mikrotik(value: bytes) -> bool:
    return len(value) > 6 and int.from_bytes(value[:4]) == MIKROTIK
