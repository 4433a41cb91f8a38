"""Whether a key is that of a store: what was sealed with another could be read by nobody."""

from sqlalchemy import Connection, select

from radiusd.passwords import HASHED, PURPOSE
from radiusd.store.directory import SECRET
from radiusd.store.schema import logins, routers
from radiusd.vault import Vault

_OLDEST = (
    (select(routers.c.secret).order_by(routers.c.id).limit(1), SECRET),
    (select(logins.c.password).where(logins.c.password_kind != HASHED).limit(1), PURPOSE),
)


def require_key(connection: Connection, vault: Vault) -> None:
    """Raise VaultError unless `vault` opens what is sealed in the store, as far as anything is."""
    for query, purpose in _OLDEST:
        sealed = connection.execute(query).scalar()
        if sealed is not None:
            vault.open(sealed, purpose)
            return
