"""Passes as an administrator sees them: what was sold, and what is left of it."""

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, RowMapping, select

from policy.holding import Holding, left
from policy.passes import data_left
from policy.quantities import Instant
from radiusd.store import holdings
from radiusd.store.directory import cafe_from_row
from radiusd.store.schema import accounts, branches, logins, passes


@frozen(kw_only=True)
class Wanted:
    """Which passes; None and False leave it open."""

    account_id: int | None = None
    pass_id: int | None = None
    is_open: bool = False
    is_held: bool = False


_PASSES = (
    select(passes, accounts.c.name.label("account"), accounts.c.branch_id, logins.c.name.label("login"))
    .join_from(passes, accounts, passes.c.account_id == accounts.c.id)
    .outerjoin(logins, logins.c.pass_id == passes.c.id)
    .order_by(passes.c.id.desc())
)


def list_passes(connection: Connection, wanted: Wanted, limit: int, at: Instant) -> list[dict[str, Any]]:
    """Passes, the latest sale first, with what is left of each at `at`."""
    query = _PASSES
    if wanted.account_id is not None:
        query = query.where(passes.c.account_id == wanted.account_id)
    if wanted.pass_id is not None:
        query = query.where(passes.c.id == wanted.pass_id)
    if wanted.is_open:
        query = query.where(passes.c.is_open)
    if wanted.is_held:
        query = query.where(passes.c.held.is_not(None))
    found = connection.execute(query.limit(limit)).mappings().all()
    live = holdings.look_at(connection, [row["id"] for row in found])
    cafes = {row["id"]: cafe_from_row(row) for row in connection.execute(select(branches)).mappings()}
    return [_record(row, live[row["id"]], cafes[row["branch_id"]].branch(at), at) for row in found]


def _record(row: RowMapping, holding: Holding, branch: Any, at: Instant) -> dict[str, Any]:
    bought = holding.bought
    rate = bought.terms.rate
    return {
        "id": bought.id,
        "account": row["account"],
        "login": row["login"] or row["account"],
        "branch": branch.name,
        "package": bought.terms.name,
        "price": bought.terms.price,
        "sold_at": bought.sold_at,
        "valid_until": bought.valid_until,
        "first_login_at": bought.first_login_at,
        "time": bought.time,
        "time_left": left(holding, branch, at),
        "seconds_online": bought.used.seconds,
        "data_limit": bought.data,
        "data_used": bought.used.octets,
        "data_left": data_left(bought),
        "rate_up": rate and rate.up,
        "rate_down": rate and rate.down,
        "devices": bought.terms.devices,
        "online": len(list(holding.active())),
        "is_open": row["is_open"],
        "held": bought.held,
        "paused_at": bought.paused_at,
    }
