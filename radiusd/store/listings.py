"""What there is, for the administrator: accounts, devices, vouchers and cuts, each one limited statement."""

from typing import Any

from sqlalchemy import Connection, Select, func, select

from radiusd.store.schema import (
    IS_ACTIVE,
    accounts,
    branches,
    commands,
    connections,
    devices,
    passes,
    routers,
    sessions,
)
from radiusd.store.session_list import outcome

Record = dict[str, Any]

_ONLINE = (
    select(func.count())
    .select_from(passes.join(sessions, sessions.c.pass_id == passes.c.id))
    .where(passes.c.account_id == accounts.c.id, IS_ACTIVE)
    .scalar_subquery()
)
_OPEN = select(func.count()).where(passes.c.account_id == accounts.c.id, passes.c.is_open).scalar_subquery()
_ACCOUNTS = select(
    accounts.c.id,
    accounts.c.name,
    branches.c.name.label("branch"),
    accounts.c.kind,
    accounts.c.is_blocked,
    _OPEN.label("passes"),
    _ONLINE.label("online"),
    accounts.c.created_at,
).join_from(accounts, branches, accounts.c.branch_id == branches.c.id)


def all_of(connection: Connection, query: Select[Any], limit: int) -> list[Record]:
    """At most `limit` rows."""
    return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def list_accounts(
    connection: Connection, limit: int, *, branch_id: int | None = None, blocked: bool = False
) -> list[Record]:
    """Customers by name."""
    query = _ACCOUNTS.where(accounts.c.kind == "customer").order_by(accounts.c.name)
    if branch_id is not None:
        query = query.where(accounts.c.branch_id == branch_id)
    if blocked:
        query = query.where(accounts.c.is_blocked)
    return all_of(connection, query, limit)


def show_account(connection: Connection, account_id: int) -> Record:
    """One account, a voucher's too."""
    return all_of(connection, _ACCOUNTS.where(accounts.c.id == account_id), 1)[0]


def list_devices(connection: Connection, limit: int, *, account_id: int | None = None) -> list[Record]:
    """Devices that are tied or blocked."""
    query = (
        select(devices.c.name.label("device"), accounts.c.name.label("account"), devices.c.is_blocked)
        .add_columns(devices.c.created_at)
        .outerjoin_from(devices, accounts, devices.c.account_id == accounts.c.id)
        .order_by(devices.c.name)
    )
    if account_id is not None:
        query = query.where(devices.c.account_id == account_id)
    return all_of(connection, query, limit)


def list_vouchers(
    connection: Connection, limit: int, *, package: str | None = None, unused: bool = False
) -> list[Record]:
    """Vouchers, the newest first."""
    query = (
        select(
            accounts.c.name.label("code"),
            passes.c.package,
            branches.c.name.label("branch"),
            passes.c.id.label("pass_id"),
            passes.c.sold_at,
            passes.c.first_login_at,
            passes.c.is_open,
            accounts.c.is_blocked,
        )
        .join_from(accounts, passes, accounts.c.last_pass_id == passes.c.id)
        .join(branches, accounts.c.branch_id == branches.c.id)
        .where(accounts.c.kind == "voucher")
        .order_by(accounts.c.id.desc())
    )
    if package is not None:
        query = query.where(passes.c.package == package)
    if unused:
        query = query.where(passes.c.first_login_at.is_(None), passes.c.is_open, ~accounts.c.is_blocked)
    return all_of(connection, query, limit)


def list_cuts(connection: Connection, limit: int, *, is_open: bool = False) -> list[Record]:
    """Orders to disconnect, the newest first; those that are open are not proven, and tried again."""
    query = (
        select(
            commands.c.id,
            connections.c.session_id,
            connections.c.user_name.label("login"),
            connections.c.device,
            routers.c.name.label("router"),
            commands.c.created_at,
            commands.c.attempts,
            commands.c.due_at,
            commands.c.outcome,
            commands.c.evidence,
            commands.c.decided_at,
            commands.c.elapsed,
            commands.c.alerted_at,
        )
        .join_from(commands, connections, commands.c.connection_id == connections.c.id)
        .join(routers, connections.c.router_id == routers.c.id)
        .where(commands.c.kind == "cut")
        .order_by(commands.c.id.desc())
    )
    if is_open:
        query = query.where(commands.c.due_at.is_not(None))
    return [
        {**row, "outcome": outcome(row), "is_open": row["due_at"] is not None}
        for row in all_of(connection, query, limit)
    ]
