"""Vouchers: a printed code is user name and password, and an account without a face."""

from collections.abc import Collection, Sequence
from secrets import choice

from sqlalchemy import Connection, insert, select

from policy.package import Package
from policy.quantities import Instant
from radiusd.passwords import store_password
from radiusd.store import revisions, sales
from radiusd.store.directory import Cafe
from radiusd.store.identifiers import take
from radiusd.store.keys import among
from radiusd.store.sales import Buyer
from radiusd.store.schema import accounts, logins
from radiusd.vault import Vault

# Capitals and digits without 0 O 1 I L; ten of 31 are 49 bits.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

_CODES_TAKEN = (
    select(logins.c.name).where(among(logins.c.name)).union(select(accounts.c.name).where(among(accounts.c.name)))
)


def new_code() -> str:
    """A random code, XXXXX-XXXXX."""
    letters = "".join(choice(ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"


def _new_codes(connection: Connection, count: int) -> list[str]:
    codes: set[str] = set()
    while len(codes) < count:
        fresh = {new_code() for _ in range(count - len(codes))}
        codes |= fresh - _taken(connection, fresh)
    return list(codes)


def _taken(connection: Connection, codes: Collection[str]) -> set[str]:
    return set(connection.execute(_CODES_TAKEN, {"keys": list(codes)}).scalars())


def create(connection: Connection, vault: Vault, terms: Package, cafe: Cafe, count: int, at: Instant) -> Sequence[str]:
    """`count` codes, each with one pass."""
    codes = _new_codes(connection, count)
    sold = sales.take_numbers(connection, take(connection, "accounts", count))
    connection.execute(
        insert(accounts),
        [
            {
                "id": sale.account_id,
                "name": code,
                "branch_id": cafe.id,
                "kind": "voucher",
                "last_pass_id": sale.pass_id,
                "created_at": at,
            }
            for code, sale in zip(codes, sold, strict=True)
        ],
    )
    branch = cafe.branch(at)
    sales.write(
        connection,
        [Buyer(sale.account_id, code, branch) for code, sale in zip(codes, sold, strict=True)],
        sold,
        terms,
        at,
    )
    connection.execute(
        insert(logins), [_login(vault, code, sale.account_id) for code, sale in zip(codes, sold, strict=True)]
    )
    revisions.announce(connection)
    return codes


def _login(vault: Vault, code: str, account_id: int) -> dict[str, object]:
    # The code is the user name and so no secret: hashing it would only keep CHAP out.
    kind, password = store_password(vault, False, code)
    return {"name": code, "account_id": account_id, "kind": "voucher", "password_kind": kind, "password": password}
