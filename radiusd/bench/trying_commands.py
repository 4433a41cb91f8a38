"""The commands that measure a server under one condition each, and the one that draws what they found."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from radiusd.bench import front_page, gallery, generators, path, peak, scale, soak
from radiusd.bench.commanding import as_json, complain, explained, kept_in, one_store, opened, stores_of
from radiusd.bench.machine import this_machine
from radiusd.bench.showing import Display

_ROOT = Path(__file__).resolve().parents[2]
_FIGURES, _FRONT_PAGE = _ROOT / "docs" / "figures", _ROOT / "README.md"
_workers = click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes of the server."
)


@click.command("path", epilog="Example: scripts/bench path --store postgresql")
@one_store
@click.option("--packets", default=8_000, show_default=True, type=click.IntRange(200, 50_000), help="Of each kind.")
@as_json
def path_of_a_packet(name: str, postgresql_url: str | None, packets: int, wants_json: bool) -> None:
    """Where each microsecond of a packet goes: the CPU time of each step of its way, in one process without sockets."""
    with (
        explained(),
        TemporaryDirectory(prefix="icafe-bench.") as folder,
        opened(name, postgresql_url, Path(folder)) as store,
        Display() as display,
    ):
        display.say(str(this_machine()))
        figures = path.measure(store.url, packets, display.say)
    click.echo(json.dumps({each.kind: each.steps for each in figures}, indent=2) if wants_json else path.table(figures))


@click.command("scale", epilog="Example: scripts/bench scale --largest 100000")
@one_store
@click.option(
    "--largest", default=1_000_000, show_default=True, type=click.IntRange(1000, 10_000_000), help="Sessions, at most."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="Medians of so many.")
@click.option(
    "--requests", default=20_000, show_default=True, type=click.IntRange(100, 1_000_000), help="Of each kind."
)
@_workers
@kept_in
@as_json
def grow(
    name: str,
    postgresql_url: str | None,
    largest: int,
    rounds: int,
    requests: int,
    workers: int,
    kept: Path | None,
    wants_json: bool,
) -> None:
    """What a packet costs, from a store of 1000 sessions to one of a million; memory, and how fast a start is.

    Every tenth session is active. Ends with 0 if nothing was lost, and every aim was reached.
    """
    sizes = tuple(scale.sizes_up_to(largest))
    plan = scale.Plan(sizes=sizes, rounds=rounds, requests=requests, workers=workers)
    with (
        explained(),
        stores_of(name, postgresql_url) as new_store,
        TemporaryDirectory(prefix="icafe-bench.") as folder,
        Display() as display,
    ):
        display.say(str(this_machine()))
        results = scale.measure(plan, Path(folder), new_store, generators.build_radius_load(), display)
    _tell(
        wants_json, kept, "scale", {"store": name, "workers": workers, **scale.as_json(results)}, scale.table, results
    )


@click.command("peak", epilog="Example: scripts/bench peak --store postgresql")
@one_store
@click.option("--guests", default=500, show_default=True, type=click.IntRange(8, 20_000), help="That are back.")
@click.option("--seconds", default=10, show_default=True, type=click.IntRange(1, 600), help="Within so many.")
@click.option(
    "--others", default=500, show_default=True, type=click.IntRange(6, 20_000), help="Requests a second elsewhere."
)
@click.option(
    "--timeout", default=300, show_default=True, type=click.IntRange(50, 10_000), help="ms until routers ask again."
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="Medians of so many.")
@_workers
@kept_in
@as_json
def rush(
    name: str,
    postgresql_url: str | None,
    guests: int,
    seconds: int,
    others: int,
    timeout: int,
    rounds: int,
    workers: int,
    kept: Path | None,
    wants_json: bool,
) -> None:
    """A branch's guests are back after a power cut, beside the requests of all others.

    Ends with 0 if nothing was lost, and those who were back waited 200 ms (p50) and 500 ms (p99) at most.
    """
    plan = peak.Plan(
        guests=guests, seconds=seconds, rate_of_others=others, timeout=timeout, rounds=rounds, workers=workers
    )
    with explained(), TemporaryDirectory(prefix="icafe-bench.") as folder, Display() as display:
        display.say(str(this_machine()))
        with opened(name, postgresql_url, Path(folder)) as store:
            results = peak.measure(store, Path(folder), plan, generators.build_radius_load(), display)
    _tell(wants_json, kept, "peak", {"store": name, "workers": workers, **peak.as_json(results)}, peak.table, results)


@click.command("soak", epilog="Example: scripts/bench soak --minutes 60")
@one_store
@click.option("--minutes", default=30.0, show_default=True, type=click.FloatRange(0.1, 1440), help="How long.")
@click.option("--rate", default=600, show_default=True, type=click.IntRange(6, 50_000), help="Requests a second.")
@_workers
@kept_in
@as_json
def endure(
    name: str,
    postgresql_url: str | None,
    minutes: float,
    rate: int,
    workers: int,
    kept: Path | None,
    wants_json: bool,
) -> None:
    """Memory, descriptors and p99 under steady traffic, every ten seconds.

    Ends with 0 if nothing was lost and nothing grew.
    """
    plan = soak.Plan(minutes=minutes, rate=rate, window=10 if minutes >= 1 else 3, workers=workers)
    with explained(), TemporaryDirectory(prefix="icafe-bench.") as folder, Display() as display:
        display.say(str(this_machine()))
        with opened(name, postgresql_url, Path(folder)) as store:
            results = soak.measure(store, Path(folder), plan, generators.build_radius_load(), display)
    _tell(wants_json, kept, "soak", {"store": name, "workers": workers, **soak.as_json(results)}, soak.table, results)


@click.command("figures")
@click.argument(
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=_FIGURES,
)
def draw(folder: Path) -> None:
    """Draw the plots of results that were kept by --figures anew (docs/figures), and write the front page's figures."""
    with explained():
        for each in gallery.draw_all(folder):
            click.echo(each)
        if folder == _FIGURES and front_page.renew(_FRONT_PAGE, gallery.read(folder)):
            click.echo(_FRONT_PAGE.name)


def _tell(
    wants_json: bool, kept: Path | None, name: str, told: dict[str, Any], table: Callable[[Any], str], results: Any
) -> None:
    if kept is not None:
        with explained():
            gallery.keep(kept, name, told)
    click.echo(json.dumps(told, indent=2) if wants_json else table(results))
    complain(results.complaints)


ALL = (path_of_a_packet, grow, rush, endure, draw)
"""They are a part of scripts/bench."""
