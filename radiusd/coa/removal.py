"""What is asked of a RouterOS API about one guest: the rows that are theirs and nobody else's, and their removal.

A row is this guest's when its user is, and when all that is known on both sides is equal: the address, the MAC, for PPP
the session's id. A row of the same user with another address or MAC is another session, and so is one that began after
the cut was wished: they stay. When a row has the user's name and nothing else can be compared, nobody can tell.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from attrs import define, field, frozen

from radiusd.coa.api import Talk, Trap

_MAC = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_UPTIME = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_CLOCK = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(\d+):(\d+):(\d+)")
_IN_SECONDS = (604_800, 86_400, 3_600, 60, 1)


@frozen
class Guest:
    """Whom to look for; `device` is a MAC written AA:BB:CC:DD:EE:FF, or anything else, which is not compared.

    `wished_ago` is how many seconds ago the cut was decided: what began later is not meant. None if nobody knows.
    """

    user_name: str
    device: str
    framed_ip_address: str | None
    acct_session_id: str | None
    wished_ago: float | None = None


@frozen
class Removal:
    """How many rows were found and are removed, and whether the guest is off, by reading back."""

    found: int
    cookies: int
    flows: int
    is_gone: bool


class CannotTell(Exception):
    """There is a row of this user, and nothing to tell whether it is this session's."""


@frozen
class _List:
    """A list of who is online, and what its columns are called."""

    path: str
    user: str
    device: str
    session: str | None

    @property
    def columns(self) -> str:
        """For .proplist, without which RouterOS reads slow ones too."""
        names = (".id", self.user, "address", self.device, "uptime", self.session)
        return ".proplist=" + ",".join(name for name in names if name is not None)


_HOTSPOT = _List("/ip/hotspot/active", user="user", device="mac-address", session=None)
_PPP = _List("/ppp/active", user="name", device="caller-id", session="session-id")


class _Fits(Enum):
    YES = "this guest's"
    NO = "somebody else's, or another session's"
    UNKNOWN = "of this user, and no more can be said"


@frozen
class _Row:
    list: _List
    id: str
    device: str


@define
class Asking:
    """Looks for one guest on one router. `wished_at` and `seconds` are of one clock."""

    guest: Guest
    seconds: Callable[[], float]
    wished_at: float | None

    def is_online(self, talk: Talk) -> bool:
        """Whether one of the lists has a row of this guest."""
        return bool(self.rows(talk))

    def rows(self, talk: Talk) -> list[_Row]:
        """The guest's rows. Raises CannotTell, or Trap when the router has neither list."""
        found = []
        unknown = False
        missing: list[Trap] = []
        for each in (_HOTSPOT, _PPP):
            query = f"?{each.user}={self.guest.user_name}"
            try:
                rows = talk.rows(f"{each.path}/print", f"={each.columns}", query)
            except Trap as trap:
                if not trap.is_missing:
                    raise
                missing.append(trap)
                continue
            for row in rows:
                fits = self._fits(each, row)
                unknown = unknown or fits is _Fits.UNKNOWN
                if fits is _Fits.YES:
                    found.append(_Row(each, row.get(".id", ""), row.get(each.device, "").upper()))
        if len(missing) == 2:
            raise missing[0]
        if unknown and not found:
            raise CannotTell
        return found

    def _fits(self, where: _List, row: dict[str, str]) -> _Fits:
        began = self._began_before_the_wish(row.get("uptime", ""))
        if row.get(where.user) != self.guest.user_name or began is _Fits.NO:
            return _Fits.NO
        equal = [
            _same(self.guest.framed_ip_address or "", row.get("address", "")),
            _same(_mac(self.guest.device), _mac(row.get(where.device, ""))),
            None if where.session is None else _same_session(self.guest.acct_session_id, row.get(where.session)),
        ]
        if False in equal:
            return _Fits.NO
        return began if True in equal else _Fits.UNKNOWN

    def _began_before_the_wish(self, uptime: str) -> _Fits:
        lasted = _seconds(uptime)
        if lasted is None or self.wished_at is None:
            return _Fits.YES
        # Uptime is in whole seconds, rounded down.
        latest, earliest = self.seconds() - lasted, self.seconds() - lasted - 1
        if earliest > self.wished_at:
            return _Fits.NO
        return _Fits.UNKNOWN if latest > self.wished_at else _Fits.YES


@define
class Removing:
    """Removes one guest; kept over repeats, so that what was done by an earlier one counts."""

    asking: Asking
    rounds: int
    so_far: Removal | None = None
    _found: set[tuple[str, str]] = field(factory=set)
    _devices: set[str] = field(factory=set)
    _cookies: int = 0
    _flows: int = 0

    def __call__(self, talk: Talk) -> Removal:
        """Remove the guest's rows, cookies and running flows, then read back."""
        self._remove_rows(talk)
        with suppress(Trap):  # not allowed to see them, or not there: what counts is whether the guest is off
            self._cookies += self._remove_cookies(talk)
            self._flows += self._remove_flows(talk)
        self._note(is_gone=not self.asking.rows(talk))
        assert self.so_far is not None  # noqa: S101 - noted just now
        return self.so_far

    def _note(self, *, is_gone: bool) -> None:
        self.so_far = Removal(len(self._found), self._cookies, self._flows, is_gone)

    def _remove_rows(self, talk: Talk) -> None:
        for _ in range(self.rounds):
            rows = self.asking.rows(talk)
            if not rows:
                break
            for row in rows:
                self._found.add((row.list.path, row.id))
                self._devices.add(row.device)
                _remove(talk, row.list.path, row.id)
        self._note(is_gone=not self.asking.rows(talk))

    def _remove_cookies(self, talk: Talk) -> int:
        devices = {_mac(each) for each in (*self._devices, self.asking.guest.device)} - {""}
        name = self.asking.guest.user_name
        columns = "=.proplist=.id,user,mac-address"
        try:
            rows = talk.rows("/ip/hotspot/cookie/print", columns, f"?user={name}")
        except Trap as trap:
            if trap.is_missing:
                return 0
            raise
        ours = [row for row in rows if row.get("user") == name and row.get("mac-address", "").upper() in devices]
        return sum(_remove(talk, "/ip/hotspot/cookie", row.get(".id", "")) for row in ours)

    def _remove_flows(self, talk: Talk) -> int:
        """Fasttracked flows pass the firewall by until they close, so those of the guest are closed here."""
        address = self.asking.guest.framed_ip_address
        if address is None or not _has_fasttrack(talk) or _is_taken(talk, address):
            return 0
        rows = talk.rows("/ip/firewall/connection/print", "=.proplist=.id,src-address")
        # The values are address:port, for which there is no query.
        ours = [row for row in rows if row.get("src-address", "").partition(":")[0] == address]
        return sum(_remove(talk, "/ip/firewall/connection", row.get(".id", "")) for row in ours)


def _remove(talk: Talk, path: str, row_id: str) -> bool:
    """Whether it was there: a row that has gone meanwhile is as good as removed."""
    try:
        talk.rows(f"{path}/remove", f"=.id={row_id}")
    except Trap as trap:
        if trap.is_missing:
            return False
        raise
    return True


def _has_fasttrack(talk: Talk) -> bool:
    rows = talk.rows("/ip/firewall/filter/print", "=.proplist=.id,disabled", "?action=fasttrack-connection")
    return any(row.get("disabled") != "true" for row in rows)


def _is_taken(talk: Talk, address: str) -> bool:
    """Whether somebody else is online with the address by now: the flows may be theirs."""
    for path in (_HOTSPOT.path, _PPP.path):
        try:
            if talk.rows(f"{path}/print", "=.proplist=.id", f"?address={address}"):
                return True
        except Trap as trap:
            if not trap.is_missing:
                raise
    return False


def _same(one: str, other: str) -> bool | None:
    """Whether they are equal; None when one is not known."""
    return one == other if one and other else None


def _mac(text: str) -> str:
    """A MAC in its usual form; empty for anything else."""
    upper = text.upper()
    return upper if _MAC.fullmatch(upper) else ""


def _same_session(ours: str | None, theirs: str | None) -> bool | None:
    """PPP shows 0x81B00041 for the Acct-Session-Id 81b00041."""
    try:
        return int(ours or "", 16) == int(theirs or "", 16)
    except ValueError:
        return None


def _seconds(uptime: str) -> int | None:
    """1w2d3h4m5s, or 3:04:05 as some releases write it; None for neither."""
    found = (_UPTIME.fullmatch(uptime) or _CLOCK.fullmatch(uptime)) if uptime else None
    if found is None:
        return None
    return sum(int(part or 0) * unit for part, unit in zip(found.groups(), _IN_SECONDS, strict=True))
