"""What asks the questions: a load generator in C, built on demand, or the project's own virtual routers."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from attrs import frozen

from radiusd.bench import figures
from radiusd.bench.chain import Chain
from radiusd.bench.errors import BenchError
from radiusd.bench.figures import Figures
from radiusd.bench.guests import DEVICES, PASSWORD, SECRET, USER
from radiusd.bench.processes import output_of

FIRST = "first"
"""The scenario of devices that were never seen; the generator knows it as a login by PAP."""
SCENARIOS = (FIRST, "auth-pap", "auth-chap", "acct", "mixed", "acct-bare", "returns", "interims")
INTERIMS = 3
REQUESTS_OF_A_SESSION = {
    FIRST: 1,
    "auth-pap": 1,
    "auth-chap": 1,
    "acct": INTERIMS + 2,
    "mixed": INTERIMS + 3,
    "acct-bare": INTERIMS + 2,
    "returns": 2,
    "interims": 1,
}
LONGEST = 600  # seconds, for one run
_SLOWEST = 400  # requests a second; a server that is slower loses what is left over
_SOURCE = Path(__file__).with_name("radius_load")
_FLAGS = ("-O2", "-std=gnu11")
_NEEDS = "apt-get install gcc libc6-dev"


@frozen
class Target:
    """Where a server listens, on loopback."""

    auth_port: int
    acct_port: int


@frozen(kw_only=True)
class Load:
    """One run: devices of a chain's users do what `scenario` says, `in_flight` sessions at a time.

    `devices` come again and again until `sessions` are over, or so many of them as are `visited`. They are of the users
    from `first_user` on, `users` of them (all that follow in the chain, when None). Every router's Acct-Session-Ids
    begin at `first_id`, and show that it was started `boot` times. With a `rate` so many sessions begin each second,
    whatever the server does. `timeout` is in milliseconds. Another `seed` is another order. For interims, `elapsed` is
    what was counted before, in seconds, and `classes` a file with the Class of each device.
    """

    scenario: str
    sessions: int
    chain: Chain
    devices: int | None = None
    visited: int = 0
    first_user: int = 0
    users: int | None = None
    in_flight: int = 64
    first_id: int = 1
    boot: int = 1
    rate: int = 0
    timeout: int = 3000
    resends: int = 3
    seed: int = 1
    interims: int = INTERIMS
    elapsed: int = 0
    classes: Path | None = None

    @property
    def requests(self) -> int:
        """How many it will ask."""
        return self.sessions * REQUESTS_OF_A_SESSION[self.scenario]

    @property
    def limit(self) -> int:
        """Seconds that a run may take."""
        if self.rate:
            return min(LONGEST, 30 + self.sessions // self.rate)
        return min(LONGEST, 20 + self.requests // _SLOWEST)


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


class RadiusLoad:
    """The one in C."""

    name = "radius_load"
    scenarios = SCENARIOS

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(self, target: Target, load: Load, meanwhile: Callable[[], None]) -> Figures:
        """See Generator."""
        # 1: something was lost, which is in the figures.
        told = output_of(
            self.command(target, load),
            limit=2 * load.limit + 10,  # it may have logins before
            good=(0, 1),
            meanwhile=meanwhile,
            more_environment={"RADIUS_SECRET": SECRET},
        )
        return figures.from_radius_load(told)

    def command(self, target: Target, load: Load) -> list[str]:
        """The words that start it."""
        chain = load.chain
        options: dict[str, object] = {
            "--auth-port": target.auth_port,
            "--acct-port": target.acct_port,
            "--sessions": load.sessions,
            "--devices": load.devices or 0,
            "--visited": load.visited,
            "--first-user": load.first_user,
            "--users": load.users or chain.users - load.first_user,
            "--users-per-nas": chain.users_of_a_router,
            "--source": chain.first_address,
            "--addresses": chain.routers,
            "--in-flight": load.in_flight,
            "--interims": load.interims,
            "--first-id": load.first_id,
            "--boot": load.boot,
            "--elapsed": load.elapsed,
            "--rate": load.rate,
            "--timeout": load.timeout,
            "--resends": load.resends,
            "--seed": load.seed,
            "--limit": load.limit,
            "--user": USER,
            "--password": PASSWORD,
        }
        if load.classes is not None:
            options["--classes"] = load.classes
        scenario = "auth-pap" if load.scenario == FIRST else load.scenario
        return [str(self._program), scenario, *(str(word) for pair in options.items() for word in pair)]


def build_radius_load(cache: Path | None = None) -> RadiusLoad:
    """The generator, compiled unless it was before; raises BenchError. `cache` is where programs are kept."""
    program = (cache or _cache()) / f"radius_load-{_fingerprint()}"
    if not program.exists():
        _compile(program)
    return RadiusLoad(program)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "icafe-radiusd"


def _fingerprint() -> str:
    """Another one whenever a line of the source is."""
    summed = hashlib.sha256(" ".join(_FLAGS).encode())
    for each in sorted(_SOURCE.iterdir()):
        summed.update(each.read_bytes())
    return summed.hexdigest()[:16]


def _compile(program: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise BenchError(f"gcc is missing, which builds the load generator: {_NEEDS}, or give --virtual-routers")
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        command = [compiler, *_FLAGS, "-o", str(unfinished), str(_SOURCE / "radius_load.c"), "-lm"]
        output_of(command, limit=120)
        unfinished.replace(program)  # at once, should somebody else build it too
    except OSError as error:
        raise BenchError(f"cannot keep the load generator in {program.parent}: {error.strerror}") from error
    except BenchError as error:
        raise BenchError(f"cannot build the load generator: {error} (Debian: {_NEEDS})") from error


class VirtualRouters:
    """The project's own; slower than C, and always there. Every session of theirs is a whole evening."""

    name = "the project's own virtual routers"
    scenarios = ("mixed",)

    def run(self, target: Target, load: Load, meanwhile: Callable[[], None]) -> Figures:
        """See Generator."""
        users = load.chain.users
        options = {
            "--guests": min(load.sessions, users * DEVICES),
            "--accounts": users,
            "--concurrency": load.in_flight,
            "--interims": load.interims,
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
