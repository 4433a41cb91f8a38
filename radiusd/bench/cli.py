"""bench: measures the server."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

import click

from radiusd.bench import cuts as cutting
from radiusd.bench import generators, pc_figures, peer, stores
from radiusd.bench import pc_sync as pc_syncing
from radiusd.bench.errors import BenchError
from radiusd.bench.generators import SCENARIOS, Generator, VirtualRouters
from radiusd.bench.load import Measurement, Plan, Results
from radiusd.bench.machine import this_machine
from radiusd.bench.printing import Circumstances, as_json, table
from radiusd.bench.showing import Display
from radiusd.bench.stores import PostgresMissing, PostgresStore, SqliteStore, Store

_DEFAULT = "load"
_STORES = ("sqlite", "postgresql")
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "bench"
_SOURCE, _PEER_SCRIPT = "radload.c", "freeradius-peer.sh"


class _WithDefault(click.Group):
    """`bench --rounds 5` is `bench load --rounds 5`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithDefault, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the server on this machine, on loopback. Without a command: load."""


@main.command(epilog="Example: scripts/bench load --store sqlite --scenario acct --rounds 5")
@click.option(
    "--store",
    "names",
    multiple=True,
    type=click.Choice(_STORES),
    help="Which to measure on; may be repeated (both).",
)
@click.option(
    "--postgresql-url",
    help="A PostgreSQL server to use instead of a private one: any database of it, by a user who may create databases.",
)
@click.option(
    "--scenario",
    "wanted",
    multiple=True,
    type=click.Choice(SCENARIOS),
    help="What to measure; may be repeated (all that the generator can do).",
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 50), help="Medians of so many.")
@click.option(
    "--requests", default=20_000, show_default=True, type=click.IntRange(50, 1_000_000), help="In each run, about."
)
@click.option(
    "--seconds", type=click.FloatRange(0.5, 120), help="Instead: as many requests as ours answers in that time."
)
@click.option(
    "--users", default=20_000, show_default=True, type=click.IntRange(10, 1_000_000), help="Guests in the store."
)
@click.option("--in-flight", default=64, show_default=True, type=click.IntRange(1, 4096), help="Requests at a time.")
@click.option(
    "--generator",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"The folder with {_SOURCE} (../shared/bench beside the project, if it is there).",
)
@click.option("--virtual-routers", is_flag=True, help="Drive with the project's own virtual routers, whole evenings.")
@click.option("--peer", "with_peer", is_flag=True, help="Alternate with FreeRADIUS, set up by the generator's folder.")
@click.option("--json", "wants_json", is_flag=True, help="Print the figures as JSON, every round of them.")
def load(
    names: tuple[str, ...],
    postgresql_url: str | None,
    wanted: tuple[str, ...],
    rounds: int,
    requests: int,
    seconds: float | None,
    users: int,
    in_flight: int,
    folder: Path | None,
    virtual_routers: bool,
    with_peer: bool,
    wants_json: bool,
) -> None:
    """Requests a second, p50, p99 and what was lost, on each store: logins by PAP and CHAP, accounting, and mixed.

    Each round has a fresh server on a fresh copy of the store. Ends with 0 if every request got its answer.
    """
    where = _generator_folder(folder, virtual_routers)
    if with_peer and (where is None or not (where / _PEER_SCRIPT).is_file()):
        raise click.UsageError(f"--peer needs the folder with {_SOURCE} and {_PEER_SCRIPT}: give it by --generator")
    with _explained(), TemporaryDirectory(prefix="icafe-bench.") as made_in, Display() as display:
        if with_peer:
            peer.require_freeradius()
        generator = VirtualRouters() if where is None else generators.build_radload(where / _SOURCE, Path(made_in))
        plan = Plan(
            scenarios=_scenarios(wanted, generator),
            rounds=rounds,
            requests=requests,
            seconds=seconds,
            users=users,
            in_flight=in_flight,
            peer_script=where / _PEER_SCRIPT if where is not None and with_peer else None,
        )
        circumstances = Circumstances(machine=this_machine(), generator=generator.name, plan=plan)
        for line in circumstances.lines():
            display.say(line)
        results = _measure(Measurement(plan, generator, display), names, postgresql_url, Path(made_in), display)
    if wants_json:
        click.echo(json.dumps(as_json(results, circumstances), indent=2))
    else:
        click.echo(table(results))
    _end(results)


@main.command(epilog="Example: scripts/bench cuts --cuts 1000 --routers 20")
@click.option(
    "--cuts", "number", default=10_000, show_default=True, type=click.IntRange(100, 100_000), help="How many."
)
@click.option("--routers", default=100, show_default=True, type=click.IntRange(20, 1000), help="Over so many routers.")
@click.option("--rate", default=400, show_default=True, type=click.IntRange(10, 5000), help="So many a second.")
@click.option(
    "--store", "name", default="sqlite", show_default=True, type=click.Choice(_STORES), help="On which store."
)
@click.option("--postgresql-url", help="A PostgreSQL server to use instead of a private one.")
@click.option("--seed", default=1, show_default=True, help="Which datagrams are lost.")
@click.option("--json", "wants_json", is_flag=True, help="Print the figures as JSON.")
def cuts(
    number: int, routers: int, rate: int, name: str, postgresql_url: str | None, seed: int, wants_json: bool
) -> None:
    """How sure and how fast cuts are, over virtual routers that answer, lose, refuse, lag, sleep and reboot.

    Ends with 0 if every cut was decided within 5 s, none hit a later session, and those at 30 % loss whose router has
    an API were confirmed within 1 s (p99).
    """
    plan = cutting.Plan(cuts=number, routers=routers, rate=rate, seed=seed)
    with _explained(), TemporaryDirectory(prefix="icafe-bench.") as made_in, Display() as display:
        display.say(str(this_machine()))
        with _store(name, postgresql_url, Path(made_in)) as store:
            result = cutting.measure(store, Path(made_in), plan, display)
    click.echo(json.dumps(cutting.as_json(result), indent=2) if wants_json else cutting.table(result))
    for complaint in result.complaints:
        click.echo(f"bench: {complaint}", err=True)
    if result.complaints:
        sys.exit(1)


@main.command("pc-sync", epilog="Example: scripts/bench pc-sync --only logout --rounds 3")
@click.option("--only", "parts", multiple=True, type=click.Choice(pc_syncing.PARTS), help="May be repeated (all).")
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1, 20), help="Medians of so many.")
@click.option("--sessions", default=1000, show_default=True, type=click.IntRange(4, 20_000), help="Active, at least.")
@click.option("--logouts", default=400, show_default=True, type=click.IntRange(4, 10_000), help="How many.")
@click.option("--events", default=5000, show_default=True, type=click.IntRange(60, 50_000), help="Of a storm.")
@click.option("--branches", default=50, show_default=True, type=click.IntRange(2, 500), help="In a storm.")
@click.option("--logins", default=200, show_default=True, type=click.IntRange(1, 2000), help="Wrong ones a second.")
@click.option(
    "--seconds", default=20.0, show_default=True, type=click.FloatRange(1, 600), help="Of logins, and hostility."
)
@click.option("--rate", default=500, show_default=True, type=click.IntRange(1, 5000), help="RADIUS requests a second.")
@click.option(
    "--before", default=8.0, show_default=True, type=click.FloatRange(0.5, 60), help="Seconds of RADIUS alone."
)
@click.option(
    "--store", "name", default="sqlite", show_default=True, type=click.Choice(_STORES), help="On which store."
)
@click.option("--postgresql-url", help="A PostgreSQL server to use instead of a private one.")
@click.option("--json", "wants_json", is_flag=True, help="Print the figures as JSON, every round of them.")
def pc_sync(
    parts: tuple[str, ...],
    rounds: int,
    sessions: int,
    logouts: int,
    events: int,
    branches: int,
    logins: int,
    seconds: float,
    rate: int,
    before: float,
    name: str,
    postgresql_url: str | None,
    wants_json: bool,
) -> None:
    """How fast and how sure PC-sync is, with RADIUS beside it.

    `logout`: from the webhook to the Disconnect-Request. `storm`: a chain closes, all log off at once; `storm-killed`:
    the same, with the server killed in the middle. `logins`: wrong logins at the portal. `hostile`: clients that drip,
    send without end and never read.

    Ends with 0 if nothing was lost or done twice, and every aim was reached.
    """
    plan = pc_syncing.Plan(
        parts=tuple(dict.fromkeys(parts)) or pc_syncing.PARTS,
        rounds=rounds,
        sessions=sessions,
        logouts=logouts,
        events=events,
        branches=branches,
        login_rate=logins,
        seconds=seconds,
        rate=rate,
        before=before,
    )
    machine = this_machine()
    with _explained(), _stores_of(name, postgresql_url) as new_store, Display() as display:
        display.say(f"{machine}; {name}, {rate} RADIUS requests a second beside")
        results = pc_syncing.measure(plan, new_store, display)
    if wants_json:
        click.echo(json.dumps(pc_figures.as_json(results, machine, {"store": name, "rounds": rounds}), indent=2))
    else:
        click.echo(pc_figures.table(results))
    for complaint in (*results.broken, *results.missed):
        click.echo(f"bench: {complaint}", err=True)
    if results.broken or results.missed:
        sys.exit(1)


@contextmanager
def _stores_of(name: str, postgresql_url: str | None) -> Iterator[Callable[[Path], AbstractContextManager[Store]]]:
    """Makes empty stores; of PostgreSQL there is one server for all of them."""
    if name == "sqlite" or postgresql_url is not None:
        yield lambda folder: _store(name, postgresql_url, folder)
    else:
        with stores.private_postgres() as server:
            yield lambda _: PostgresStore(server.url, (server.pid,))


def _generator_folder(given: Path | None, virtual_routers: bool) -> Path | None:
    """Where the generator's source is; None for the virtual routers."""
    if virtual_routers:
        if given is not None:
            raise click.UsageError("either --generator or --virtual-routers")
        return None
    folder = given or _BESIDE
    if (folder / _SOURCE).is_file():
        return folder
    if given is not None:
        raise click.UsageError(f"there is no {_SOURCE} in {given}")
    return None


def _scenarios(wanted: Sequence[str], generator: Generator) -> tuple[str, ...]:
    impossible = [each for each in wanted if each not in generator.scenarios]
    if impossible:
        raise BenchError(
            f"{generator.name} cannot do {' or '.join(impossible)}: give the folder with {_SOURCE} by --generator"
        )
    return tuple(dict.fromkeys(wanted)) or generator.scenarios


def _measure(
    measurement: Measurement, names: Sequence[str], postgresql_url: str | None, folder: Path, display: Display
) -> Results:
    wanted = tuple(dict.fromkeys(names)) or _STORES
    display.expect(sum(measurement.runs_on(name) for name in wanted))
    for name in wanted:
        try:
            with _store(name, postgresql_url, folder) as store:
                measurement.on(store)
        except PostgresMissing as missing:
            if names:
                raise
            display.say(f"left out: {missing}")
    return measurement.results


@contextmanager
def _store(name: str, postgresql_url: str | None, folder: Path) -> Iterator[Store]:
    if name == "sqlite":
        yield SqliteStore(folder)
    elif postgresql_url is not None:
        with PostgresStore(postgresql_url, None) as store:
            yield store
    else:
        with stores.private_postgres() as server, PostgresStore(server.url, (server.pid,)) as store:
            yield store


@contextmanager
def _explained() -> Iterator[None]:
    """Trouble in one sentence and exit status 1; a signal undoes everything first, and then ends us as it should."""
    usual = {each: signal.signal(each, _interrupt) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except BenchError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - as signal calls it
    # Once is enough: what was started must be ended in peace.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _end(results: Results) -> None:
    if not results.is_clean:
        click.echo("bench: not every request got its answer; see the columns lost and wrong", err=True)
        sys.exit(1)
