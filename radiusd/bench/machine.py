"""What the figures were measured on."""

import os
import platform
import sqlite3
from pathlib import Path

from attrs import frozen

_CPUINFO = Path("/proc/cpuinfo")


@frozen(kw_only=True)
class Machine:
    """A machine as far as figures depend on it; it has no name here."""

    cpu: str
    cores: int
    python: str
    kernel: str
    sqlite: str

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.cpu}, {cores}; Python {self.python}; {self.kernel}; SQLite {self.sqlite}"


def this_machine() -> Machine:
    """The machine this runs on."""
    return Machine(
        cpu=cpu_model(_CPUINFO.read_text() if _CPUINFO.exists() else "") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
        kernel=f"{platform.system()} {platform.release().partition('-')[0]}",
        sqlite=sqlite3.sqlite_version,
    )


def cpu_model(cpuinfo: str) -> str | None:
    """The model that /proc/cpuinfo names first; None where it names none, as on some ARM machines."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model") and value.strip():
            return " ".join(value.split())
    return None
