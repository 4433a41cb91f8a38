"""Passes with what lives of them, for looking only: nothing is locked."""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from policy.connection import Connection as Line
from policy.holding import Holding, gathered
from policy.session import Session
from radiusd.store.keys import among
from radiusd.store.loading import load_sessions
from radiusd.store.rows import CONNECTION, PASS, connection_from_values, pass_from_values
from radiusd.store.schema import connections, passes

_PASSES = select(*(passes.c[name] for name in PASS)).where(among(passes.c.id))
_RUNNING = select(*(connections.c[name] for name in CONNECTION)).where(
    among(connections.c.session_id), connections.c.state != "CLOSED"
)


def look_at(connection: Connection, pass_ids: Collection[int]) -> dict[int, Holding]:
    """These passes with their live sessions and running connections, by id."""
    if not pass_ids:
        return {}
    bought = [pass_from_values(row) for row in connection.execute(_PASSES, {"keys": list(pass_ids)})]
    live: defaultdict[int, list[Session]] = defaultdict(list)
    pass_of = {}
    for session in load_sessions(connection, pass_ids, ()):
        live[session.pass_id].append(session)
        pass_of[session.id] = session.pass_id
    lines: defaultdict[int, list[Line]] = defaultdict(list)
    for row in connection.execute(_RUNNING, {"keys": list(pass_of)}) if pass_of else ():
        line = connection_from_values(row)
        assert line.session_id is not None  # noqa: S101 - it was found by it
        lines[pass_of[line.session_id]].append(line)
    return {each.id: gathered(each, live[each.id], lines[each.id]) for each in bought}
