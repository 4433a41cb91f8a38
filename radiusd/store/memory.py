"""What a writer remembers of passes in use, so that their next packet need not ask the store again.

Other writers may change the rows meanwhile. So every row has a version, and what was decided from memory is written
only where the versions are still those remembered; else nothing is written, what was wrong is forgotten, and all is
decided again from the store. Memory makes nothing right, only faster.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from attrs import define, frozen

from policy.accounts import Account
from policy.connection import Connection
from policy.holding import Holding
from policy.meter import ANY, NEVER, Meter, counted_from, is_ordinary, is_shared, metered, octets_allowed, quiet_until
from policy.quantities import Instant
from policy.session import Session

MOST_PASSES = 200_000


Guest = tuple[str, str]
"""A user name as it was sent, and the device."""
WireKey = tuple[int, bytes, bytes]
"""A router's id, and the octets by which its packets name the NAS and the session."""


@frozen
class Wire:
    """By what a packet shows that it is about a connection: the octets of what names it, all of them the same."""

    router_id: int
    nas: bytes
    acct_session_id: bytes
    named_by: bytes | None
    framed_ip_address: bytes | None
    source: str

    @property
    def key(self) -> WireKey:
        """What it is looked up by."""
        return self.router_id, self.nas, self.acct_session_id


@define(eq=False, kw_only=True)
class Known(Meter):
    """A connection whose ordinary reports need no look at anything else.

    `connection` is set for one that belongs to no pass, and `kept` for any other.
    """

    wire: Wire
    version: int
    kept: "Kept | None" = None
    connection: Connection | None = None
    is_current: bool = True


@define(eq=False)
class Kept:
    """A pass as it was last read or written, with the versions of its row and of those of its running connections."""

    holding: Holding
    account: Account
    wake_at: Instant | None
    is_open: bool
    version: int
    versions: dict[int, int]
    lines: tuple[Known, ...] = ()

    def brought_up(self) -> Holding:
        """The holding, with what its meters have counted since; the versions brought up to theirs."""
        for line in self.lines:
            self.holding = metered(self.holding, line)
            self.versions[line.connection_id] = line.version
        return self.holding


class Memory:
    """Used by one writer; others may only look at `lines`."""

    def __init__(self, most: int = MOST_PASSES) -> None:
        self._most = most
        self._passes: OrderedDict[int, Kept] = OrderedDict()
        self._sessions: dict[int, Kept] = {}
        self._guests: dict[Guest, Kept] = {}
        self._loose: OrderedDict[WireKey, Known] = OrderedDict()
        self.lines: dict[WireKey, Known] = {}

    def of_session(self, session_id: int) -> Kept | None:
        """The pass with this live session."""
        return self._sessions.get(session_id)

    def of_guest(self, guest: Guest) -> Kept | None:
        """The pass on which this guest is here."""
        return self._guests.get(guest)

    def keep(self, kept: Kept, heard: Iterable[tuple[Connection, Wire]]) -> None:
        """Remember a pass as it is by now; `heard` are those of its connections that packets just were about."""
        before = self._passes.get(kept.holding.bought.id)
        wires = {} if before is None else {line.connection_id: line.wire for line in before.lines}
        self.forget(kept.holding.bought.id)
        wires.update((each.id, wire) for each, wire in heard)
        running = [each for each in kept.holding.connections if not each.is_closed]
        # What another device uses meanwhile may be counted by another writer, and no version tells.
        if not running or is_shared(kept.holding.bought):
            return
        kept.holding = Holding(kept.holding.bought, _that_matter(kept.holding, running), tuple(running))
        kept.versions = {each.id: kept.versions[each.id] for each in running}
        kept.lines = tuple(
            self._known(kept, each, wires[each.id]) for each in running if each.id in wires and is_ordinary(each)
        )
        self._passes[kept.holding.bought.id] = kept
        for session in kept.holding.sessions:
            self._sessions[session.id] = kept
        for line in running:
            if line.device:
                self._guests[line.user_name, line.device] = kept
        if len(self._passes) > self._most:
            self.forget(next(iter(self._passes)))

    def _known(self, kept: Kept, connection: Connection, wire: Wire) -> Known:
        return self._enter(
            connection,
            wire,
            version=kept.versions[connection.id],
            octets_allowed=octets_allowed(kept.holding, connection),
            quiet_until=quiet_until(kept.holding, kept.wake_at),
            counted_from=counted_from(kept.holding, connection),
            kept=kept,
        )

    def keep_loose(self, connection: Connection, version: int, wire: Wire) -> None:
        """Remember a connection that belongs to no pass we know."""
        if not is_ordinary(connection):
            return
        self._loose[wire.key] = self._enter(
            connection,
            wire,
            version=version,
            octets_allowed=ANY,
            quiet_until=NEVER,
            counted_from=None,
            connection=connection,
        )
        if len(self._loose) > self._most:
            self.forget_line(next(iter(self._loose.values())))

    def _enter(self, counted: Connection, wire: Wire, **known: Any) -> Known:
        """What is known from now on of the connection that packets like `wire` are about."""
        used = counted.counters.used
        line = Known(
            connection_id=counted.id,
            opened_at=counted.opened_at,
            last_at=counted.last_at,
            uploaded=used.uploaded,
            downloaded=used.downloaded,
            seconds=used.seconds,
            wire=wire,
            **known,
        )
        before = self.lines.get(wire.key)
        if before is not None:
            before.is_current = False
        self.lines[wire.key] = line
        return line

    def forget(self, pass_id: int) -> None:
        """Know nothing of this pass."""
        kept = self._passes.pop(pass_id, None)
        if kept is None:
            return
        for line in kept.lines:
            self.forget_line(line)
        for session in kept.holding.sessions:
            self._sessions.pop(session.id, None)
        for each in kept.holding.connections:
            if self._guests.get((each.user_name, each.device)) is kept:
                del self._guests[each.user_name, each.device]

    def forget_line(self, line: Known) -> None:
        """Have the next report of this connection looked at as a whole."""
        line.is_current = False
        if self.lines.get(line.wire.key) is line:
            del self.lines[line.wire.key]
        if self._loose.get(line.wire.key) is line:
            del self._loose[line.wire.key]

    def clear(self) -> None:
        """Know nothing."""
        for line in self.lines.values():
            line.is_current = False
        self.lines.clear()
        self._passes.clear()
        self._sessions.clear()
        self._guests.clear()
        self._loose.clear()


def _that_matter(holding: Holding, running: Iterable[Connection]) -> tuple[Session, ...]:
    """The sessions that live, and those whose connections are not over yet."""
    used = {each.session_id for each in running}
    return tuple(each for each in holding.sessions if not each.phase.is_final or each.id in used)
