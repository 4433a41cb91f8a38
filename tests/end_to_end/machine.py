"""A machine of one's own for the length of a test: the real one's files, every change of them thrown away at the end.

Network, mounts and processes are its own (unshare), so that default ports are free, and what a page has one do as root
touches nothing. It takes root, and Linux's overlay file system.
"""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Self

from tests.docs.pages import ROOT, Block, matches
from tests.end_to_end.cafe import eventually

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_NEEDED = ("unshare", "ip", "mount", "radclient", "curl", "flock", "useradd", "runuser")
_PROMPT = "-- the machine waits --"


def _folders() -> list[str]:
    """The top folders that are changed, or that others than root must be able to look into."""
    top = (f"/{Path(each).resolve().parts[1]}" for each in (ROOT, sys.executable))
    return sorted({"/etc", "/opt", "/root", "/usr", "/var", *top})


def _parents() -> list[str]:
    parents = {parent for each in (ROOT, Path(sys.executable).resolve()) for parent in (each, *each.parents)}
    return sorted(str(each) for each in parents if each.is_dir())


_BOOT = f"""
set -e
ip link set lo up
mount -t tmpfs tmpfs /mnt
for folder in {" ".join(_folders())}; do
    mkdir -p /mnt/changed$folder /mnt/work$folder
    mount -t overlay overlay -o lowerdir=$folder,upperdir=/mnt/changed$folder,workdir=/mnt/work$folder $folder
done
cd {shlex.quote(str(ROOT))}
chmod a+rx {shlex.join(_parents())}
rm -rf var/demo
unset ICAFE_CONFIG ICAFE_DEMO_DIR
"""


def missing() -> str | None:
    """Why there can be no such machine here; None if there can."""
    absent = [each for each in _NEEDED if shutil.which(each) is None]
    if absent:
        return f"the documentation's commands need {', '.join(absent)}"
    tried = subprocess.run([*_UNSHARE, "bash", "-c", _BOOT], capture_output=True, text=True, check=False, timeout=30)
    if tried.returncode != 0:
        return f"the documentation's commands need root, network namespaces and overlay mounts: {tried.stderr.strip()}"
    return None


class Machine:
    """Somebody sits at a shell and pastes blocks of a page into it; the first that fails is the end of it."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "shell"
        self._shell: subprocess.Popen[str] | None = None
        self._blocks = 0

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._shell = subprocess.Popen(
                [*_UNSHARE, "bash"], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True
            )
        self._type(_BOOT)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shell is not None:
            self._stdin.close()
            self._shell.kill()
            self._shell.wait(10)

    @property
    def _stdin(self) -> IO[str]:
        assert self._shell is not None
        assert self._shell.stdin is not None
        return self._shell.stdin

    def _type(self, text: str) -> None:
        self._stdin.write(f"{text}\n")
        self._stdin.flush()

    def _wait(self, within: float = 60) -> None:
        self._blocks += 1
        done = f"{_PROMPT} {self._blocks}"
        self._type(f"echo '{done}'")
        eventually(lambda: done in self._log.read_text() or self._has_ended(), within)
        assert not self._has_ended(), self._log.read_text()[-4000:]

    def _has_ended(self) -> bool:
        return self._shell is None or self._shell.poll() is not None

    def run(self, text: str) -> str:
        """What `text` prints when it is pasted; fails if any command in it does."""
        before = len(self._log.read_text())
        self._type(f"eval {shlex.quote(text)} </dev/null 2>&1")
        self._wait()
        return self._log.read_text()[before:]

    def begin(self, text: str, says: str) -> None:
        """Paste what goes on by itself, and wait until it says something."""
        output = f"/mnt/background-{self._blocks}"
        self._type(f"{{ eval {shlex.quote(text)}\n}} >{output} 2>&1 </dev/null &")
        self.run(f"for _ in {{1..300}}; do ! grep -q {shlex.quote(says)} {output} || break; sleep 0.1; done")
        self.run(f"grep -q {shlex.quote(says)} {output} || {{ cat {output}; exit 1; }}")

    def follow(self, block: Block) -> None:
        """Do as the page says, and see what it says one will see."""
        self._type(f"echo '-- {block}'")
        printed = self.run(block.text)
        if block.prints is None:
            return
        until = time.monotonic() + 10
        # What only looks may be looked at again: a cut takes as long as its router does.
        while not matches(printed, block.prints) and _only_looks(block) and time.monotonic() < until:
            printed = self.run(block.text)
        assert matches(printed, block.prints), f"{block} printed:\n{printed}"


def _only_looks(block: Block) -> bool:
    lines = block.text.strip().splitlines()
    return all(line.startswith("curl") or " list" in line or " why " in line for line in lines)
