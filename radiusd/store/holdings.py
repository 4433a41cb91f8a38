"""Passes with what lives of them, for looking only: nothing is locked."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from policy.holding import Holding
from radiusd.store import loading, rows
from radiusd.store.keys import among
from radiusd.store.schema import passes

_PASSES = select(passes).where(among(passes.c.id))


def look_at(connection: Connection, pass_ids: Collection[int]) -> dict[int, Holding]:
    """These passes with their live sessions and running connections, by id."""
    if not pass_ids:
        return {}
    bought = connection.execute(_PASSES, {"keys": list(pass_ids)}).mappings()
    holdings = {row["id"]: Holding(rows.pass_from_row(row)) for row in bought}
    pass_of = {}
    for row in loading.load_sessions(connection, pass_ids, ()):
        pass_of[row["id"]] = row["pass_id"]
        holdings[row["pass_id"]] = holdings[row["pass_id"]].with_session(rows.session_from_row(row))
    for row in loading.load_connections(connection, list(pass_of), ()):
        pass_id = pass_of[row["session_id"]]
        holdings[pass_id] = holdings[pass_id].with_connection(rows.connection_from_row(row))
    return holdings
