"""FreeRADIUS as the part of a router that takes disconnects, and radclient as the one that then says Stop."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.end_to_end.cafe import SECRET, Cafe, eventually

_PROGRAMS = ("freeradius", "radclient")


def missing() -> str:
    """What is not there of what this needs; empty if nothing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    absent = [each for each in _PROGRAMS if shutil.which(each, path=path) is None]
    return f"{absent[0]} is not installed" if absent else ""


class FreeRadius:
    """Listens at the port for disconnects of the café's router; it knows the sessions it was told are online."""

    def __init__(self, cafe: Cafe) -> None:
        self._folder = cafe.folder / "freeradius"
        self._log = self._folder / "log"
        self._online = self._folder / "online"
        self._online.mkdir(parents=True)
        (self._folder / "secret").write_text(SECRET)
        (self._folder / "cut").write_text(_cut(self._folder, cafe.acct))
        (self._folder / "cut").chmod(0o700)
        (self._folder / "radiusd.conf").write_text(_settings(self._folder, cafe.coa))

    def __enter__(self) -> Self:
        path = f"{os.environ.get('PATH', '')}:/usr/sbin"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["freeradius", "-f", "-x", "-l", "stdout", "-d", str(self._folder)],
                env=os.environ | {"PATH": path},
                stdout=log,
                stderr=log,
            )
        try:
            eventually(self._is_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def is_online(self, session: str) -> bool:
        """Whether it knows this Acct-Session-Id."""
        return (self._online / session).exists()

    def comes_online(self, session: str) -> None:
        """From now on it knows this Acct-Session-Id."""
        (self._online / session).touch()

    def forgets(self, session: str) -> None:
        """As a router that was switched off."""
        (self._online / session).unlink()

    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log()
        return "Ready to process requests" in self.log()


def _settings(folder: Path, port: int) -> str:
    return f"""
prefix = {folder}
name = das
libdir = /usr/lib/freeradius
dictionary = /usr/share/freeradius
raddbdir = {folder}
max_requests = 64
log {{
  destination = stdout
}}
security {{
  allow_vulnerable_openssl = yes
}}
client cafe {{
  ipaddr = 127.0.0.1
  secret = "{SECRET}"
}}
modules {{
  exec cut {{
    wait = yes
    program = "{folder}/cut %{{Acct-Session-Id}} %{{User-Name}}"
    input_pairs = request
    shell_escape = yes
    timeout = 5
  }}
  always reject {{
    rcode = reject
  }}
}}
server das {{
  listen {{
    type = coa
    ipaddr = 127.0.0.1
    port = {port}
  }}
  recv-coa {{
    cut {{
      reject = 1
    }}
    if (reject) {{
      update reply {{
        Error-Cause := Session-Context-Not-Found
      }}
      reject
    }}
  }}
  send-coa {{
  }}
}}
"""


def _cut(folder: Path, acct: int) -> str:
    """A program that ends a session: it is nobody's any more, and the server hears of it a little later."""
    return f"""#!/bin/sh
rm "{folder}/online/$1" 2>/dev/null || exit 1
{{
  sleep 0.1
  printf '%s\\n' "User-Name = \\"$2\\"" "Acct-Session-Id = \\"$1\\"" "Acct-Status-Type = Stop" \\
    "NAS-Identifier = \\"r1\\"" "Acct-Session-Time = 1" "Acct-Input-Octets = 700" "Acct-Output-Octets = 9000" \\
    "Acct-Terminate-Cause = Admin-Reset" |
    radclient -r 3 -t 1 -S "{folder}/secret" 127.0.0.1:{acct} acct
}} >"{folder}/stop" 2>&1 </dev/null &
"""
