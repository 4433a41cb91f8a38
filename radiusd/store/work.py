"""Work: what one transaction has loaded, what was decided over it, and the rows that follow."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy import Connection as DatabaseConnection

from policy.accounts import Account, Branch, Device
from policy.connection import Closing, Connection, ConnectionState
from policy.effects import Disconnect, Effect
from policy.holding import Holding, gathered, is_spent, wake_at
from policy.meter import Taken
from policy.quantities import Instant
from policy.session import Session
from policy.usage import Counters, Usage
from policy.values import evolve
from radiusd.store import advisory, loading, rows, saving
from radiusd.store.decisions import Decision, record
from radiusd.store.errors import Conflict
from radiusd.store.identifiers import Identifiers
from radiusd.store.loading import Login
from radiusd.store.memory import Kept, Known, Memory, Wire
from radiusd.store.pc_book import PcAsked, PcBook
from radiusd.store.resting import Awake, Guest


@frozen
class Needs:
    """What a job must find loaded."""

    names: Collection[str] = ()
    devices: Collection[str] = ()
    connection_ids: Collection[int] = ()
    keys: Collection[str] = ()
    session_ids: Collection[int] = ()
    pass_ids: Collection[int] = ()
    pc: Collection[PcAsked] = ()
    wallets: Collection[int] = ()
    """The branches whose wallets nobody else may touch until the commit. For `more`, never for `needs`: they are locked
    in one statement for the whole batch, in the order of their ids, so that two servers never wait for each other."""


@frozen(kw_only=True)
class CutCommand:
    """A wish to disconnect, as stored; the connection is as it was when the wish was written."""

    id: int
    connection: Connection
    created_at: Instant
    attempts: int = 0


@frozen(kw_only=True)
class ChangeCommand:
    """A wish to change a running connection: the attributes of a CoA-Request, by name."""

    id: int
    connection: Connection
    created_at: Instant
    attempts: int = 0
    attributes: Mapping[str, str | int]


Command = CutCommand | ChangeCommand


@frozen
class CutSettled:
    """A connection that was to be cut is over; the wish is settled with it."""

    connection_id: int
    closing: Closing


@frozen
class Moved:
    """Passes that were changed, or whose sessions were, in more than what they used."""

    pass_ids: tuple[int, ...]


Afterwards = CutCommand | ChangeCommand | CutSettled | Moved
"""What somebody must hear of once the transaction is durable."""

LEASE = 6_000
"""Milliseconds in which whoever took up a command must be done with it; then another may."""


class Asking(Protocol):
    """A job, as far as it tells what it must find here."""

    def recall(self, memory: Memory) -> Kept | Known | None: ...

    def needs(self) -> Needs: ...

    def beside(self, found: Kept | Known) -> Needs | None: ...

    def more(self, work: "Work") -> Needs | None: ...


class Work:
    """One transaction's view. `put` what policy made of a holding; `save` writes what differs from what was loaded."""

    def __init__(
        self,
        database: DatabaseConnection,
        identifiers: Identifiers,
        lease: int = 0,
        memory: Memory | None = None,
        *,
        recalls: bool = True,
    ) -> None:
        """`lease`: how long nobody else may take up the commands of this work, in milliseconds.

        Unless it `recalls`, everything is read and locked, though it may be remembered.
        """
        self.database = database
        self._memory = Memory(0) if memory is None else memory
        self._recalls = recalls
        self._counted: dict[int, Known] = {}
        self._unsaved: set[int] = set()
        self._recalled: dict[int, Kept] = {}
        self._heard: dict[int, Wire] = {}
        self._pass_states: dict[int, saving.PassState] = {}
        self._versions: dict[int, int] = {}
        self._lease = lease
        self._identifiers = identifiers
        identifiers.use(database)
        self.logins: dict[str, Login] = {}
        self.devices: dict[str, tuple[Device, int | None]] = {}
        self.accounts: dict[int, Account] = {}
        self.loose: dict[int, Connection] = {}
        self.users: dict[str, int] = {}
        self.commands: list[CutCommand] = []
        self.settled: list[CutSettled] = []
        self.moved: list[int] = []
        self.wallets: set[int] = set()
        self._stored: dict[int, Holding] = {}
        self._loose_stored: dict[int, Connection] = {}
        self._current: dict[int, Holding] = {}
        self._passes_of_accounts: defaultdict[int, list[int]] = defaultdict(list)
        self._pass_of_connection: dict[int, int | None] = {}
        self._latest_by_key: dict[str, int] = {}
        self._keys: set[str] = set()
        """Those that were looked for."""
        self._pass_of_session: dict[int, int] = {}
        self._decisions: list[Decision] = []
        self._wakes: dict[int, tuple[Branch, Instant]] = {}
        self.changes: list[ChangeCommand] = []
        self.pc = PcBook(database)
        self._latest = Instant(0)

    # Loading

    def prepare(self, jobs: Iterable[Asking]) -> None:
        """Have at hand what these jobs need: from memory what it has, the rest from the store."""
        asking = list(jobs)
        recalled = [(job, job.recall(self._memory) if self._recalls else None) for job in asking]
        needs = [job.needs() for job, found in recalled if found is None]
        needs += [wanted for job, found in recalled if found is not None and (wanted := job.beside(found)) is not None]
        if needs:
            self.load(needs)
        # What another job has loaded is newer than memory, and what is over by now is not in it.
        overtaken = [job.needs() for job, found in recalled if found is not None and not self._recall(found)]
        if overtaken:
            self.load(overtaken)
        more = [wanted for job in asking if (wanted := job.more(self)) is not None]
        if more:
            self.load(more)

    def _recall(self, found: Kept | Known) -> bool:
        """Have at hand what is remembered; False if it is loaded already."""
        if isinstance(found, Kept):
            pass_id = found.pass_id
            if pass_id not in self._stored:
                self._take(found)
            return self._recalled.get(pass_id) is found
        line = found.connection
        if line is None or line.id in self.loose:
            return False
        self._take_loose(found, line)
        return True

    def _take(self, kept: Kept) -> None:
        pass_id, awake = kept.pass_id, kept.brought_up()
        holding = awake.holding
        # What was counted in this very transaction is in the meters, and not yet in the rows.
        self._unsaved.update(line.connection_id for line in kept.lines if self._counted.pop(line.connection_id, None))
        self._recalled[pass_id] = kept
        self._stored[pass_id] = self._current[pass_id] = holding
        self._pass_states[pass_id] = saving.PassState(awake.wake_at, awake.is_open, awake.version)
        self._versions.update(awake.versions)
        self.accounts.setdefault(awake.account.id, awake.account)
        self._passes_of_accounts[awake.account.id].append(pass_id)
        self._index(holding)
        for line in holding.connections:
            self._index_key(rows.key_of(line), line.id)

    def _take_loose(self, known: Known, line: Connection) -> None:
        line = known.connection = counted_by(known, line)
        if self._counted.pop(line.id, None):
            self._unsaved.add(line.id)
        self.loose[line.id] = self._loose_stored[line.id] = line
        self._pass_of_connection[line.id] = None
        self._versions[line.id] = known.version
        self._index_key(rows.key_of(line), line.id)
        self._memory.forget_line(known)

    def load(self, needs: Iterable[Needs]) -> None:
        """Read all that the jobs of a batch need and is not loaded yet, each kind of row in one statement."""
        wanted = list(needs)
        found = loading.find_connections(
            self.database, _united(each.connection_ids for each in wanted), _united(each.keys for each in wanted)
        )
        self.logins.update(loading.load_logins(self.database, _united(each.names for each in wanted)))
        self.devices.update(loading.load_devices(self.database, _united(each.devices for each in wanted)))
        account_ids = {each.account_id for each in self.logins.values()}
        account_ids.update(tied for _, tied in self.devices.values() if tied is not None)
        account_ids.update(self.pc.load(_united(each.pc for each in wanted)))
        session_ids = _united(each.session_ids for each in wanted)
        pass_ids = {
            *_united(each.pass_ids for each in wanted),
            *loading.pass_ids_of_accounts(self.database, account_ids),
            *loading.pass_ids_of_sessions(self.database, session_ids),
            *(row.pass_id for row in found if row.pass_id is not None),
        }
        session_ids.update(row.session_id for row in found if row.session_id is not None)
        unread = pass_ids - self._stored.keys()
        may_begin = any(each.names for each in wanted)
        self._load_holdings(unread, session_ids, {row.id for row in found}, may_begin=may_begin)
        self._keys |= _united(each.keys for each in wanted)
        if unread and self._keys:
            self._see_that_nobody_began_meanwhile()
        account_ids.update(holding.bought.account_id for holding in self._stored.values())
        self.accounts.update(loading.load_accounts(self.database, account_ids - self.accounts.keys()))
        self.wallets.update(loading.lock_wallets(self.database, _united(each.wallets for each in wanted)))
        for row in found:
            self._index_key(row.key, row.id)

    def _see_that_nobody_began_meanwhile(self) -> None:
        """Whoever held the lock of a pass may have written the very line that was looked for in vain: Conflict then."""
        if self.database.dialect.name == "sqlite":
            return  # it has one writer
        found = loading.find_connections(self.database, (), self._keys)
        if any(each.id not in self._pass_of_connection for each in found):
            raise Conflict

    def _load_holdings(
        self, pass_ids: set[int], session_ids: set[int], connection_ids: set[int], *, may_begin: bool
    ) -> None:
        bought = list(loading.lock_passes(self.database, pass_ids))
        found = loading.load_sessions(self.database, pass_ids, session_ids)
        lines = []
        for line, version in loading.lock_connections(self.database, {each.id for each in found}, connection_ids):
            lines.append(line)
            self._versions.setdefault(line.id, version)
        sessions_of: defaultdict[int, list[Session]] = defaultdict(list)
        for session in found:
            sessions_of[session.pass_id].append(session)
            self._pass_of_session[session.id] = session.pass_id
        lines_of: defaultdict[int, list[Connection]] = defaultdict(list)
        for line in lines:
            if line.session_id is not None:
                lines_of[self._pass_of_session[line.session_id]].append(line)
            elif line.id not in self.loose:
                self.loose[line.id] = self._loose_stored[line.id] = line
                self._pass_of_connection[line.id] = None
        for each in bought:
            pass_id = each.bought.id
            holding = gathered(each.bought, sessions_of.pop(pass_id, ()), lines_of[pass_id])
            self._stored[pass_id] = self._current[pass_id] = holding
            self._pass_states[pass_id] = saving.PassState(each.wake_at, each.is_open, each.version)
            self._passes_of_accounts[each.bought.account_id].append(pass_id)
            self._index(holding)
        for pass_id in sessions_of:
            self._take_in(pass_id, sessions_of[pass_id], lines_of[pass_id])
        capped = {each.bought.terms.name for each in bought if each.bought.terms.max_users is not None}
        uncounted = capped - self.users.keys()
        if may_begin:
            advisory.hold_packages(self.database, uncounted)
        self.users.update({**dict.fromkeys(uncounted, 0), **loading.count_users(self.database, uncounted)})

    def _take_in(self, pass_id: int, found: list[Session], lines: list[Connection]) -> None:
        """Add what is not known yet to a holding, as it was stored and as the batch has left it."""
        stored, current = self._stored[pass_id], self._current[pass_id]
        known = {each.id for each in current.sessions}
        new_sessions = tuple(each for each in found if each.id not in known)
        known = {each.id for each in current.connections}
        new_lines = tuple(each for each in lines if each.id not in known)
        is_changed = current is not stored
        stored = Holding(stored.bought, stored.sessions + new_sessions, stored.connections + new_lines)
        self._stored[pass_id] = stored
        if is_changed:
            stored = Holding(current.bought, current.sessions + new_sessions, current.connections + new_lines)
        self._current[pass_id] = stored
        self._index(stored)

    def _index(self, holding: Holding) -> None:
        for session in holding.sessions:
            self._pass_of_session[session.id] = holding.bought.id
        for line in holding.connections:
            self._pass_of_connection[line.id] = holding.bought.id

    # Looking

    def holding(self, pass_id: int) -> Holding:
        """The pass with what is loaded of it, as the batch has left it so far."""
        return self._current[pass_id]

    def holdings(self) -> tuple[Holding, ...]:
        """Everything that is loaded."""
        return tuple(self._current.values())

    def has_pass(self, pass_id: int) -> bool:
        """Whether there is such a pass."""
        return pass_id in self._current

    def holding_of_session(self, session_id: int) -> Holding | None:
        """The holding with this session, None if there is no such session."""
        pass_id = self._pass_of_session.get(session_id)
        return None if pass_id is None else self._current[pass_id]

    def holding_of_connection(self, connection_id: int) -> Holding | None:
        """The holding with this connection, None if it has none or is not there."""
        pass_id = self._pass_of_connection.get(connection_id)
        return None if pass_id is None else self._current[pass_id]

    def holdings_of(self, account_id: int) -> tuple[Holding, ...]:
        """The account's passes."""
        return tuple(self._current[each] for each in self._passes_of_accounts[account_id])

    def connection(self, connection_id: int) -> Connection | None:
        """The connection of this id, in a holding or loose."""
        holding = self.holding_of_connection(connection_id)
        return self.loose.get(connection_id) if holding is None else holding.connection(connection_id)

    def session_of_guest(self, guest: Guest) -> Session | None:
        """The session of somebody who is remembered to be here, if that pass is at hand."""
        kept = self._memory.of_guest(guest)
        holding = None if kept is None else self._current.get(kept.pass_id)
        active = () if holding is None else [each for each in holding.active() if each.device == guest[1]]
        return active[0] if len(active) == 1 else None

    def latest_by_key(self, key: str) -> Connection | None:
        """The newest connection under this NAS and Acct-Session-Id."""
        latest = self._latest_by_key.get(key)
        return None if latest is None else self.connection(latest)

    def new_id(self, sequence: str) -> int:
        """A fresh id."""
        return self._identifiers.next(sequence)

    # Deciding

    def count(self, line: Known, at: Instant, uploaded: int, downloaded: int, seconds: int) -> bool:
        """Take over an ordinary report of a connection that is not at hand as a whole; False if it must be."""
        kept = line.kept
        if not line.is_current or (line.connection_id in self.loose if kept is None else kept.pass_id in self._stored):
            return False
        taken = line.take(at, uploaded, downloaded, seconds)
        if taken is Taken.COUNTED:
            self._counted[line.connection_id] = line
        return taken is not Taken.NOT_ORDINARY

    def heard(self, connection_id: int, wire: Wire) -> None:
        """A packet that looked like `wire` was about this connection."""
        self._heard[connection_id] = wire

    def learned_at(self, at: Instant) -> None:
        """A job of this batch learned something at `at`: a cut is not proven earlier than somebody knew of it."""
        self._latest = max(self._latest, at)

    def put(self, holding: Holding, effects: tuple[Effect, ...], branch: Branch, at: Instant) -> None:
        """What policy made of a holding at `at`, and what must be done about it; when it wakes is reckoned anew."""
        if self.users:
            self._count_user(holding)
        self._current[holding.bought.id] = holding
        self._wakes[holding.bought.id] = (branch, at)
        self._index(holding)
        for line in holding.connections:
            self._index_key(rows.key_of(line), line.id)
        for effect in effects:
            self._keep(effect, holding, at)

    def _count_user(self, holding: Holding) -> None:
        """Of a package that only so many may use at a time: one more, or one fewer."""
        name, before = holding.bought.terms.name, self._current[holding.bought.id]
        if name in self.users:
            self.users[name] += any(holding.active()) - any(before.active())

    def _keep(self, effect: Effect, holding: Holding, at: Instant) -> None:
        if isinstance(effect, Disconnect):
            line = holding.connection(effect.connection_id)
            self.commands.append(CutCommand(id=self.new_id("commands"), connection=line, created_at=at))
            return
        session = holding.session(effect.session_id)
        account = self.accounts.get(holding.bought.account_id)
        reason = session.end_reason.value if session.end_reason else ""
        self.decide(
            Decision(
                at=at,
                verdict="ended",
                reason=reason,
                name=None if account is None else account.name,
                device=session.device,
                account_id=holding.bought.account_id,
                session_id=effect.session_id,
                facts=effect.facts,
            )
        )

    def order_change(self, line: Connection, attributes: Mapping[str, str | int], at: Instant) -> None:
        """Have a running connection changed by CoA."""
        number = self.new_id("commands")
        self.changes.append(ChangeCommand(id=number, connection=line, created_at=at, attributes=attributes))

    def put_loose(self, line: Connection) -> None:
        """A connection that belongs to no session we know."""
        self.loose[line.id] = line
        self._pass_of_connection[line.id] = None
        self._index_key(rows.key_of(line), line.id)

    def _index_key(self, key: str | None, connection_id: int) -> None:
        known = None if key is None else self._latest_by_key.get(key)
        if key is None or known == connection_id:
            return
        if known is None or self._age(connection_id) >= self._age(known):
            self._latest_by_key[key] = connection_id

    def _age(self, connection_id: int) -> tuple[int, int]:
        """By time: a later connection of another server may have a smaller id."""
        line = self.connection(connection_id)
        return (0, 0) if line is None else (line.opened_at, line.id)

    def decide(self, decision: Decision) -> None:
        """Keep why."""
        self._decisions.append(evolve(decision, id=self.new_id("decisions")))

    # Saving

    def save(self) -> None:
        """Write every row that differs from what was loaded. Raises Conflict if somebody else wrote one meanwhile."""
        self._count_what_is_unchanged()
        self.commands[:] = [each for each in self.commands if not self._is_over(each.connection.id)]
        changed = [saving.Change(self._stored[each], self._current[each], self._unsaved) for each in self._wakes]
        self._save_passes(changed)
        saving.save_sessions(self.database, changed)
        self._save_connections(changed)
        saving.save_commands(self.database, self.commands, self.changes, self._lease)
        self.pc.save()
        record(self.database, self._decisions)

    def _is_over(self, connection_id: int) -> bool:
        """Whether what was to be cut came to its end in this very transaction."""
        line = self.connection(connection_id)
        return line is not None and line.is_closed

    def _count_what_is_unchanged(self) -> None:
        """Of passes that were recalled, and not put, there are the counters of this transaction to write."""
        for pass_id in self._recalled.keys() - self._wakes.keys():
            for line in self._recalled[pass_id].lines:
                if line.connection_id in self._unsaved:
                    self._counted[line.connection_id] = line
                    self._versions[line.connection_id] += 1

    def _save_passes(self, changed: list[saving.Change]) -> None:
        batch = []
        for each in changed:
            pass_id = each.after.bought.id
            before = self._pass_states[pass_id]
            branch, at = self._wakes[pass_id]
            after = saving.PassState(wake_at(each.after, branch, at), not is_spent(each.after, at), before.version)
            values = saving.pass_values(each.after, after)
            was = saving.pass_values(each.before, before)
            if each.is_structural or values != was:
                batch.append(((*values, pass_id, before.version), was))
                if each.is_news:
                    self.moved.append(pass_id)
                after = evolve(after, version=before.version + 1)
            self._pass_states[pass_id] = after
        saving.save_passes(self.database, batch)

    def _save_connections(self, changed: list[saving.Change]) -> None:
        lines = [line for each in changed for line in each.lines]
        for line_id, loose in self.loose.items():
            stored = self._loose_stored.get(line_id)
            if loose is not stored or line_id in self._unsaved:
                lines.append((stored, loose))
        saving.insert_connections(self.database, [after for before, after in lines if before is None])
        old = [(before, after) for before, after in lines if before is not None]
        saving.save_connections(self.database, old, self._versions, self._counted)
        for _, line in lines:
            self._versions[line.id] = self._versions.get(line.id, -1) + 1
        over = [after for before, after in old if after.is_closed and before.state is ConnectionState.CUTTING]
        self.settled += [CutSettled(each.id, each.closing) for each in over if each.closing is not None]
        saving.settle(self.database, over, self._latest)

    # Remembering

    def remember(self) -> None:
        """What was written is durable: have it at hand for the next transaction."""
        memory = self._memory
        for line in self._counted.values():
            line.version += 1
        heard_of = defaultdict(list)
        for line_id, wire in self._heard.items():
            pass_id = self._pass_of_connection.get(line_id)
            if pass_id is not None:
                heard_of[pass_id].append((self._current[pass_id].connection(line_id), wire))
            elif line_id in self.loose:
                memory.keep_loose(self.loose[line_id], self._versions[line_id], wire)
        for pass_id in {*self._wakes, *heard_of}:
            holding, state = self._current[pass_id], self._pass_states[pass_id]
            account = self.accounts.get(holding.bought.account_id)
            if account is not None:
                versions = {each.id: self._versions[each.id] for each in holding.connections}
                awake = Awake(holding, account, state.wake_at, state.is_open, state.version, versions)
                memory.keep(awake, heard_of[pass_id])
        for line in self._counted.values():
            if line.kept is not None and line.is_current:
                line.kept.rest()

    def forget(self) -> None:
        """Nothing was written: what was thought up over memory is not true, or may not be."""
        for line in self._counted.values():
            if line.kept is None:
                self._memory.forget_line(line)
            else:
                self._memory.forget(line.kept.pass_id)
        for pass_id in {*self._recalled, *self._wakes}:
            self._memory.forget(pass_id)


def counted_by(meter: Known, line: Connection) -> Connection:
    """A loose connection with what its meter has counted since."""
    used = Usage(meter.uploaded, meter.downloaded, meter.seconds)
    return evolve(line, counters=Counters(used), last_at=meter.last_at)


def _united(collections: Iterable[Collection[Any]]) -> set[Any]:
    return set().union(*collections)
