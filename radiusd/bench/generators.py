"""What asks the questions: radload where its source is at hand, the project's own virtual routers elsewhere."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from attrs import frozen

from radiusd.bench import figures
from radiusd.bench.errors import BenchError
from radiusd.bench.figures import Figures
from radiusd.bench.processes import output_of

SCENARIOS = ("auth-pap", "auth-chap", "acct", "mixed")
INTERIMS = 3
REQUESTS_OF_A_SESSION = {"auth-pap": 1, "auth-chap": 1, "acct": INTERIMS + 2, "mixed": INTERIMS + 3}
USER, PASSWORD = "user%06d", "pass%06d"
SECRET = "testing123"  # noqa: S105 - for loopback, and as long as a measurement takes
LONGEST = 600  # seconds, for one run
_SLOWEST = 400  # requests a second; a server that is slower loses what is left over


@frozen
class Target:
    """Where a server listens, on loopback."""

    auth_port: int
    acct_port: int


@frozen(kw_only=True)
class Load:
    """One run: `sessions` guests (of `users`, in turn) do what `scenario` says, `in_flight` requests at a time.

    `tag` begins every Acct-Session-Id: two runs with the same one are about the same connections.
    """

    scenario: str
    sessions: int
    users: int
    in_flight: int
    tag: str

    @property
    def limit(self) -> int:
        """Seconds that a run may take."""
        return min(LONGEST, 20 + self.sessions * REQUESTS_OF_A_SESSION[self.scenario] // _SLOWEST)


class Generator(Protocol):
    """Runs a load and reports."""

    @property
    def name(self) -> str:
        """As it is told to people."""

    @property
    def scenarios(self) -> tuple[str, ...]:
        """What it can do."""

    def run(self, target: Target, load: Load, meanwhile: Callable[[], None]) -> Figures:
        """Raises BenchError if it could not do its part; that the server did not is in the figures.

        `meanwhile` is called now and then; what it raises ends the run.
        """


class Radload:
    """A generator in C, from its source."""

    name = "radload, built from its source"
    scenarios = SCENARIOS

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, target: Target, load: Load, meanwhile: Callable[[], None]) -> Figures:
        """See Generator."""
        options = {
            "-m": load.scenario,
            "-p": target.auth_port,
            "-P": target.acct_port,
            "-n": load.sessions,
            "-b": load.users,
            "-c": load.in_flight,
            "-k": INTERIMS,
            "-i": load.tag,
            "-T": load.limit,
        }
        words = [str(word) for pair in options.items() for word in pair]
        # 1: something was lost, which is in the figures.
        return figures.from_radload(
            output_of([str(self._program), *words], limit=load.limit + 10, good=(0, 1), meanwhile=meanwhile)
        )


def build_radload(source: Path, folder: Path) -> Radload:
    """Compile `source` into `folder`; raises BenchError."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise BenchError("gcc is missing, which builds the load generator: apt-get install gcc libc6-dev libssl-dev")
    program = folder / "radload"
    try:
        output_of([compiler, "-O2", "-o", str(program), str(source), "-lcrypto", "-lpthread"], limit=120)
    except BenchError as error:
        raise BenchError(
            f"cannot build {source.name}: {error} (Debian: apt-get install gcc libc6-dev libssl-dev)"
        ) from error
    return Radload(program)


class VirtualRouters:
    """The project's own; slower than C, and always there. Every session of theirs is a whole evening."""

    name = "the project's own virtual routers"
    scenarios = ("mixed",)

    def run(self, target: Target, load: Load, meanwhile: Callable[[], None]) -> Figures:
        """See Generator."""
        options = {
            "--guests": load.sessions,
            "--accounts": load.users,
            "--concurrency": load.in_flight,
            "--interims": INTERIMS,
            "--duration": load.limit,
            "--user": USER,
            "--password": PASSWORD,
        }
        words = [str(word) for pair in options.items() for word in pair]
        ports = ["--auth-port", str(target.auth_port), "--acct-port", str(target.acct_port)]
        command = [sys.executable, "-P", "-m", "radiusd.virtual_router", *ports, "load", *words, "--pap", "--json"]
        told = output_of(
            command,
            limit=load.limit + 10,
            good=(0, 1),
            meanwhile=meanwhile,
            more_environment={"ICAFE_ROUTER_SECRET": SECRET},
        )
        return figures.from_virtual_routers(told)
