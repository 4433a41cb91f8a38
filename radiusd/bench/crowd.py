"""A store with a crowd online and years behind it: a hundred guests or a hundred thousand, a million past sessions.

How one guest's rows look when a real server has written them is found out by letting one come and be counted. All
others are made after that pattern, in bulk; those of the past are copies of those of today.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy import Connection, RowMapping, Table, delete, insert, select, update

from policy.session import Phase
from radiusd.app import wall_clock
from radiusd.bench.chain import Chain, nas_name
from radiusd.bench.errors import BenchError
from radiusd.bench.filling import fill_chain
from radiusd.bench.generators import Generator, Load
from radiusd.bench.guests import USER
from radiusd.bench.past import Past, add_past
from radiusd.bench.server import Server
from radiusd.bench.stores import Store
from radiusd.handlers.classes import ClassKey
from radiusd.handlers.classes import write as write_class
from radiusd.store.database import Database
from radiusd.store.identifiers import take
from radiusd.store.rows import connection_key
from radiusd.store.schema import connections, nases, passes, routers, sessions
from radiusd.vault import Vault, make_key_file, read_key_file

FIRST_ID = 1
COUNTED = 120
"""Seconds that were reported of everybody who is online."""
_AT_ONCE = 5000


class Shows(Protocol):
    """Who is told how far it is."""

    def doing(self, what: str) -> None: ...
    def step(self, what: str, done: int, total: int) -> None: ...
    def filling(self, done: int, total: int) -> None: ...


@frozen(kw_only=True)
class Size:
    """How many sessions a store has, and how many of them are active, one for each guest."""

    sessions: int
    active: int

    @property
    def chain(self) -> Chain:
        """Whose guests they are."""
        return Chain.of(self.active)


@frozen(kw_only=True)
class Crowd:
    """A store that is full; `classes` is the file with the Class of every active session."""

    size: Size
    store: Store
    folder: Path
    classes: Path


def make(store: Store, folder: Path, size: Size, generator: Generator, shows: Shows) -> Crowd:
    """Fill an empty store; `folder` gets the key and the Classes."""
    chain, at = size.chain, wall_clock()
    make_key_file(folder / "key")
    vault = Vault(read_key_file(folder / "key"))
    database = Database(store.url)
    try:
        fill_chain(database, vault, chain, at, lambda done: shows.filling(done, chain.users))
        _let_one_come(store, folder, chain, generator)
        with database.writing() as connection:
            found = _Pattern.found(connection)
            named = list(_bring_in(connection, chain, found, shows))
            _remember_routers(connection, chain)
        used = {name: found.line[name] for name in ("uploaded", "downloaded", "seconds")}
        wanted = max(0, size.sessions - chain.users)
        past = Past(guests=chain.users, sessions=wanted, used=used, now=at)
        add_past(database, past, lambda done: shows.step("past sessions", done, wanted))
    finally:
        database.close()
    store.filled()
    classes = folder / "classes"
    classes.write_bytes(b"".join(write_class(each, vault.class_key) for each in named))
    return Crowd(size=size, store=store, folder=folder, classes=classes)


def _let_one_come(store: Store, folder: Path, chain: Chain, generator: Generator) -> None:
    one: dict[str, Any] = {"sessions": 1, "chain": chain, "users": 1}
    with Server(folder, store.url, name="pattern") as server:
        for load in (
            Load(scenario="returns", first_id=FIRST_ID, **one),
            Load(scenario="interims", first_id=FIRST_ID, elapsed=COUNTED - 60, **one),
        ):
            if not generator.run(server.target, load, server.must_live).is_clean:
                raise BenchError(f"the server did not answer its first guest ({load.scenario})")


@frozen
class _Pattern:
    """The rows of the one who came: the pass, the session and the connection."""

    bought: RowMapping
    session: RowMapping
    line: RowMapping

    @classmethod
    def found(cls, connection: Connection) -> "_Pattern":
        """Those of the only device that is known."""
        session = connection.execute(select(sessions).where(sessions.c.phase == Phase.ACTIVE.value)).mappings().one()
        bought = connection.execute(select(passes).where(passes.c.id == session["pass_id"])).mappings().one()
        line = connection.execute(select(connections).where(connections.c.session_id == session["id"])).mappings().one()
        return cls(bought, session, line)


def _bring_in(connection: Connection, chain: Chain, pattern: _Pattern, shows: Shows) -> Iterator[ClassKey]:
    """Everybody else is online as well; what the Class of each names, in the order of the guests."""
    waiting = connection.execute(
        select(sessions.c.id, sessions.c.pass_id).where(sessions.c.phase == Phase.PENDING.value).order_by(sessions.c.id)
    ).all()
    first_login = {name: pattern.bought[name] for name in _changed(passes)}
    connection.execute(update(passes).where(passes.c.id != pattern.bought["id"]).values(first_login))
    connection.execute(delete(sessions).where(sessions.c.phase == Phase.PENDING.value))
    ids = take(connection, "connections", len(waiting))
    places = _router_ids(connection, chain)
    yield ClassKey(pattern.session["id"], pattern.line["id"])
    for first in range(0, len(waiting), _AT_ONCE):
        some = range(first, min(first + _AT_ONCE, len(waiting)))
        online = [_online(pattern, chain, places, user + 1, waiting[user], ids[user]) for user in some]
        connection.execute(insert(sessions), [session for session, _ in online])
        connection.execute(insert(connections), [line for _, line in online])
        yield from (ClassKey(session["id"], line["id"]) for session, line in online)
        shows.step("online", some.stop, len(waiting))


def _changed(table: Table) -> Iterator[str]:
    """What a first login and reports change in a pass, whatever it is: all but what the sale has set."""
    sold = {"id", "account_id", "package", "sold_at"}
    return (each.name for each in table.columns if each.name not in sold)


def _router_ids(connection: Connection, chain: Chain) -> Sequence[tuple[int, str]]:
    rows = connection.execute(select(routers.c.network, routers.c.id)).all()
    by_network: dict[str, int] = {row.network: row.id for row in rows}
    addresses = [str(chain.address_of(each)) for each in range(chain.routers)]
    return [(by_network[f"{each}/32"], each) for each in addresses]


def _online(
    pattern: _Pattern, chain: Chain, places: Sequence[tuple[int, str]], user: int, waiting: Any, line_id: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of one who is online: a session and its connection. As radius_load names them."""
    router = user // chain.users_of_a_router
    router_id, address = places[router]
    device = "02:00:" + ":".join(f"{user:08X}"[each : each + 2] for each in range(0, 8, 2))
    acct_session_id = f"{0x80100000 | FIRST_ID + user % chain.users_of_a_router:08x}"
    session = {**pattern.session, "id": waiting.id, "pass_id": waiting.pass_id, "device": device}
    line = {
        **pattern.line,
        "id": line_id,
        "session_id": waiting.id,
        "router_id": router_id,
        "nas": nas_name(router),
        "nas_address": address,
        "user_name": USER % user,
        "device": device,
        "acct_session_id": acct_session_id,
        "key": connection_key(router_id, nas_name(router), acct_session_id),
        "framed_ip_address": f"10.{router & 255}.{user >> 8 & 255}.{user & 255}",
    }
    return session, line


def _remember_routers(connection: Connection, chain: Chain) -> None:
    """What the server has learned of one router it knows of all."""
    known = connection.execute(select(nases)).mappings().first()
    if known is not None:
        places = _router_ids(connection, chain)
        rows = [{**known, "router_id": row_id, "name": nas_name(number)} for number, (row_id, _) in enumerate(places)]
        connection.execute(insert(nases), [each for each in rows if each["name"] != known["name"]])
