"""The command behind scripts/simulate."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click
from attrs import frozen
from rich.console import Console
from rich.progress import Progress
from twisted.logger import ILogObserver, LogEvent, globalLogBeginner
from zope.interface import implementer

from tests.simulation.broken import BREAKS
from tests.simulation.store import town
from tests.simulation.swarm import draw, faults_of, without
from tests.simulation.world import Outcome, live_through

KEPT = Path(__file__).with_name("seeds.txt")
LENGTH = 5_000
_LOOK_BACK = 100_000
_MOST_JOBS = 64


@frozen
class Story:
    """A seed to be lived through, `length` steps before it comes to its quiet end."""

    seed: int
    length: int = LENGTH
    without: tuple[str, ...] = ()
    breaks: str | None = None
    is_real: bool = False
    look_back: int = 0

    def tell(self) -> Outcome:
        """Live through it."""
        with ExitStack() as around:
            folder = Path(around.enter_context(TemporaryDirectory())) if self.is_real else None
            if self.breaks is not None:
                around.enter_context(BREAKS[self.breaks]())
            mix = without(draw(self.seed), self.without)
            return live_through(self.seed, mix, self.length, folder, self.look_back)

    def command(self) -> str:
        """What tells this story again."""
        words = ["scripts/simulate", f"--seed {self.seed}"]
        words += [f"--length {self.length}"] if self.length != LENGTH else []
        words += [f"--without {each}" for each in self.without]
        words += [f"--break {self.breaks}"] if self.breaks else []
        words += ["--real-store"] if self.is_real else []
        return " ".join(words)


def kept() -> list[Story]:
    """The stories that went wrong once: a seed, a length, and what was left out, by commas."""
    lines = [line.partition("#")[0].split() for line in KEPT.read_text().splitlines()]
    return [Story(int(seed), int(length), tuple(left_out)) for seed, length, *left_out in filter(None, lines)]


def smaller(story: Story) -> Story:
    """The story with every fault left out that it goes wrong without."""
    for name in faults_of(draw(story.seed)):
        less = Story(story.seed, story.length, (*story.without, name), story.breaks, story.is_real)
        if less.tell().broken is not None:
            story = less
    return story


@implementer(ILogObserver)
def _not_told(_: LogEvent) -> None:
    pass


def _quiet() -> None:
    globalLogBeginner.beginLoggingTo([_not_told], redirectStandardIO=False)
    town()


def _tell(story: Story) -> tuple[Story, Outcome]:
    return story, story.tell()


@click.command(
    epilog="Examples: scripts/simulate --steps 1000000 --jobs 2 · scripts/simulate --seed 38 --trace · "
    "scripts/simulate --break no-cuts"
)
@click.option("--steps", type=click.IntRange(1), default=100_000, show_default=True, help="At least so many in all.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="The seed to begin with.")
@click.option("--seed", type=click.IntRange(0), help="Only this seed.")
@click.option("--length", type=click.IntRange(1), default=LENGTH, show_default=True, help="Steps for each seed.")
@click.option(
    "--jobs", type=click.IntRange(1, _MOST_JOBS), default=os.cpu_count() or 1, show_default=True, help="Processes."
)
@click.option("--without", "left_out", multiple=True, help="A fault to leave out; may be given again.")
@click.option("--break", "breaks", type=click.Choice(sorted(BREAKS)), help="Break the product on purpose.")
@click.option("--real-store", is_flag=True, help="A store in a file, as a server has it: slower, and told the same.")
@click.option("--trace", is_flag=True, help="With --seed: print what happened.")
@click.option("--at-least", type=float, default=0.0, help="Events a second, or it is a failure.")
def main(  # noqa: PLR0917 - as many as there are options
    steps: int,
    first: int,
    seed: int | None,
    length: int,
    jobs: int,
    left_out: tuple[str, ...],
    breaks: str | None,
    real_store: bool,
    trace: bool,
    at_least: float,
) -> None:
    """Servers, routers, guests and a bad network on a clock of their own, and everything that must be true looked at.

    Each seed draws its own faults. What goes wrong is printed with the one line that tells it again.
    """
    try:
        without(draw(0), left_out)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--without") from error
    if seed is not None:
        _quiet()
        story = Story(seed, length, left_out, breaks, real_store, _LOOK_BACK if trace else 0)
        sys.exit(_report(story, story.tell()))
    stories = (Story(each, length, left_out, breaks, real_store) for each in _from(first))
    sys.exit(_run(stories, steps, jobs, at_least))


def _from(first: int) -> Iterator[int]:
    while True:
        yield first
        first += 1


def _report(story: Story, outcome: Outcome) -> int:
    click.echo(
        f"seed {story.seed}: {outcome.steps} steps, {outcome.seconds} s of the world's time, trace {outcome.trace}"
    )
    mix = without(draw(story.seed), story.without)
    click.echo(f"{mix.nodes} servers, {mix.routers} routers; faults: {', '.join(faults_of(mix)) or 'none'}")
    click.echo(", ".join(f"{number} {what}" for what, number in sorted(outcome.counts.items())))
    if outcome.broken is not None:
        click.echo(f"wrong: {outcome.broken}", err=True)
    return 0 if outcome.broken is None else 1


def _run(stories: Iterator[Story], steps: int, jobs: int, at_least: float) -> int:
    """As many stories as it takes; the first that goes wrong is made smaller and told."""
    began, done, events, seeds, wrong = monotonic(), 0, 0, 0, None
    console = Console(stderr=True)
    spawning = get_context("spawn")
    with ProcessPoolExecutor(jobs, spawning, _quiet) as pool, Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"{steps} steps", total=steps)
        running: set[Future[tuple[Story, Outcome]]] = {pool.submit(_tell, next(stories)) for _ in range(jobs + 1)}
        while running and wrong is None:
            over, running = wait(running, return_when=FIRST_COMPLETED)
            for each in over:
                story, outcome = each.result()
                done, events, seeds = done + outcome.steps, events + outcome.events, seeds + 1
                wrong = wrong or (story if outcome.broken is not None else None)
            progress.update(task, completed=done)
            if wrong is None and done < steps:
                running |= {pool.submit(_tell, next(stories)) for _ in over}
        pool.shutdown(cancel_futures=True)
    taken = monotonic() - began
    rate = events / taken
    click.echo(f"{done} steps of {seeds} seeds in {taken:.1f} s and {jobs} processes: {done / taken:.0f} a second")
    click.echo(f"{rate:.0f} events a second, those included that happen all the time for little")
    if wrong is not None:
        return _told_wrong(wrong)
    if rate < at_least:
        click.echo(f"wrong: fewer than {at_least:.0f} events a second", err=True)
        return 1
    return 0


def _told_wrong(story: Story) -> int:
    _quiet()
    story = smaller(story)
    click.echo(f"wrong: {story.tell().broken}", err=True)
    click.echo(f"again: {story.command()} --trace", err=True)
    kept_as = " ".join([str(story.seed), str(story.length), *story.without])
    click.echo(f"keep it for ever: echo '{kept_as}' >> tests/simulation/seeds.txt", err=True)
    return 1


if __name__ == "__main__":
    main()
