"""bench: measures the server."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from radiusd.bench import cutting_commands, freeradius, generators, peer, trying_commands
from radiusd.bench.commanding import STORES, as_json, complain, explained, kept_in, opened, postgresql_url
from radiusd.bench.errors import BenchError
from radiusd.bench.gallery import keep
from radiusd.bench.generators import FIRST, SCENARIOS, Generator, VirtualRouters
from radiusd.bench.load import Measurement, Plan, Results
from radiusd.bench.machine import this_machine
from radiusd.bench.printing import Circumstances, table
from radiusd.bench.printing import as_json as told_as_json
from radiusd.bench.showing import Display
from radiusd.bench.stores import PostgresMissing

_DEFAULT = "load"
_USUAL = (FIRST, "auth-pap", "auth-chap", "acct", "mixed")
_OF_PEERS = (FIRST, "auth-pap", "acct", "mixed")
_CHOICES = (*_USUAL, "acct-bare")
_LOST = "not every request got its answer; see the columns lost and wrong"


class _WithDefault(click.Group):
    """`bench --rounds 5` is `bench load --rounds 5`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithDefault, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the server on this machine, on loopback. Without a command: load."""


for _each in (*cutting_commands.ALL, *trying_commands.ALL):
    main.add_command(_each)

_stores = click.option(
    "--store",
    "names",
    multiple=True,
    type=click.Choice(STORES),
    help="Which to measure on; may be repeated (both).",
)
_scenarios = click.option(
    "--scenario",
    "wanted",
    multiple=True,
    type=click.Choice(_CHOICES),
    help="What to measure; may be repeated.",
)
_in_flight = click.option(
    "--in-flight", default=64, show_default=True, type=click.IntRange(1, 4096), help="Requests at a time."
)


@main.command(epilog="Example: scripts/bench load --store sqlite --scenario acct --rounds 5")
@_stores
@postgresql_url
@_scenarios
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 50), help="Medians of so many.")
@click.option(
    "--requests", default=20_000, show_default=True, type=click.IntRange(50, 5_000_000), help="In each run, about."
)
@click.option(
    "--users", default=20_000, show_default=True, type=click.IntRange(10, 1_000_000), help="Guests in the store."
)
@_in_flight
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes of the server.")
@click.option("--virtual-routers", is_flag=True, help="Drive with the project's own virtual routers, whole evenings.")
@as_json
def load(
    names: tuple[str, ...],
    postgresql_url: str | None,
    wanted: tuple[str, ...],
    rounds: int,
    requests: int,
    users: int,
    in_flight: int,
    workers: int,
    virtual_routers: bool,
    wants_json: bool,
) -> None:
    """Requests a second, p50, p99 and what was lost, on each store: logins, first and known, accounting, and mixed.

    Each round has a fresh server on a fresh copy of the store. Ends with 0 if every request got its answer.
    """
    with explained(), TemporaryDirectory(prefix="icafe-bench.") as folder, Display() as display:
        generator: Generator = VirtualRouters() if virtual_routers else generators.build_radius_load()
        plan = Plan(
            scenarios=_possible(wanted or _USUAL, generator, asked=bool(wanted)),
            rounds=rounds,
            requests=requests,
            users=users,
            in_flight=in_flight,
            workers=(workers,),
        )
        circumstances = _tell(generator, plan, display)
        results = _measure(Measurement(plan, generator, display), names, postgresql_url, Path(folder), display)
    click.echo(json.dumps(told_as_json(results, circumstances), indent=2) if wants_json else table(results))
    complain([] if results.is_clean else [_LOST])


@main.command("peer", epilog="Example: scripts/bench peer --quick")
@_stores
@postgresql_url
@_scenarios
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50), help="Medians of so many.")
@click.option(
    "--requests", default=60_000, show_default=True, type=click.IntRange(50, 5_000_000), help="In each run, about."
)
@click.option(
    "--users", default=20_000, show_default=True, type=click.IntRange(10, 1_000_000), help="Guests in the stores."
)
@_in_flight
@click.option(
    "--workers", multiple=True, default=(1, 2), show_default=True, type=click.IntRange(1, 64), help="Processes of ours."
)
@click.option("--quick", is_flag=True, help="One round of 6000 requests of 4000 users: whether all is there.")
@kept_in
@as_json
def compare(
    names: tuple[str, ...],
    postgresql_url: str | None,
    wanted: tuple[str, ...],
    rounds: int,
    requests: int,
    users: int,
    in_flight: int,
    workers: tuple[int, ...],
    quick: bool,
    kept: Path | None,
    wants_json: bool,
) -> None:
    """FreeRADIUS in turn with ours in one run: on the same machine, the same database, and with the same guests.

    The ratios are medians of those of each round. Ends with 0 if every request got its answer, from either.
    """
    with explained(), TemporaryDirectory(prefix="icafe-bench.") as folder, Display() as display:
        freeradius.find()
        generator = generators.build_radius_load()
        plan = Plan(
            scenarios=_possible(wanted or _OF_PEERS, generator, asked=True),
            rounds=1 if quick else rounds,
            requests=min(requests, 6000) if quick else requests,
            users=min(users, 4000) if quick else users,
            in_flight=in_flight,
            workers=tuple(sorted(set(workers))),
            with_peer=True,
        )
        circumstances = _tell(generator, plan, display)
        results = _measure(Measurement(plan, generator, display), names, postgresql_url, Path(folder), display)
    told = {**peer.headline(results, plan), **told_as_json(results, circumstances), "lost": results.lost}
    if kept is not None:
        keep(kept, "peer", told)
    if wants_json:
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo(f"{table(results)}\n\n{peer.table_of_aims(results, plan)}")
    complain([] if results.is_clean else [_LOST])


def _possible(wanted: Sequence[str], generator: Generator, *, asked: bool) -> tuple[str, ...]:
    """The scenarios wanted, in the order they are made; those that were not asked for are left out if they must."""
    impossible = [each for each in wanted if each not in generator.scenarios]
    if impossible and asked:
        raise BenchError(f"{generator.name} cannot do {' or '.join(impossible)}: leave --virtual-routers out")
    # A device is new only once.
    return tuple(each for each in SCENARIOS if each in wanted and each in generator.scenarios)


def _tell(generator: Generator, plan: Plan, display: Display) -> Circumstances:
    circumstances = Circumstances(machine=this_machine(), generator=generator.name, plan=plan)
    for line in circumstances.lines():
        display.say(line)
    return circumstances


def _measure(
    measurement: Measurement, names: Sequence[str], url: str | None, folder: Path, display: Display
) -> Results:
    wanted = tuple(dict.fromkeys(names)) or STORES
    display.expect(sum(measurement.runs_on(name) for name in wanted))
    for name in wanted:
        try:
            with opened(name, url, folder) as store:
                measurement.on(store)
        except PostgresMissing as missing:
            if names:
                raise
            display.say(f"left out: {missing}")
    return measurement.results
