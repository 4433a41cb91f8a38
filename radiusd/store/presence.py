"""Which servers run on one store: who starts alone knows that whatever was under way died with its server."""

from sqlalchemy import Connection, func, select

from radiusd.store.database import Database

_KEY = 0x1CAFE
"""Of a PostgreSQL advisory lock; each running server holds it, shared."""


class Presence:
    """Held from `announce` to `end`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: Connection | None = None

    def announce(self) -> bool:
        """Be known to run on this store; whether no other server does. A file has one server anyway."""
        if self._database.is_sqlite:
            return True
        self._held = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        is_alone = bool(self._held.execute(select(func.pg_try_advisory_lock(_KEY))).scalar_one())
        self._held.execute(select(func.pg_advisory_lock_shared(_KEY)))
        if is_alone:
            self._held.execute(select(func.pg_advisory_unlock(_KEY)))
        return is_alone

    def end(self) -> None:
        """Be gone; a server that is killed is gone as well."""
        if self._held is not None:
            self._held.invalidate()
            self._held.close()
            self._held = None
