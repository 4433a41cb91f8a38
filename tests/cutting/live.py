"""The command behind scripts/town."""

import sys
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import Progress
from twisted.logger import globalLogBeginner

from radiusd.store.invariants import check
from tests.cutting.town import live_through, open_town


@click.command(epilog="Example: scripts/town --events 20000")
@click.option("--events", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True, help="How many.")
@click.option("--seed", type=int, help="The story to go through; a new one if left out.")
def main(events: int, seed: int | None) -> None:
    """Put guests with one to three phones through reboots, roams and changes of MAC, with Stops lost.

    Nobody may be refused a place of their own. What goes wrong is printed with its seed, so that --seed tells it again.
    """
    seed = SystemRandom().randrange(1 << 32) if seed is None else seed
    globalLogBeginner.beginLoggingTo([lambda _: None], redirectStandardIO=False)
    console = Console(stderr=True)
    with TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{events} events of seed {seed}", total=events)
        town = open_town(Path(folder) / "town.db", seed)
        year = live_through(town, events, lambda done: progress.update(task, completed=done))
        with town.database.reading() as connection:
            broken = check(connection)
        town.database.close()
    told = ", ".join(f"{count} {what}" for what, count in sorted(year.happened.items()))
    ghosts = town.counters.counts["ghost_found"]
    click.echo(f"{told}; {ghosts} ghosts found by probes; {len(year.refused)} wrong refusals; seed {seed}")
    for each in (*year.refused, *broken):
        click.echo(f"wrong: {each}", err=True)
    if year.refused or broken:
        sys.exit(1)


if __name__ == "__main__":
    main()
