"""Installations of the launcher in the cafés, each with a secret of its own."""

from secrets import token_urlsafe

from sqlalchemy import Connection, RowMapping, insert, update

from policy.quantities import Instant
from radiusd.store import naming, revisions
from radiusd.store.game_directory import LAUNCHER_SECRET
from radiusd.store.game_schema import launchers
from radiusd.store.identifiers import take_one
from radiusd.vault import Vault


def find(connection: Connection, name: str) -> RowMapping:
    """The launcher of this name; raises NotFound."""
    return naming.find(connection, launchers, name, "launcher")


def add(connection: Connection, vault: Vault, name: str, branch: RowMapping, at: Instant) -> str:
    """A new installation at a branch; raises AlreadyThere.

    Gives its secret, of which the octets in UTF-8 are the key of the HMAC.
    """
    naming.require_free(connection, launchers, name, "launcher")
    secret = token_urlsafe(32)
    connection.execute(
        insert(launchers).values(
            id=take_one(connection, "launchers"),
            name=name,
            branch_id=branch["id"],
            secret=_sealed(vault, secret),
            created_at=at,
        )
    )
    revisions.announce(connection)
    return secret


def rotate(connection: Connection, vault: Vault, name: str) -> str:
    """Another secret; the former one is void. Raises NotFound."""
    row, secret = find(connection, name), token_urlsafe(32)
    _change(connection, row, secret=_sealed(vault, secret))
    return secret


def set_active(connection: Connection, name: str, *, is_active: bool) -> bool:
    """Let an installation begin no more sessions from now on, or again; whether that is new. Raises NotFound."""
    row = find(connection, name)
    _change(connection, row, is_active=is_active)
    return bool(row["is_active"]) is not is_active


def _change(connection: Connection, row: RowMapping, **columns: object) -> None:
    connection.execute(update(launchers).where(launchers.c.id == row["id"]).values(**columns))
    revisions.announce(connection)


def _sealed(vault: Vault, secret: str) -> bytes:
    return vault.seal(secret.encode(), LAUNCHER_SECRET)
