"""Blocking accounts and devices: refused from then on, and what is online ends. The passes keep what is left."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, update

from policy.blocking import end_active
from policy.facts import fact
from policy.quantities import Instant
from radiusd.store import accounts as customers
from radiusd.store import branches, devices
from radiusd.store.decisions import Decision
from radiusd.store.live import Ended, begin, branch_id_of, finish
from radiusd.store.schema import IS_ACTIVE, accounts, passes, sessions
from radiusd.store.work import Needs, Work


def block_account(connection: Connection, name: str, at: Instant) -> Ended:
    """Refuse the account, and end what it has online. Raises NotFound."""
    account = customers.find(connection, name)
    _set_blocked(connection, account["id"], is_blocked=True)
    # A login that is just being decided holds these passes: wait for it, so that its session ends too.
    open_passes = select(passes.c.id).where(passes.c.account_id == account["id"], passes.c.is_open)
    work = begin(connection, Needs(pass_ids=connection.execute(open_passes).scalars().all()))
    why = _decision(at, "account_blocked", "blocked", account=account["name"])
    return _end_all(connection, work, [each.bought.id for each in work.holdings_of(account["id"])], why)


def unblock_account(connection: Connection, name: str, at: Instant) -> bool:
    """Let the account in again; False if it was not blocked. Raises NotFound."""
    account = customers.find(connection, name)
    _set_blocked(connection, account["id"], is_blocked=False)
    if account["is_blocked"]:
        _note(connection, _decision(at, "account_unblocked", "unblocked", account=account["name"]))
    return bool(account["is_blocked"])


def block_device(connection: Connection, mac: str, at: Instant) -> Ended:
    """Refuse the device, whoever brings it, and end what it has online."""
    devices.set_blocked(connection, mac, at, is_blocked=True)
    online = select(sessions.c.pass_id).where(IS_ACTIVE, sessions.c.device == mac).distinct()
    pass_ids = connection.execute(online).scalars().all()
    work = begin(connection, Needs(pass_ids=pass_ids))
    return _end_all(connection, work, pass_ids, _decision(at, "device_blocked", "blocked", device=mac))


def unblock_device(connection: Connection, mac: str, at: Instant) -> bool:
    """Let the device in again; False if it was not blocked."""
    is_new = devices.set_blocked(connection, mac, at, is_blocked=False)
    if is_new:
        _note(connection, _decision(at, "device_unblocked", "unblocked", device=mac))
    return is_new


def _set_blocked(connection: Connection, account_id: int, *, is_blocked: bool) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(is_blocked=is_blocked))


def _decision(at: Instant, code: str, verdict: str, **about: Any) -> Decision:
    device = about.get("device")
    return Decision(
        at=at, verdict=verdict, reason=code, name=about.get("account"), device=device, facts=(fact(code, **about),)
    )


def _note(connection: Connection, decision: Decision) -> None:
    work = begin(connection, Needs())
    work.decide(decision)
    finish(connection, work)


def _end_all(connection: Connection, work: Work, pass_ids: Collection[int], why: Decision) -> Ended:
    work.decide(why)
    ended: list[int] = []
    for pass_id in pass_ids:
        holding = work.holding(pass_id)
        branch = branches.at(connection, branch_id_of(work, holding), why.at)
        ended += [each.id for each in holding.active() if why.device in (None, each.device)]
        work.put(*end_active(holding, why.facts[0], why.at, why.device), branch, why.at)
    finish(connection, work)
    return Ended(tuple(sorted(ended)), len(work.commands))
