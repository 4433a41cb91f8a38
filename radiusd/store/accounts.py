"""Customers: added, changed, given a password."""

import re

from sqlalchemy import Connection, RowMapping, insert, select, update

from policy.accounts import Branch
from policy.quantities import Instant
from radiusd.passwords import store_password
from radiusd.store import branches, naming, revisions
from radiusd.store.directory import Cafe
from radiusd.store.errors import AlreadyThere, Refused
from radiusd.store.identifiers import take_one
from radiusd.store.sales import Buyer
from radiusd.store.schema import accounts, logins
from radiusd.vault import Vault

_KEPT_FOR_PASSES = re.compile(r"wifi_\d+", re.IGNORECASE)


def find(connection: Connection, name: str) -> RowMapping:
    """The account of this name, and a voucher in small letters too, as it logs in; raises NotFound."""
    if name != name.upper():
        voucher = select(accounts).where(accounts.c.name == name.upper(), accounts.c.kind == "voucher")
        found = connection.execute(voucher).mappings().first()
        if found is not None:
            return found
    return naming.find(connection, accounts, name, "account")


def add(connection: Connection, vault: Vault, name: str, password: str, cafe: Cafe, at: Instant) -> int:
    """A new customer; raises AlreadyThere, also when a voucher or a pass has the name."""
    _require_free(connection, name)
    account_id = take_one(connection, "accounts")
    connection.execute(
        insert(accounts).values(id=account_id, name=name, branch_id=cafe.id, kind="customer", created_at=at)
    )
    kind, stored = store_password(vault, cafe.hashes_passwords, password)
    connection.execute(
        insert(logins).values(name=name, account_id=account_id, kind="account", password_kind=kind, password=stored)
    )
    return account_id


def _require_free(connection: Connection, name: str) -> None:
    if _KEPT_FOR_PASSES.fullmatch(name):
        raise Refused(f"{name!r} cannot be an account: wifi_ and a number is the login of a pass that was sold")
    # Before the store is asked for the login, so that an account is called an account.
    naming.require_free(connection, accounts, name, "account")
    found = connection.execute(select(logins.c.kind).where(logins.c.name == name)).scalar()
    if found is not None:
        raise AlreadyThere(f"somebody logs in as {name!r} already (a {found})")


def set_password(connection: Connection, vault: Vault, name: str, password: str) -> None:
    """Another password for the account's own login; raises NotFound, Refused."""
    account = find(connection, name)
    if account["kind"] != "customer":
        raise Refused(f"{name} is a voucher: its code is its password")
    hashes = branches.cafe(connection, account["branch_id"]).hashes_passwords
    kind, stored = store_password(vault, hashes, password)
    connection.execute(
        update(logins)
        .where(logins.c.account_id == account["id"], logins.c.kind == "account")
        .values(password_kind=kind, password=stored)
    )
    revisions.announce(connection)


def move(connection: Connection, name: str, branch: RowMapping) -> None:
    """Let the account log in at another branch instead; raises NotFound."""
    account = find(connection, name)
    connection.execute(update(accounts).where(accounts.c.id == account["id"]).values(branch_id=branch["id"]))
    revisions.announce(connection)


def buyer(connection: Connection, account: RowMapping, at: Instant) -> Buyer:
    """The account as somebody to sell to."""
    branch: Branch = branches.at(connection, account["branch_id"], at)
    return Buyer(account["id"], account["name"], branch)
