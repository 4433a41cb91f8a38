"""How quantities and names are typed; each refusal says what was expected, with an example."""

import re
from ipaddress import ip_address, ip_network
from typing import Any
from zoneinfo import available_timezones

import click

from policy.macs import canonical_mac
from policy.package import Hours
from policy.quantities import DAY, HOUR, MINUTE, Octets, Seconds
from radiusd.passwords import MAX_LENGTH

_MOST = 10**15
_LONGEST = 3_650 * DAY
_TIMES = {"d": DAY, "h": HOUR, "m": MINUTE, "min": MINUTE, "s": Seconds(1)}
_VOLUMES = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_SPEEDS = {"k": 10**3, "M": 10**6, "G": 10**9}


class Kind(click.ParamType[Any]):
    """A value with a `read` that gives None for what it cannot be."""

    expected = ""

    def read(self, text: str) -> Any:
        """The value `text` stands for, None if it stands for none."""
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or a message that says what was expected."""
        if not isinstance(value, str):
            return value
        result = self.read(value)
        if result is None:
            self.fail(f"{value!r} is not {self.expected}", param, ctx)
        return result


class TimeKind(Kind):
    """3h, 45m, 1h30m; a bare number only where seconds are customary."""

    name = "time"
    expected = "a time of up to 3650d: write it with its units, as in 30s, 45m, 3h, 1d or 1h30m"

    def __init__(self, *, bare_seconds: bool = False) -> None:
        self._bare_seconds = bare_seconds

    def read(self, text: str) -> Seconds | None:
        """Whole seconds."""
        if self._bare_seconds and re.fullmatch(r"[0-9]{1,9}", text):
            return _not_too_long(int(text))
        if not re.fullmatch(r"(?:[0-9]{1,9}(?:d|h|min|m|s))+", text, re.ASCII):
            return None
        parts = re.findall(r"([0-9]+)(d|h|min|m|s)", text)
        units = [unit for _, unit in parts]
        if len(set(units)) < len(units):
            return None
        return _not_too_long(sum(int(count) * _TIMES[unit] for count, unit in parts))


def _not_too_long(seconds: int) -> Seconds | None:
    return Seconds(seconds) if seconds <= _LONGEST else None


class VolumeKind(Kind):
    """500M, 2G, 1.5G; with i for powers of two."""

    name = "volume"
    expected = "a volume: write it with its unit, as in 500M, 2G or 1.5G (decimal), or 512Mi, 2Gi (binary)"

    def read(self, text: str) -> Octets | None:
        """Octets."""
        count = _scaled(text, r"(k|M|G|T|Ki|Mi|Gi)B?", _VOLUMES)
        return None if count is None else Octets(count)


class SpeedKind(Kind):
    """2M, 512k."""

    name = "speed"
    expected = "a speed: write it in bit/s with its unit, as in 512k, 2M or 1.5M"

    def read(self, text: str) -> int | None:
        """Bits per second."""
        return _scaled(text, r"(k|M|G)", _SPEEDS)


def _scaled(text: str, unit: str, units: dict[str, int]) -> int | None:
    match = re.fullmatch(rf"([0-9]{{1,9}})(?:\.([0-9]{{1,6}}))?{unit}", text, re.ASCII)
    if match is None:
        return None
    whole, fraction, scale = match[1], match[2] or "", units[match[3]]
    count, rest = divmod(int(whole + fraction) * scale, 10 ** len(fraction))
    return None if rest or count > _MOST else count


class PriceKind(Kind):
    """Whole VND."""

    name = "price"
    expected = "a price: write whole VND without a point or comma, as in 12000 or 12_000"

    def read(self, text: str) -> int | None:
        """Whole VND."""
        return int(text) if re.fullmatch(r"[0-9]{1,12}|[0-9]{1,3}(?:_[0-9]{3}){1,3}", text, re.ASCII) else None


class PercentKind(Kind):
    """0 to 100."""

    name = "percent"
    expected = "a percentage: write a whole number from 0 to 100, as in 20"

    def read(self, text: str) -> int | None:
        """Percent."""
        match = re.fullmatch(r"([0-9]{1,3})%?", text, re.ASCII)
        return int(match[1]) if match and int(match[1]) <= 100 else None


class HoursKind(Kind):
    """08:00-22:00; may span midnight."""

    name = "hours"
    expected = "a range of hours: write when it opens and closes, as in 08:00-22:00 or 20:00-02:00"

    def read(self, text: str) -> Hours | None:
        """Seconds after local midnight."""
        match = re.fullmatch(r"([0-2]?[0-9]):([0-5][0-9])-([0-2]?[0-9]):([0-5][0-9])", text, re.ASCII)
        if match is None:
            return None
        opens, closes = (int(match[at]) * HOUR + int(match[at + 1]) * MINUTE for at in (1, 3))
        if opens >= DAY or closes > DAY or opens == closes % DAY:
            return None
        return Hours(Seconds(opens), Seconds(closes % DAY))


def told_hours(opens: int | None, closes: int | None) -> str | None:
    """Hours as they are typed."""
    if opens is None or closes is None:
        return None
    return f"{_told_time(opens)}-{_told_time(closes)}"


def _told_time(seconds: int) -> str:
    return f"{seconds // HOUR:02}:{seconds % HOUR // MINUTE:02}"


class MacKind(Kind):
    """Any common way to write it."""

    name = "mac"
    expected = "a MAC address: write six pairs of hexadecimal digits, as in AA:BB:CC:DD:EE:FF"

    def read(self, text: str) -> str | None:
        """AA:BB:CC:DD:EE:FF."""
        return canonical_mac(text.strip())


class NetworkKind(Kind):
    """An address, or a network."""

    name = "address"
    expected = "an address or network: write it as in 10.0.0.1, 10.1.0.0/24 or 2001:db8::1"

    def read(self, text: str) -> str | None:
        """A network in its usual form, /32 or /128 for one address."""
        try:
            return str(ip_network(text, strict=False))
        except ValueError:
            return None


class HostKind(Kind):
    """One address."""

    name = "address"
    expected = "an address: write it as in 10.0.0.1 or 2001:db8::1"

    def read(self, text: str) -> str | None:
        """The address in its usual form."""
        try:
            return str(ip_address(text))
        except ValueError:
            return None


class MillisecondsKind(Kind):
    """300ms, 3s."""

    name = "time"
    expected = "a time of 100ms to 60s: write it with its unit, as in 300ms, 1100ms or 3s"

    def read(self, text: str) -> int | None:
        """Whole milliseconds."""
        match = re.fullmatch(r"([0-9]{1,5})(ms|s)", text, re.ASCII)
        if match is None:
            return None
        value = int(match[1]) * (1 if match[2] == "ms" else 1_000)
        return value if 100 <= value <= 60_000 else None


class ZoneKind(Kind):
    """A name of the IANA time zone database."""

    name = "zone"
    expected = "a time zone: write its place, as in Asia/Ho_Chi_Minh or UTC"

    def read(self, text: str) -> str | None:
        """The name."""
        return text if text in available_timezones() else None


class NameKind(Kind):
    """A name somebody gives: not empty, without control characters."""

    name = "name"

    def __init__(self, longest: int = 100) -> None:
        self._longest = longest
        self.expected = (
            f"a name: 1 to {longest} octets of UTF-8, without control characters and without spaces at its ends"
        )

    def read(self, text: str) -> str | None:
        """The name as it is."""
        return text if is_text(text, self._longest) and text == text.strip() else None


def is_text(text: str, longest: int) -> bool:
    """Whether it is 1 to `longest` octets of UTF-8 without control characters."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        return False
    return 1 <= length <= longest and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text)


TIME = TimeKind()
SECONDS = TimeKind(bare_seconds=True)
MILLISECONDS, HOST = MillisecondsKind(), HostKind()
VOLUME, SPEED, PRICE, PERCENT, HOURS = VolumeKind(), SpeedKind(), PriceKind(), PercentKind(), HoursKind()
MAC, NETWORK, ZONE, NAME = MacKind(), NetworkKind(), ZoneKind(), NameKind()
ACCOUNT = NameKind(253)
REASON = NameKind(200)
PC_USER = NameKind(200)
MAX_PASSWORD = MAX_LENGTH
