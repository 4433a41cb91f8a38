"""The commands that measure cuts, and logouts at the PC."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from radiusd.bench import cuts as cutting
from radiusd.bench import pc_figures
from radiusd.bench import pc_sync as pc_syncing
from radiusd.bench.commanding import as_json, complain, explained, one_store, opened, stores_of
from radiusd.bench.machine import this_machine
from radiusd.bench.showing import Display


@click.command(epilog="Example: scripts/bench cuts --cuts 1000 --routers 20")
@click.option(
    "--cuts", "number", default=10_000, show_default=True, type=click.IntRange(100, 100_000), help="How many."
)
@click.option("--routers", default=100, show_default=True, type=click.IntRange(20, 1000), help="Over so many routers.")
@click.option("--rate", default=400, show_default=True, type=click.IntRange(10, 5000), help="So many a second.")
@one_store
@click.option("--seed", default=1, show_default=True, help="Which datagrams are lost.")
@as_json
def cuts(
    number: int, routers: int, rate: int, name: str, postgresql_url: str | None, seed: int, wants_json: bool
) -> None:
    """How sure and how fast cuts are, over virtual routers that answer, lose, refuse, lag, sleep and reboot.

    Ends with 0 if every cut was decided within 5 s, none hit a later session, and those at 30 % loss whose router has
    an API were confirmed within 1 s (p99).
    """
    plan = cutting.Plan(cuts=number, routers=routers, rate=rate, seed=seed)
    with explained(), TemporaryDirectory(prefix="icafe-bench.") as made_in, Display() as display:
        display.say(str(this_machine()))
        with opened(name, postgresql_url, Path(made_in)) as store:
            result = cutting.measure(store, Path(made_in), plan, display)
    click.echo(json.dumps(cutting.as_json(result), indent=2) if wants_json else cutting.table(result))
    complain(result.complaints)


@click.command("pc-sync", epilog="Example: scripts/bench pc-sync --only logout --rounds 3")
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
@one_store
@as_json
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
    with explained(), stores_of(name, postgresql_url) as new_store, Display() as display:
        display.say(f"{machine}; {name}, {rate} RADIUS requests a second beside")
        results = pc_syncing.measure(plan, new_store, display)
    if wants_json:
        click.echo(json.dumps(pc_figures.as_json(results, machine, {"store": name, "rounds": rounds}), indent=2))
    else:
        click.echo(pc_figures.table(results))
    complain([*results.broken, *results.missed])


ALL = (cuts, pc_sync)
"""They are a part of scripts/bench."""
