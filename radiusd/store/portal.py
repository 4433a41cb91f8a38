"""Guests of the portal: known by a token of which only the hash is kept."""

from attrs import field, frozen
from sqlalchemy import Connection, bindparam, insert, select

from policy.quantities import Instant
from radiusd.store.pc_directory import hash_token
from radiusd.store.pc_schema import portal_logins
from radiusd.vault import Vault

LASTS = 24 * 3_600_000
"""Milliseconds."""
_PC_TOKEN = "pc session token"  # noqa: S105 - what it is sealed for

_FIND = select(portal_logins).where(
    portal_logins.c.token_hash == bindparam("token_hash"),
    portal_logins.c.revoked_at.is_(None),
    portal_logins.c.expires_at > bindparam("at"),
)
_INSERT = insert(portal_logins)


@frozen(kw_only=True)
class PortalLogin:
    """Somebody who logged in to the portal with the account of a gaming PC; `pc_token` opens it at the PC system."""

    id: int
    branch_id: int
    account_id: int
    pc_user_id: str
    pc_token: str = field(repr=False)
    device: str | None
    created_at: Instant
    expires_at: Instant


def find(connection: Connection, vault: Vault, token: str, at: Instant) -> PortalLogin | None:
    """Whose token it is; None if it is nobody's, or ran out, or the PC was logged off since."""
    row = connection.execute(_FIND, {"token_hash": hash_token(token), "at": at}).mappings().one_or_none()
    if row is None:
        return None
    return PortalLogin(
        id=row["id"],
        branch_id=row["branch_id"],
        account_id=row["account_id"],
        pc_user_id=row["pc_user_id"],
        pc_token=vault.open(row["pc_token"], _PC_TOKEN).decode(),
        device=row["device"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def add(connection: Connection, vault: Vault, login: PortalLogin, token_hash: bytes) -> None:
    """Keep a login under the hash of its token."""
    values = {
        "id": login.id,
        "token_hash": token_hash,
        "branch_id": login.branch_id,
        "account_id": login.account_id,
        "pc_user_id": login.pc_user_id,
        "pc_token": vault.seal(login.pc_token.encode(), _PC_TOKEN),
        "device": login.device,
        "created_at": login.created_at,
        "expires_at": login.expires_at,
    }
    connection.execute(_INSERT, values)
