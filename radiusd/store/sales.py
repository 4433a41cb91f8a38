"""Selling: a pass with the terms of its package as they are now, and the session that waits for its first login."""

from collections.abc import Sequence
from secrets import choice

from attrs import field, frozen
from sqlalchemy import Connection, bindparam, insert, update

from policy.accounts import Branch
from policy.facts import fact
from policy.holding import Holding, wake_at
from policy.package import Package
from policy.passes import Pass
from policy.quantities import Instant
from policy.session import Session
from radiusd.passwords import store_password
from radiusd.store import revisions, rows
from radiusd.store.decisions import Decision, record
from radiusd.store.identifiers import take
from radiusd.store.schema import accounts, logins, passes, sessions
from radiusd.vault import Vault

# Without 0 O o 1 I l: what looks alike is typed wrong.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"
_LENGTH = 32


@frozen
class Buyer:
    """Whom a pass is sold to."""

    account_id: int
    name: str
    branch: Branch


@frozen
class Sale:
    """What was sold."""

    account_id: int
    pass_id: int
    session_id: int


@frozen
class Credentials:
    """A name and a password for one pass, shown once."""

    login: str
    password: str = field(repr=False)


def sell(connection: Connection, buyers: Sequence[Buyer], terms: Package, at: Instant) -> list[Sale]:
    """One pass for each buyer."""
    sales = take_numbers(connection, [each.account_id for each in buyers])
    write(connection, buyers, sales, terms, at)
    connection.execute(
        update(accounts).where(accounts.c.id == bindparam("row_id")).values(last_pass_id=bindparam("pass")),
        [{"row_id": each.account_id, "pass": each.pass_id} for each in sales],
    )
    revisions.announce(connection)
    return sales


def take_numbers(connection: Connection, account_ids: Sequence[int]) -> list[Sale]:
    """Fresh ids for what is about to be sold."""
    count = len(account_ids)
    numbers = zip(account_ids, take(connection, "passes", count), take(connection, "sessions", count), strict=True)
    return [Sale(*each) for each in numbers]


def write(connection: Connection, buyers: Sequence[Buyer], sales: Sequence[Sale], terms: Package, at: Instant) -> None:
    """The rows of sales to accounts that are there already."""
    bought = [Pass(id=each.pass_id, account_id=each.account_id, terms=terms, sold_at=at) for each in sales]
    waiting = [Session(id=each.session_id, pass_id=each.pass_id, created_at=at) for each in sales]
    connection.execute(
        insert(passes),
        [
            rows.new_pass_row(each, wake_at(Holding(each, (session,)), buyer.branch, at))
            for each, session, buyer in zip(bought, waiting, buyers, strict=True)
        ],
    )
    connection.execute(insert(sessions), [rows.new_session_row(each) for each in waiting])
    numbers = take(connection, "decisions", len(sales))
    record(
        connection,
        (_decision(*each, terms, at) for each in zip(numbers, buyers, sales, strict=True)),
    )


def _decision(number: int, buyer: Buyer, sale: Sale, terms: Package, at: Instant) -> Decision:
    sold = fact("sold", pass_id=sale.pass_id, package=terms.name, account=buyer.name, price=terms.price)
    return Decision(
        id=number,
        at=at,
        verdict="sold",
        reason="sold",
        name=buyer.name,
        account_id=buyer.account_id,
        session_id=sale.session_id,
        facts=(sold,),
    )


def make_credentials(connection: Connection, vault: Vault, sale: Sale, *, hashes: bool) -> Credentials:
    """A login for this pass alone."""
    made = Credentials(f"wifi_{sale.pass_id}", "".join(choice(_ALPHABET) for _ in range(_LENGTH)))
    kind, password = store_password(vault, hashes, made.password)
    connection.execute(
        insert(logins).values(
            name=made.login,
            account_id=sale.account_id,
            pass_id=sale.pass_id,
            kind="pass",
            password_kind=kind,
            password=password,
        )
    )
    return made
