"""Every packet of an evening in plain words."""

from collections.abc import Callable

from radiusd.virtual_router.link import Entry
from radiusd.virtual_router.packets import Grant, read_grant
from radiusd.wire.attributes import Attribute, decode_integer
from radiusd.wire.codes import AcctStatusType, Code, ErrorCause, TerminateCause
from radiusd.wire.packet import Packet, decode


def tell(entry: Entry) -> str:
    """One line for one datagram."""
    packet = decode(entry.octets)
    arrow = "->" if entry.is_sent else "<-"
    words = _WORDS.get(packet.code)
    return f"{arrow} {f'code {packet.code}' if words is None else words(packet)}"


def _text(packet: Packet, kind: int) -> str:
    return packet.values.get(kind, b"").decode(errors="replace")


def _number(packet: Packet, kind: int) -> int:
    value = packet.values.get(kind)
    return 0 if value is None else decode_integer(value)


def _access_request(packet: Packet) -> str:
    method = "CHAP" if Attribute.CHAP_PASSWORD in packet.values else "PAP"
    name, mac = _text(packet, Attribute.USER_NAME), _text(packet, Attribute.CALLING_STATION_ID)
    return f"Access-Request     {name} from {mac} ({method})"


def _access_accept(packet: Packet) -> str:
    return f"Access-Accept      {grant_words(read_grant(packet))}"


def _access_reject(packet: Packet) -> str:
    return f'Access-Reject      "{_text(packet, Attribute.REPLY_MESSAGE)}"'


def _accounting_request(packet: Packet) -> str:
    kind = AcctStatusType(_number(packet, Attribute.ACCT_STATUS_TYPE))
    words = f"Accounting {kind.name.replace('_', '-').title():7} {_text(packet, Attribute.ACCT_SESSION_ID)}"
    if kind is AcctStatusType.START:
        return words
    up = _number(packet, Attribute.ACCT_INPUT_GIGAWORDS) << 32 | _number(packet, Attribute.ACCT_INPUT_OCTETS)
    down = _number(packet, Attribute.ACCT_OUTPUT_GIGAWORDS) << 32 | _number(packet, Attribute.ACCT_OUTPUT_OCTETS)
    words += f" after {_number(packet, Attribute.ACCT_SESSION_TIME)} s: {octets(up)} up, {octets(down)} down"
    cause = _number(packet, Attribute.ACCT_TERMINATE_CAUSE)
    return f"{words}, {TerminateCause(cause).name.replace('_', '-').title()}" if cause else words


def _accounting_response(_: Packet) -> str:
    return "Accounting-Response: it is recorded"


def _disconnect_request(packet: Packet) -> str:
    named = f"{_text(packet, Attribute.USER_NAME)}, {_text(packet, Attribute.ACCT_SESSION_ID)}"
    return f"Disconnect-Request {named}"


def _nak(packet: Packet) -> str:
    cause = _number(packet, Attribute.ERROR_CAUSE)
    name = {each.value: each.name.replace("_", "-").title() for each in ErrorCause}.get(cause, "no cause we know")
    return f"{'Disconnect' if packet.code == Code.DISCONNECT_NAK else 'CoA'}-NAK     {cause} {name}"


_WORDS: dict[int, Callable[[Packet], str]] = {
    Code.ACCESS_REQUEST: _access_request,
    Code.ACCESS_ACCEPT: _access_accept,
    Code.ACCESS_REJECT: _access_reject,
    Code.ACCOUNTING_REQUEST: _accounting_request,
    Code.ACCOUNTING_RESPONSE: _accounting_response,
    Code.DISCONNECT_REQUEST: _disconnect_request,
    Code.DISCONNECT_ACK: lambda _: "Disconnect-ACK",
    Code.DISCONNECT_NAK: _nak,
    Code.COA_REQUEST: lambda _: "CoA-Request",
    Code.COA_ACK: lambda _: "CoA-ACK",
    Code.COA_NAK: _nak,
}


def grant_words(grant: Grant) -> str:
    """What was granted, as a guest would put it."""
    parts = [duration(grant.session_timeout) if grant.session_timeout is not None else "no time limit"]
    if grant.rate_limit:
        rates = grant.rate_limit.split()[0].split("/")
        parts.append(f"{rates[0]} up / {rates[-1]} down")
    if grant.total_limit is not None:
        parts.append(f"{octets(grant.total_limit)} of data")
    if grant.interim:
        parts.append(f"interim {grant.interim} s")
    return ", ".join(parts) + f', "{grant.message}"'


def duration(seconds: int) -> str:
    """1h00m05s, as RouterOS shows it."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}h{rest // 60:02}m{rest % 60:02}s"


def octets(count: int) -> str:
    """12.3 MB and the like, in powers of ten."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
