"""Which servers run on one store: who starts alone knows that whatever was under way died with its server.

Each holds a shared lock as long as it runs: PostgreSQL's advisory lock, or one on the file that SQLite's writers lock
in another way (flock), which does not concern this one. Whoever gets it exclusively for a moment is alone, and keeps it
shared without letting go of it in between, so that of several that start at once exactly one is.
"""

import fcntl
import os
import struct

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from radiusd.store.advisory import PRESENCE
from radiusd.store.database import Database


class Presence:
    """Held from `announce` to `end`; a server that is killed is gone as well."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: Connection | None = None
        self._file: int | None = None

    def announce(self) -> bool:
        """Be known to run on this store; whether no other server does."""
        return self._announce_on_file() if self._database.is_sqlite else self._announce_on_server()

    def renew(self) -> None:
        """Be known again, should PostgreSQL have ended the connection meanwhile. Raises what SQLAlchemy raises."""
        if self._database.is_sqlite:
            return
        try:
            if self._held is not None:
                self._held.execute(select(1))
                return
        except DBAPIError:
            self.end()
        self.announce()

    def _announce_on_server(self) -> bool:
        self._held = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        is_alone = bool(self._held.execute(select(func.pg_try_advisory_lock(PRESENCE))).scalar_one())
        self._held.execute(select(func.pg_advisory_lock_shared(PRESENCE)))
        if is_alone:
            self._held.execute(select(func.pg_advisory_unlock(PRESENCE)))
        return is_alone

    def _announce_on_file(self) -> bool:
        self._file = os.open(f"{self._database.url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(self._file, fcntl.F_WRLCK, fcntl.F_OFD_SETLK)
            is_alone = True
        except BlockingIOError:
            is_alone = False
        _lock(self._file, fcntl.F_RDLCK, fcntl.F_OFD_SETLKW)
        return is_alone

    def end(self) -> None:
        """Be gone."""
        if self._held is not None:
            self._held.invalidate()
            self._held.close()
            self._held = None
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _lock(descriptor: int, kind: int, how: int) -> None:
    """Lock the first octet as long as this file is open (fcntl(2): open file description locks)."""
    fcntl.fcntl(descriptor, how, struct.pack("hhqqi0q", kind, os.SEEK_SET, 0, 1, 0))
