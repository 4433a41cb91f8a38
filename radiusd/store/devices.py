"""Devices: tied to an account so that their MAC logs in, or blocked."""

from sqlalchemy import Connection, insert, select, update

from policy.quantities import Instant
from radiusd.store import advisory
from radiusd.store.errors import NotFound
from radiusd.store.schema import accounts, devices


def tie(connection: Connection, mac: str, account_id: int, at: Instant) -> str | None:
    """Let the device log in by its MAC on the account's passes; gives the account it was tied to before."""
    before = connection.execute(
        select(accounts.c.name).join_from(devices, accounts).where(devices.c.name == mac)
    ).scalar()
    _keep(connection, mac, at, account_id=account_id)
    return before


def untie(connection: Connection, mac: str) -> None:
    """Let its MAC log in no more; raises NotFound if it was not tied."""
    tied = update(devices).where(devices.c.name == mac, devices.c.account_id.is_not(None)).values(account_id=None)
    if not connection.execute(tied).rowcount:
        raise NotFound(f"device {mac} is tied to no account")


def set_blocked(connection: Connection, mac: str, at: Instant, *, is_blocked: bool) -> bool:
    """Whether that is new. Every login that was decided as it was before has been committed by then."""
    advisory.await_who_holds_devices(connection)
    now = connection.execute(select(devices.c.is_blocked).where(devices.c.name == mac)).scalar()
    _keep(connection, mac, at, is_blocked=is_blocked)
    return bool(now) is not is_blocked


def _keep(connection: Connection, mac: str, at: Instant, **values: object) -> None:
    changed = connection.execute(update(devices).where(devices.c.name == mac).values(**values))
    if not changed.rowcount:
        connection.execute(insert(devices).values(name=mac, created_at=at, **values))
