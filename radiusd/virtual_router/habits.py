"""What real routers and phones do that the manual does not promise."""

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Habits:
    """All at their defaults is a router on its best behaviour. Times are in seconds."""

    # Disconnects and changes (RFC 5176)
    accept_off: bool = False  # /radius/incoming accept=no, as it is out of the box: nothing is heard
    listens_at: int | None = None  # the port, where it is not the one it is said to be: 1700
    mute: bool = False  # does as it is told, and answers nothing
    mute_for: float = 0.0  # neither does nor answers anything, for so long from the first request on
    late_by: float = 0.0  # does it at once, and answers so much later
    ack_only: bool = False  # acknowledges, and does nothing
    stop_first: bool = False  # the Stop is sent before the ACK, as hostapd does
    nak_406: bool = False  # Error-Cause 406 for a session that is not there, where 503 is expected
    nak_bare: bool = False  # no Error-Cause for a session that is not there, as strongSwan does
    nak_401: bool = False  # refuses whatever has a Framed-IP-Address, as hostapd does
    nak_501: bool = False  # refuses everything: administratively prohibited
    nak_changes: int | None = None  # refuses to change a session, with this Error-Cause: 401 or 404
    timeout_since_start: bool = False  # a changed Session-Timeout counts from the login, not from now
    reboots_when_asked: float | None = None  # the first disconnect finds it losing power; it is off for so long

    # Its line to the server
    loss: float = 0.0  # the part of all datagrams, in both directions, that is lost
    lost_stop: bool = False  # the Stop never leaves the router
    reboot: bool = False  # power cut in mid-evening: no Stop, nothing replayed, ids of the next boot

    # Phones and counters
    cookie: bool = False  # the phone's cookie logs it in again right after a cut
    random_mac: bool = False  # the phone shows another MAC at each login
    wrapped: bool = False  # the counters stand just below 2**32 at the start
    no_gigawords: bool = False  # Gigawords are left out

    # The RouterOS API
    fasttrack: bool = False  # a fasttrack rule: running flows outlive a cut
    api_refuse: bool = False  # nobody listens at its port
    api_hang: bool = False  # accepts, and never says a word
    api_slow: float = 0.0  # so much later, each answer
    api_traps: int = 0  # so many commands fail with a trap of category 4, then all is well
    api_fatals: int = 0  # so many commands end their connection with !fatal, then all is well
    api_old_login: bool = False  # knows the challenge only, as before 6.43
    api_keeps: bool = False  # says that it removed a row, and keeps it
    no_ppp: bool = False  # the ppp package is not there, nor its commands


@frozen
class _Option:
    """A habit as it is written on a command line: NAME, or NAME=VALUE where `read` takes a value."""

    field: str
    meaning: str
    value: Any = True
    read: Callable[[str], Any] | None = None


def _milliseconds(text: str) -> float:
    return _positive(text) / 1000


def _positive(text: str) -> float:
    number = float(text)
    if not 0 <= number < 86_400_000:
        raise ValueError
    return number


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < 1 << 16:
        raise ValueError
    return number


def _part(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise ValueError
    return number


_OPTIONS = {
    "accept-off": _Option("accept_off", "does not hear disconnects (accept=no, as out of the box)"),
    "port": _Option("listens_at", "listens for disconnects at another port: port=1700", 1700, _number),
    "mute": _Option("mute", "cuts, and answers nothing"),
    "mute-for": _Option("mute_for", "hears nothing for SECONDS from the first request on", 3.0, _positive),
    "late": _Option("late_by", "answers disconnects a second late, or late=MILLISECONDS", 1.0, _milliseconds),
    "ack-only": _Option("ack_only", "acknowledges, and does nothing"),
    "stop-first": _Option("stop_first", "sends the Stop before the ACK"),
    "nak-406": _Option("nak_406", "says 406 instead of 503 for a session that is not there"),
    "nak-bare": _Option("nak_bare", "gives no Error-Cause for a session that is not there"),
    "nak-401": _Option("nak_401", "refuses Framed-IP-Address (401)"),
    "nak-501": _Option("nak_501", "refuses everything (501, administratively prohibited)"),
    "nak-changes": _Option("nak_changes", "refuses changes with 401, or nak-changes=404", 401, _number),
    "since-start": _Option("timeout_since_start", "counts a changed Session-Timeout from the login"),
    "off-when-asked": _Option("reboots_when_asked", "loses power at the first disconnect, for SECONDS", 1.0, _positive),
    "loss": _Option("loss", "loses a part of all datagrams: loss=0.3", 0.3, _part),
    "lost-stop": _Option("lost_stop", "loses its Stop"),
    "reboot": _Option("reboot", "loses power in mid-evening and comes back as if nothing had been"),
    "cookie": _Option("cookie", "lets the phone's cookie log it in again after a cut"),
    "random-mac": _Option("random_mac", "sees another MAC at each login"),
    "wrapped": _Option("wrapped", "counts from just below 2**32"),
    "no-gigawords": _Option("no_gigawords", "leaves Gigawords out"),
    "fasttrack": _Option("fasttrack", "has a fasttrack rule: running flows outlive a cut"),
    "api-refuse": _Option("api_refuse", "API: nobody listens"),
    "api-hang": _Option("api_hang", "API: accepts, and never answers"),
    "api-slow": _Option("api_slow", "API: answers a second late, or api-slow=MILLISECONDS", 1.0, _milliseconds),
    "api-trap": _Option("api_traps", "API: the first command fails (category 4), or so many", 1, _number),
    "api-fatal": _Option("api_fatals", "API: the first command ends the connection, or so many", 1, _number),
    "api-old-login": _Option("api_old_login", "API: knows the challenge only, as before 6.43"),
    "api-keeps": _Option("api_keeps", "API: says that it removed a row, and keeps it"),
    "no-ppp": _Option("no_ppp", "API: has no PPP"),
}

MEANINGS = {name: option.meaning for name, option in _OPTIONS.items()}


def of(names: tuple[str, ...]) -> Habits:
    """The habits written so, NAME or NAME=VALUE; raises ValueError with a sentence for what is not one."""
    return Habits(**dict(_read(each) for each in names))


def _read(written: str) -> tuple[str, Any]:
    name, equals, value = written.partition("=")
    option = _OPTIONS.get(name)
    if option is None:
        raise ValueError(f"{name!r} is no habit: {', '.join(_OPTIONS)}")
    if not equals:
        return option.field, option.value
    if option.read is None:
        raise ValueError(f"the habit {name} takes no value")
    try:
        return option.field, option.read(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no value for the habit {name}") from error
