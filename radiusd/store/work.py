"""Work: what one transaction has loaded, what was decided over it, and the rows that follow."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import Executable, bindparam, insert, or_, update

from policy.accounts import Account, Branch, Device
from policy.connection import Closing, Connection, ConnectionState
from policy.cut import BY_CLOSING, Outcome
from policy.effects import Disconnect, Effect
from policy.holding import Holding, is_spent, wake_at
from policy.quantities import Instant
from policy.session import Session
from radiusd.store import loading, rows
from radiusd.store.decisions import Decision, record
from radiusd.store.identifiers import Identifiers
from radiusd.store.loading import Login
from radiusd.store.pc_book import PcAsked, PcBook
from radiusd.store.schema import commands, connections, passes, sessions


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


Afterwards = CutCommand | ChangeCommand | CutSettled
"""What somebody must hear of once the transaction is durable."""

LEASE = 6_000
"""Milliseconds in which whoever took up a command must be done with it; then another may."""


class Work:
    """One transaction's view. `put` what policy made of a holding; `save` writes what differs from what was loaded."""

    def __init__(self, database: DatabaseConnection, identifiers: Identifiers, lease: int = 0) -> None:
        """`lease`: how long nobody else may take up the commands of this work, in milliseconds."""
        self.database = database
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
        self.wallets: set[int] = set()
        self._stored: dict[int, Holding] = {}
        self._loose_stored: dict[int, Connection] = {}
        self._current: dict[int, Holding] = {}
        self._passes_of_accounts: defaultdict[int, list[int]] = defaultdict(list)
        self._pass_of_connection: dict[int, int | None] = {}
        self._latest_by_key: dict[str, int] = {}
        self._pass_of_session: dict[int, int] = {}
        self._decisions: list[Decision] = []
        self._wakes: dict[int, tuple[Branch, Instant]] = {}
        self.changes: list[ChangeCommand] = []
        self.pc = PcBook(database)
        self._latest = Instant(0)

    # Loading

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
        self._load_holdings(pass_ids - self._stored.keys(), session_ids, {row.id for row in found})
        account_ids.update(holding.bought.account_id for holding in self._stored.values())
        self.accounts.update(loading.load_accounts(self.database, account_ids - self.accounts.keys()))
        self.wallets.update(loading.lock_wallets(self.database, _united(each.wallets for each in wanted)))
        for row in found:
            self._index_key(row.key, row.id)

    def _load_holdings(self, pass_ids: set[int], session_ids: set[int], connection_ids: set[int]) -> None:
        bought = [rows.pass_from_row(row) for row in loading.lock_passes(self.database, pass_ids)]
        found = [rows.session_from_row(row) for row in loading.load_sessions(self.database, pass_ids, session_ids)]
        lines = [
            rows.connection_from_row(row)
            for row in loading.load_connections(self.database, {each.id for each in found}, connection_ids)
        ]
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
            self._stored[each.id] = self._current[each.id] = Holding(each)
            self._passes_of_accounts[each.account_id].append(each.id)
        for pass_id in sessions_of:
            self._take_in(pass_id, sessions_of[pass_id], lines_of[pass_id])
        capped = {each.terms.name for each in bought if each.terms.max_users is not None}
        self.users.update(loading.count_users(self.database, capped - self.users.keys()))

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

    def latest_by_key(self, key: str) -> Connection | None:
        """The newest connection under this NAS and Acct-Session-Id."""
        latest = self._latest_by_key.get(key)
        return None if latest is None else self.connection(latest)

    def new_id(self, sequence: str) -> int:
        """A fresh id."""
        return self._identifiers.next(sequence)

    # Deciding

    def learned_at(self, at: Instant) -> None:
        """A job of this batch learned something at `at`: a cut is not proven earlier than somebody knew of it."""
        self._latest = max(self._latest, at)

    def put(self, holding: Holding, effects: tuple[Effect, ...], branch: Branch, at: Instant) -> None:
        """What policy made of a holding at `at`, and what must be done about it; when it wakes is reckoned anew."""
        self._current[holding.bought.id] = holding
        self._wakes[holding.bought.id] = (branch, at)
        self._index(holding)
        for line in holding.connections:
            self._index_key(rows.key_of(line), line.id)
        for effect in effects:
            self._keep(effect, holding, at)

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
        if key is not None and connection_id > self._latest_by_key.get(key, 0):
            self._latest_by_key[key] = connection_id

    def decide(self, decision: Decision) -> None:
        """Keep why."""
        self._decisions.append(evolve(decision, id=self.new_id("decisions")))

    # Saving

    def save(self) -> None:
        """Write every row that differs from what was loaded."""
        changed = [self._current[each] for each in self._wakes]
        self._save_passes(changed)
        self._save_sessions(changed)
        self._save_connections(changed)
        self._save_commands()
        self.pc.save()
        record(self.database, self._decisions)

    def _save_passes(self, changed: list[Holding]) -> None:
        batch = []
        for holding in changed:
            branch, at = self._wakes[holding.bought.id]
            row = rows.changed_pass_row(
                holding.bought, wake_at=wake_at(holding, branch, at), is_open=not is_spent(holding, at)
            )
            batch.append({"row_id": holding.bought.id, **row})
        _execute(self.database, _UPDATE_PASS, batch)

    def _save_sessions(self, changed: list[Holding]) -> None:
        new, old = [], []
        for holding in changed:
            known = {each.id: each for each in self._stored[holding.bought.id].sessions}
            for session in holding.sessions:
                if session.id not in known:
                    new.append(rows.new_session_row(session))
                elif session is not known[session.id]:
                    old.append({"row_id": session.id, **rows.changed_session_row(session)})
        # Places are given up before they are taken (S1 is a unique index, checked row by row).
        old.sort(key=lambda row: row["slot"] is not None)
        _execute(self.database, _UPDATE_SESSION, old)
        _execute(self.database, _INSERT_SESSION, new)

    def _save_connections(self, changed: list[Holding]) -> None:
        known = dict(self._loose_stored)
        now = {**self.loose}
        for holding in changed:
            known.update((each.id, each) for each in self._stored[holding.bought.id].connections)
            now.update((each.id, each) for each in holding.connections)
        new = [rows.new_connection_row(each) for key, each in now.items() if key not in known]
        old = [each for key, each in now.items() if key in known and each is not known[key]]
        _execute(self.database, _INSERT_CONNECTION, new)
        _execute(self.database, _UPDATE_CONNECTION, [{"row_id": i.id, **rows.changed_connection_row(i)} for i in old])
        self._settle(each for each in old if each.is_closed and known[each.id].state is ConnectionState.CUTTING)

    def _settle(self, closed: Iterable[Connection]) -> None:
        """The wish to cut a connection has come true."""
        batch = []
        for each in closed:
            assert each.closing is not None  # noqa: S101 - it is closed
            self.settled.append(CutSettled(each.id, each.closing))
            verdict = BY_CLOSING[each.closing]
            decided_at = max(self._latest, each.closed_at or self._latest)
            batch.append(
                {
                    "row_id": each.id,
                    "outcome": verdict.outcome.value,
                    "evidence": verdict.evidence,
                    "decided_at": decided_at,
                }
            )
        _execute(self.database, _SETTLE_COMMAND, batch)

    def _save_commands(self) -> None:
        # A newer order for the same thing takes the place of one that the router has not answered yet.
        replaced = [
            {"row_id": each.connection.id, "same": f'{{"{next(iter(each.attributes))}"%', "at": each.created_at}
            for each in self.changes
        ]
        _execute(self.database, _REPLACE_CHANGE, replaced)
        ordered: list[Command] = [*self.commands, *self.changes]
        batch = [
            {
                "id": each.id,
                "kind": "cut" if isinstance(each, CutCommand) else "change",
                "attributes": None if isinstance(each, CutCommand) else json.dumps(dict(each.attributes)),
                "connection_id": each.connection.id,
                "created_at": each.created_at,
                "due_at": each.created_at + self._lease,
            }
            for each in ordered
        ]
        _execute(self.database, _INSERT_COMMAND, batch)


def _united(collections: Iterable[Collection[Any]]) -> set[Any]:
    return set().union(*collections)


def _execute(database: DatabaseConnection, statement: Executable, batch: Sequence[Mapping[str, Any]]) -> None:
    if batch:
        database.execute(statement, batch)


_UPDATE_PASS = update(passes).where(passes.c.id == bindparam("row_id"))
_UPDATE_SESSION = update(sessions).where(sessions.c.id == bindparam("row_id"))
_INSERT_SESSION = insert(sessions)
_UPDATE_CONNECTION = update(connections).where(connections.c.id == bindparam("row_id"))
_INSERT_CONNECTION = insert(connections)
_INSERT_COMMAND = insert(commands)
_REPLACE_CHANGE = (
    update(commands)
    .where(
        commands.c.connection_id == bindparam("row_id"),
        commands.c.kind == "change",
        commands.c.due_at.is_not(None),
        commands.c.attributes.like(bindparam("same")),
    )
    .values(due_at=None, outcome="refused", evidence="a newer order took its place", decided_at=bindparam("at"))
)
_SETTLE_COMMAND = (
    update(commands)
    .where(
        commands.c.connection_id == bindparam("row_id"),
        commands.c.kind == "cut",
        # What was given up after a day is proven all the same when its Stop comes.
        or_(commands.c.due_at.is_not(None), commands.c.outcome == Outcome.NOT_CUT.value),
    )
    .values(
        due_at=None,
        attempts=commands.c.attempts + 1,
        outcome=bindparam("outcome"),
        evidence=bindparam("evidence"),
        decided_at=bindparam("decided_at"),
        elapsed=bindparam("decided_at") - commands.c.created_at,
    )
)
