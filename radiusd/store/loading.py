"""Set-based reads: each one statement for all that a batch asks about."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, and_, func, or_, select, text, union

from policy.accounts import Account, Device
from policy.connection import Connection as Line
from policy.passes import Pass
from policy.quantities import Instant
from policy.session import Session
from radiusd.passwords import HASHED
from radiusd.store import advisory
from radiusd.store.bulk import Query
from radiusd.store.keys import among
from radiusd.store.rows import (
    CONNECTION,
    PASS,
    SESSION,
    connection_from_values,
    pass_from_values,
    session_from_values,
)
from radiusd.store.schema import IS_ACTIVE, accounts, branches, connections, devices, logins, passes, sessions


@frozen
class Login:
    """A name somebody logs in with; `pass_id` is set where it is for one pass only."""

    name: str
    account_id: int
    pass_id: int | None
    kind: str
    password_kind: str
    password: bytes

    @property
    def is_hashed(self) -> bool:
        """Whether `password` is an argon2 hash, not a sealed password."""
        return self.password_kind == HASHED


_LOGINS = Query(
    select(
        logins.c.name, logins.c.account_id, logins.c.pass_id, logins.c.kind, logins.c.password_kind, logins.c.password
    ).where(among(logins.c.name))
)
_DEVICES = Query(select(devices.c.name, devices.c.is_blocked, devices.c.account_id).where(among(devices.c.name)))
_ACCOUNTS = Query(
    select(accounts.c.id, accounts.c.name, accounts.c.branch_id, accounts.c.is_blocked).where(among(accounts.c.id))
)
_PASS_IDS_OF_ACCOUNTS = Query(
    union(
        select(passes.c.id).where(among(passes.c.account_id), passes.c.is_open),
        # The last one, spent or not, tells why nothing is left.
        select(accounts.c.last_pass_id).where(among(accounts.c.id), accounts.c.last_pass_id.is_not(None)),
    )
)
# The row lock is what keeps two writers from deciding about one pass at once; SQLite has one writer anyway.
_PASSES = Query(
    select(*(passes.c[name] for name in (*PASS, "wake_at", "is_open", "version")))
    .where(among(passes.c.id))
    .order_by(passes.c.id)
    .with_for_update()
)
# A branch's row stands for its wallet. Not its key: rows that name the branch may be added meanwhile.
_WALLETS = Query(
    select(branches.c.id).where(among(branches.c.id)).order_by(branches.c.id).with_for_update(key_share=True)
)
_EVERY_SESSION = select(*(sessions.c[name] for name in SESSION))
_LIVE_SESSIONS = Query(_EVERY_SESSION.where(among(sessions.c.pass_id), sessions.c.ended_at.is_(None)))
_SESSIONS = Query(_EVERY_SESSION.where(among(sessions.c.id)))
# Their counters go up without the lock of their pass, so they are locked as well: after the passes, in their own order.
_EVERY_CONNECTION = (
    select(*(connections.c[name] for name in (*CONNECTION, "version")))
    .order_by(connections.c.id)
    .with_for_update(key_share=True)
)
_RUNNING_CONNECTIONS = Query(
    _EVERY_CONNECTION.where(
        or_(
            and_(among(connections.c.session_id, "session_ids"), connections.c.state != "CLOSED"),
            among(connections.c.id, "ids"),
        )
    )
)
_WHERE_CONNECTIONS_ARE = select(
    connections.c.id, connections.c.key, connections.c.session_id, sessions.c.pass_id
).outerjoin_from(connections, sessions, connections.c.session_id == sessions.c.id)
_BY_ID = Query(_WHERE_CONNECTIONS_ARE.where(among(connections.c.id)))
# A router uses its Acct-Session-Ids again and again, so that one key may have named many. The newest is so by time:
# every server takes ids from a block of its own, and a later connection may have a smaller one.
_LATEST_BY_KEY = Query(
    text(
        "SELECT c.id, c.key, c.session_id, s.pass_id FROM json_each(:keys) AS given "
        "JOIN connections AS c ON c.id = ("
        "SELECT id FROM connections WHERE key = given.value ORDER BY opened_at DESC, id DESC LIMIT 1"
        ") LEFT JOIN sessions AS s ON s.id = c.session_id"
    ).columns(*_WHERE_CONNECTIONS_ARE.selected_columns),
    # Key by key: else PostgreSQL may compare all of the table to itself, as long as it has no statistics of it.
    on_postgresql=text(
        "SELECT c.id, c.key, c.session_id, s.pass_id FROM unnest(CAST(:keys AS text[])) AS given (value) "
        "CROSS JOIN LATERAL ("
        "SELECT id, key, session_id FROM connections WHERE key = given.value ORDER BY opened_at DESC, id DESC LIMIT 1"
        ") AS c LEFT JOIN sessions AS s ON s.id = c.session_id"
    ),
)
_PASS_IDS_OF_SESSIONS = Query(select(sessions.c.pass_id).where(among(sessions.c.id)))
_ACTIVE_USERS = Query(
    select(passes.c.package, func.count(func.distinct(passes.c.id)))
    .join_from(passes, sessions, sessions.c.pass_id == passes.c.id)
    .where(among(passes.c.package), IS_ACTIVE)
    .group_by(passes.c.package)
)


def _all(connection: Connection, query: Query, keys: Collection[Any]) -> Sequence[Sequence[Any]]:
    return query.rows(connection, keys=list(keys)) if keys else ()


def load_logins(connection: Connection, names: Collection[str]) -> dict[str, Login]:
    """Logins by name."""
    return {row[0]: Login(*row) for row in _all(connection, _LOGINS, names)}


def load_devices(connection: Connection, names: Collection[str]) -> dict[str, tuple[Device, int | None]]:
    """Known devices by name, with the id of the account each is tied to; none of them is blocked until we commit."""
    if names:
        advisory.hold_devices(connection)
    return {row[0]: (Device(row[0], row[1]), row[2]) for row in _all(connection, _DEVICES, names)}


def load_accounts(connection: Connection, ids: Collection[int]) -> dict[int, Account]:
    """Accounts by id."""
    return {row[0]: Account(*row) for row in _all(connection, _ACCOUNTS, ids)}


def pass_ids_of_accounts(connection: Connection, ids: Collection[int]) -> list[int]:
    """The passes somebody may still log in on, and the last one of each account."""
    return [row[0] for row in _all(connection, _PASS_IDS_OF_ACCOUNTS, ids)]


def pass_ids_of_sessions(connection: Connection, ids: Collection[int]) -> list[int]:
    """The passes of these sessions."""
    return [row[0] for row in _all(connection, _PASS_IDS_OF_SESSIONS, ids)]


@frozen
class StoredPass:
    """A row of `passes`; what its open connections used is with them."""

    bought: Pass
    wake_at: Instant | None
    is_open: bool
    version: int


def lock_passes(connection: Connection, ids: Collection[int]) -> Iterator[StoredPass]:
    """These passes, locked until the transaction ends."""
    for row in _all(connection, _PASSES, ids):
        yield StoredPass(pass_from_values(row[:-3]), *row[-3:])


def lock_wallets(connection: Connection, branch_ids: Collection[int]) -> list[int]:
    """Those of these branches that there are, their wallets locked until the transaction ends."""
    return [row[0] for row in _all(connection, _WALLETS, branch_ids)]


def load_sessions(connection: Connection, pass_ids: Collection[int], ids: Collection[int]) -> list[Session]:
    """The live sessions of these passes, and these sessions whatever their phase; none twice."""
    live = [session_from_values(row) for row in _all(connection, _LIVE_SESSIONS, pass_ids)]
    known = {each.id for each in live}
    return live + [session_from_values(row) for row in _all(connection, _SESSIONS, set(ids) - known)]


def lock_connections(
    connection: Connection, session_ids: Collection[int], ids: Collection[int]
) -> Iterator[tuple[Line, int]]:
    """The running connections of these sessions, and these connections whatever their state, each with its version.

    They are locked until the transaction ends.
    """
    if session_ids or ids:
        for row in _RUNNING_CONNECTIONS.rows(connection, session_ids=list(session_ids), ids=list(ids)):
            yield connection_from_values(row[:-1]), row[-1]


@frozen
class Whereabouts:
    """What a connection belongs to."""

    id: int
    key: str | None
    session_id: int | None
    pass_id: int | None


def find_connections(connection: Connection, ids: Collection[int], keys: Collection[str]) -> list[Whereabouts]:
    """What connections belong to, by id, and by key the newest of each."""
    found = (*_all(connection, _BY_ID, ids), *_all(connection, _LATEST_BY_KEY, keys))
    return [Whereabouts(*row) for row in found]


def count_users(connection: Connection, package_names: Collection[str]) -> dict[str, int]:
    """How many passes of each package have an active session."""
    return {row[0]: row[1] for row in _all(connection, _ACTIVE_USERS, package_names)}


def running_on(connection: Connection, router_id: int) -> list[int]:
    """The connections of a router that are not closed."""
    query = select(connections.c.id).where(connections.c.router_id == router_id, connections.c.state != "CLOSED")
    return list(connection.execute(query).scalars())
