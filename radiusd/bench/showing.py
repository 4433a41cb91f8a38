"""How far a measurement is: bars on a terminal, a line now and then elsewhere; all beside the answer, on stderr."""

from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Display:
    """Shows within `with`."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._is_terminal = console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not self._is_terminal, transient=True)
        self._runs: TaskID | None = None
        self._guests: TaskID | None = None
        self._steps: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._is_terminal:
            self._progress.console.print(text, highlight=False, markup=False)
        else:
            click.echo(text, err=True)

    def expect(self, runs: int) -> None:
        """So many runs are to be made."""
        self._runs = self._progress.add_task("starting", total=runs)

    def doing(self, what: str) -> None:
        """What is being done now."""
        if self._runs is not None and self._is_terminal:
            self._progress.update(self._runs, description=what)
        else:
            self.say(f"{what} ...")

    def one_done(self) -> None:
        """A run more."""
        if self._runs is not None:
            self._progress.advance(self._runs)

    def step(self, what: str, done: int, total: int) -> None:
        """So many of something are done."""
        task = self._steps.get(what)
        if task is None:
            task = self._steps[what] = self._progress.add_task(what, total=total)
        self._progress.update(task, completed=done)

    def filling(self, done: int, total: int) -> None:
        """So many guests are in the store."""
        if self._guests is None:
            self._guests = self._progress.add_task("guests", total=total)
        self._progress.update(self._guests, completed=done)
        if done >= total:
            self._progress.remove_task(self._guests)
            self._guests = None
