"""What a writer remembers of passes in use, so that their next packet need not ask the store again.

Other writers may change the rows meanwhile. So every row has a version, and what was decided from memory is written
only where the versions are still those remembered; else nothing is written, what was wrong is forgotten, and all is
decided again from the store. Memory makes nothing right, only faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import define, frozen

from policy.connection import Connection
from policy.holding import Holding
from policy.meter import ANY, NEVER, Meter, counted_from, is_ordinary, is_shared, metered, octets_allowed, quiet_until
from policy.package import Package
from policy.session import Session
from radiusd.groups import too_many
from radiusd.store import resting
from radiusd.store.resting import Awake

MOST_PASSES = 200_000

Guest = resting.Guest

Nas = tuple[int, bytes]
"""A router's id, and the octets by which its packets name the NAS."""


@frozen(weakref_slot=False)
class Wire:
    """By what a packet shows that it is about a connection: the octets of what names it, all of them the same."""

    nas: Nas
    acct_session_id: bytes
    named_by: bytes | None
    framed_ip_address: bytes | None
    source: str


@define(eq=False, kw_only=True, weakref_slot=False)
class Known(Meter):
    """A connection whose ordinary reports need no look at anything else; what these show is here too, as in a Wire.

    `connection` is set for one that belongs to no pass, and `kept` for any other; `another` is one more of that pass.
    """

    nas: Nas
    acct_session_id: bytes
    named_by: bytes | None
    framed_ip_address: bytes | None
    source: str
    version: int
    kept: "Kept | None" = None
    connection: Connection | None = None
    is_current: bool = True
    another: "Known | None" = None


Shown = Wire | Known


class Lines:
    """The connections that are known, by their NAS and its Acct-Session-Ids."""

    def __init__(self) -> None:
        self._of: dict[Nas, tuple[Nas, dict[bytes, Known]]] = {}

    def __iter__(self) -> Iterator[Known]:
        return (line for _, of_nas in self._of.values() for line in of_nas.values())

    def get(self, nas: Nas, acct_session_id: bytes) -> Known | None:
        """That of this name, if it is known."""
        found = self._of.get(nas)
        return None if found is None else found[1].get(acct_session_id)

    def put(self, line: Known) -> None:
        """Know it from now on, instead of any other of this name."""
        line.nas, of_nas = self._of.setdefault(line.nas, (line.nas, {}))
        of_nas[line.acct_session_id] = line

    def discard(self, line: Known) -> None:
        """Know it no more."""
        if self.get(line.nas, line.acct_session_id) is line:
            of_nas = self._of[line.nas][1]
            del of_nas[line.acct_session_id]
            if not of_nas:
                del self._of[line.nas]

    def clear(self) -> None:
        """Know none."""
        self._of.clear()


@define(eq=False, weakref_slot=False)
class Kept:
    """A pass as it was last read or written, awake or at rest, and the first of its `lines`.

    Its meters count on while it is at rest.
    """

    pass_id: int
    terms: Package
    _state: Awake | bytes
    _first: Known | None = None

    @property
    def lines(self) -> Iterator[Known]:
        """Its connections whose ordinary reports are quickly recorded."""
        line = self._first
        while line is not None:
            yield line
            line = line.another

    def add(self, line: Known) -> None:
        """One more of its connections, before the others."""
        line.another, self._first = self._first, line

    @property
    def awake(self) -> Awake:
        """The pass, to be looked at; awake until it is put to rest again."""
        if isinstance(self._state, bytes):
            self._state = resting.woken(self._state, self.terms)
        return self._state

    def rest(self) -> None:
        """Nothing will be asked of it for a while."""
        if not isinstance(self._state, bytes):
            self._state = resting.put_to_rest(self._state)

    @property
    def holding(self) -> Holding:
        """As it was when last read or written, or brought up."""
        return self.awake.holding

    @property
    def versions(self) -> dict[int, int]:
        """Those of its running connections, by id."""
        return self.awake.versions

    def found_by(self) -> tuple[Sequence[int], Sequence[Guest]]:
        """The ids of its sessions, and its guests."""
        if isinstance(self._state, bytes):
            return resting.found_by(self._state)
        return [each.id for each in self._state.holding.sessions], self._state.guests

    def brought_up(self) -> Awake:
        """The pass with what its meters have counted since; the versions brought up to theirs."""
        awake = self.awake
        for line in self.lines:
            awake.holding = metered(awake.holding, line)
            awake.versions[line.connection_id] = line.version
        return awake


class Memory:
    """Used by one writer; others may only look at `lines`."""

    def __init__(self, most: int = MOST_PASSES) -> None:
        self._most = most
        self._passes: dict[int, Kept] = {}
        self._sessions: dict[int, Kept] = {}
        self._guests: dict[Guest, Kept] = {}
        self._loose: dict[Known, None] = {}
        self.lines = Lines()

    def of_session(self, session_id: int) -> Kept | None:
        """The pass with this live session."""
        return self._sessions.get(session_id)

    def of_guest(self, guest: Guest) -> Kept | None:
        """The pass on which this guest is here, unless all packets about it carry a Class."""
        return self._guests.get(guest)

    def keep(self, awake: Awake, heard: Iterable[tuple[Connection, Wire]]) -> None:
        """Remember a pass as it is by now; `heard` are those of its connections that packets just were about."""
        bought = awake.holding.bought
        before = self._passes.get(bought.id)
        wires: dict[int, Shown] = {} if before is None else {line.connection_id: line for line in before.lines}
        self.forget(bought.id)
        wires.update((each.id, wire) for each, wire in heard)
        running = [each for each in awake.holding.connections if not each.is_closed]
        # What another device uses meanwhile may be counted by another writer, and no version tells.
        if not running or is_shared(bought):
            return
        awake.holding = Holding(bought, _that_matter(awake.holding, running), tuple(running))
        awake.versions = {each.id: awake.versions[each.id] for each in running}
        awake.guests = [(each.user_name, each.device) for each in running if _has_no_class(each, wires.get(each.id))]
        kept = Kept(bought.id, bought.terms, awake)
        lines = [self._known(kept, each, wires[each.id]) for each in running if each.id in wires and is_ordinary(each)]
        for line in reversed(lines):
            kept.add(line)
        self._passes[kept.pass_id] = kept
        for session in awake.holding.sessions:
            self._sessions[session.id] = kept
        for guest in awake.guests:
            self._guests[guest] = kept
        for pass_id in too_many(self._passes, self._most):
            self.forget(pass_id)
        # It was online before it was known here, and its next report will be an ordinary one.
        if before is None and any(line.seconds for line in lines):
            kept.rest()

    def _known(self, kept: Kept, connection: Connection, wire: Shown) -> Known:
        awake = kept.awake
        return self._enter(
            connection,
            wire,
            version=awake.versions[connection.id],
            octets_allowed=octets_allowed(awake.holding, connection),
            quiet_until=quiet_until(awake.holding, awake.wake_at),
            counted_from=counted_from(awake.holding, connection),
            kept=kept,
        )

    def keep_loose(self, connection: Connection, version: int, wire: Wire) -> None:
        """Remember a connection that belongs to no pass we know."""
        if not is_ordinary(connection):
            return
        line = self._enter(
            connection,
            wire,
            version=version,
            octets_allowed=ANY,
            quiet_until=NEVER,
            counted_from=None,
            connection=connection,
        )
        self._loose[line] = None
        for each in too_many(self._loose, self._most):
            self.forget_line(each)

    def _enter(self, counted: Connection, wire: Shown, **known: Any) -> Known:
        """What is known from now on of the connection that packets like `wire` are about."""
        used = counted.counters.used
        line = Known(
            connection_id=counted.id,
            opened_at=counted.opened_at,
            last_at=counted.last_at,
            uploaded=used.uploaded,
            downloaded=used.downloaded,
            seconds=used.seconds,
            nas=wire.nas,
            acct_session_id=wire.acct_session_id,
            named_by=wire.named_by,
            framed_ip_address=wire.framed_ip_address,
            source=wire.source,
            **known,
        )
        before = self.lines.get(wire.nas, wire.acct_session_id)
        if before is not None:
            before.is_current = False
            self._loose.pop(before, None)
        self.lines.put(line)
        return line

    def forget(self, pass_id: int) -> None:
        """Know nothing of this pass."""
        kept = self._passes.pop(pass_id, None)
        if kept is None:
            return
        for line in kept.lines:
            self.forget_line(line)
        session_ids, guests = kept.found_by()
        for session_id in session_ids:
            self._sessions.pop(session_id, None)
        for guest in guests:
            if self._guests.get(guest) is kept:
                del self._guests[guest]

    def forget_line(self, line: Known) -> None:
        """Have the next report of this connection looked at as a whole."""
        line.is_current = False
        self.lines.discard(line)
        self._loose.pop(line, None)

    def clear(self) -> None:
        """Know nothing."""
        for line in self.lines:
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


def _has_no_class(line: Connection, wire: Shown | None) -> bool:
    """Whether packets about it may come, from a device that says what it is, and without a Class to find it by."""
    return bool(line.device) and (wire is None or wire.named_by is None)
