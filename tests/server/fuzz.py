"""The command behind scripts/fuzz-wire."""

from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import Progress

from radiusd.store.database import Database
from tests.server.given import Server
from tests.server.hostile import feed, still_serves


@click.command(epilog="Example: scripts/fuzz-wire --count 1000000")
@click.option("--count", type=click.IntRange(1, 100_000_000), default=100_000, show_default=True, help="How many.")
@click.option("--seed", type=int, help="The series to send; a new one if left out.")
def main(count: int, seed: int | None) -> None:
    """Feed a server packets bent at random, half of them signed by a router's secret.

    None may raise, be answered wrongly, or break what the store must hold. What fails is printed with its seed, so
    that --seed sends it again.
    """
    seed = SystemRandom().randrange(1 << 32) if seed is None else seed
    console = Console(stderr=True)
    console.print(f"{count} mutated packets of seed {seed}", highlight=False)
    with TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        task = progress.add_task("sent", total=count)
        answered = _run(Path(folder), seed, count, lambda sent: progress.update(task, completed=sent))
    click.echo(f"{count} sent, {answered} answered, none raised, none answered wrongly; seed {seed}")


def _run(folder: Path, seed: int, count: int, tell: Callable[[int], None]) -> int:
    database = Database(f"sqlite:///{folder}/hostile.db")
    database.migrate()
    server = Server(database)
    server.log_in()
    try:
        answered = feed(server, seed, count, tell)
        assert still_serves(server), "a good login is refused, or the store is broken"
    except AssertionError as error:
        raise click.ClickException(f"seed {seed}: {error}") from error
    finally:
        database.close()
    return answered


if __name__ == "__main__":
    main()
