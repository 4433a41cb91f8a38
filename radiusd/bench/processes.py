"""Processes of our own: started out of the reach of the terminal's signals, ended by their ids, their CPU time read."""

import errno
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from radiusd.bench.errors import BenchError

_LOOKS_EVERY = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


def spawn(
    command: Sequence[str],
    *,
    more_environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a program. Ctrl-C does not reach it, so that we end what we started in order; should we die, it ends."""
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig=TERM"] if setpriv else []
    environment = {**os.environ, **(more_environment or {})}
    return subprocess.Popen(  # noqa: S603 - the project's own programs, and those that are named by options
        [*prefix, *command], env=environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
    )


def end(process: "subprocess.Popen[bytes]", patience: float = 20.0) -> None:
    """Ask a process to end, then make it end."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def output_of(
    command: Sequence[str],
    *,
    limit: float,
    good: Iterable[int] = (0,),
    meanwhile: Callable[[], None] = lambda: None,
    more_environment: Mapping[str, str] | None = None,
) -> str:
    """What a program prints. Raises BenchError unless it ends within `limit` seconds with a `good` status.

    `meanwhile` is called now and then; what it raises ends the program.
    """
    process = spawn(command, more_environment=more_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        printed, complaints = _communicate(process, limit, meanwhile)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{Path(command[0]).name} did not end within {limit:.0f} s") from error
    finally:
        end(process, 5)
    if process.returncode not in good:
        why = last_line(complaints.decode(errors="replace")) or "it did not say why"
        raise BenchError(f"{Path(command[0]).name} failed with status {process.returncode}: {why}")
    return printed.decode(errors="replace")


def _communicate(
    process: "subprocess.Popen[bytes]", limit: float, meanwhile: Callable[[], None]
) -> tuple[bytes, bytes]:
    until = time.monotonic() + limit
    while True:
        try:
            return process.communicate(timeout=_LOOKS_EVERY)
        except subprocess.TimeoutExpired:
            meanwhile()
            if time.monotonic() > until:
                raise


def last_line(text: str) -> str:
    """The last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


_BLOCKS = [range(first, first + 50, 5) for first in range(15_000, 32_000, 50)]
"""Ports below those that the kernel gives to whoever asks for any: nobody has one of these by chance. There is
room above each, for what has one more with each worker."""
_names: list[socket.socket] = []
"""Of the blocks that are ours; nothing of them is left when we end."""
_to_give: list[int] = []


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody has just now, neither by UDP nor by TCP.

    None is given twice: not to us, and to no other process that asks here, as long as we live. So a server that is
    started again finds its port as it left it.
    """
    found: list[int] = []
    while len(found) < count:
        if not _to_give:
            _to_give.extend(_a_block())
        port = _to_give.pop()
        if _is_free(port):
            found.append(port)
    return found


def _a_block() -> range:
    """Whose abstract name (unix(7)) nobody has: such names belong to a network of the kernel, as ports do."""
    while True:
        name, block = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), secrets.choice(_BLOCKS)
        try:
            name.bind(f"\0icafe-radiusd.ports.{block.start}")
        except OSError as error:
            name.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            _names.append(name)
            return block


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as made:
            try:
                made.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU time that these processes and all below them have used, those that ended included; theirs to a tick."""
    times: dict[int, float] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            pid = int(folder.name)
            try:
                parent, of_ended = read_stat((folder / "stat").read_text())
                times[pid] = of_ended + time.clock_gettime(_cpu_clock(pid))
            except OSError:
                continue  # it ended just now
            children[parent].append(pid)
    return sum(times.get(each, 0) for each in _family(roots, children))


def _cpu_clock(pid: int) -> int:
    """The clock of another process's CPU time, in nanoseconds, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | 2


def busy_seconds() -> float:
    """CPU time that all processes of this machine have used, and the kernel."""
    fields = Path("/proc/stat").read_text().split(maxsplit=9)
    # user, nice, system; then idle and iowait, which are no work; irq, softirq, steal (proc(5)).
    return sum(int(fields[each]) for each in (1, 2, 3, 6, 7, 8)) / _TICKS


def resident(pid: int) -> float:
    """Memory of a process that is in RAM, in MB; 0 when there is no such process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def resident_of(root: int) -> float:
    """The same of a process and all below it; what they share counts for each."""
    return sum(resident(each) for each in _family((root,), _children()))


def open_files(root: int) -> int:
    """Descriptors that a process and all below it have open."""
    count = 0
    for each in _family((root,), _children()):
        try:
            count += len(list(Path(f"/proc/{each}/fd").iterdir()))
        except OSError:
            continue  # it ended just now
    return count


def _children() -> Mapping[int, Sequence[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                found[read_stat((folder / "stat").read_text())[0]].append(int(folder.name))
            except OSError:
                continue
    return found


def _family(roots: Iterable[int], children: Mapping[int, Sequence[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += children.get(each, ())
    return found


def read_stat(text: str) -> tuple[int, float]:
    """Parent, and CPU seconds of the children that ended, of one /proc/PID/stat (proc(5))."""
    # The name before the last parenthesis may hold anything, parentheses too.
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[1]), sum(int(each) for each in fields[13:15]) / _TICKS
