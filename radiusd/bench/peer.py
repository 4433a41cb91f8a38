"""FreeRADIUS as the peer, set up and run by the script that comes with the generator."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from attrs import frozen

from radiusd.bench.errors import BenchError
from radiusd.bench.generators import SECRET, Target
from radiusd.bench.processes import free_ports, output_of

CONFIGURATIONS = {"sqlite": ("sqlite",), "postgresql": ("sql", "files-sql")}
"""With which of its configurations a store of ours is compared: the same kind of database behind both."""
_STARTS_WITHIN = 180.0
_MODULES = Path("/usr/lib/freeradius")
_INSTALL = "apt-get install freeradius freeradius-postgresql postgresql (and systemctl disable --now freeradius)"


@frozen
class Peer:
    """A running one; `database_pid` is 0 when it keeps its data in a file."""

    configuration: str
    target: Target
    pid: int
    database_pid: int

    def must_live(self) -> None:
        """Raises BenchError if it ended by itself."""
        if not Path(f"/proc/{self.pid}").exists():
            raise BenchError(f"FreeRADIUS ({self.configuration}) ended by itself")


def require_freeradius() -> None:
    """Raises BenchError when it, or what it needs for its databases, is not installed."""
    program = shutil.which("freeradius", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise BenchError(f"FreeRADIUS is missing: {_INSTALL}")
    if _MODULES.is_dir() and not (_MODULES / "rlm_sql_postgresql.so").exists():
        raise BenchError(f"FreeRADIUS's module for PostgreSQL is missing: {_INSTALL}")


@contextmanager
def running(script: Path, configuration: str, users: int) -> Iterator[Peer]:
    """FreeRADIUS in `configuration`, with `users` guests; all that belongs to it is removed at the end."""
    # Its database's socket is in there, and a socket's path may have 107 octets at most: /tmp and not TMPDIR.
    folder = Path(mkdtemp(prefix="icafe-peer.", dir="/tmp"))
    auth, acct, database = free_ports(3)
    environment = {
        "PEER_DIR": str(folder),
        "PEER_PG_PORT": str(database),
        "PEER_USERS": str(users),
        "PEER_SECRET": SECRET,
    }
    try:
        command = [str(script), "start", configuration, str(auth), str(acct)]
        said = output_of(command, limit=_STARTS_WITHIN, more_environment=environment)
        told = dict(word.partition("=")[::2] for word in said.split())
        yield Peer(configuration, Target(auth, acct), _number(told, "radiusd_pid"), _number(told, "pg_pid"))
    finally:
        output_of([str(script), "clean"], limit=60, more_environment=environment)


def _number(told: Mapping[str, str], name: str) -> int:
    text = told.get(name, "")
    return int(text) if text.isdigit() else 0
