"""The parent: opens the sockets, starts the workers, and hears of signals, of readiness and of deaths."""

import os
import selectors
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from twisted.logger import Logger

from radiusd import config, logs
from radiusd.config import Config, ConfigError
from radiusd.serving import exit_status
from radiusd.workers.crew import Crew, Plan
from radiusd.workers.process import WorkerProcess
from radiusd.workers.sockets import CannotOpen, Sockets

_log = Logger()

_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def run(path: Path, plan: Plan) -> int:
    """The exit status, once all is over. What keeps the workers from starting is told once."""
    logs.begin(plan.settings.log_level)
    return Parent(path).run(plan)


class Parent:
    """Keeps workers at work by what stands in the configuration at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sockets = Sockets()
        self._processes: list[WorkerProcess] = []
        self._crew = Crew(self._start, self._settled)
        self._selector = selectors.DefaultSelector()
        self._wants_renewal = False
        self._trouble = ""
        self._chosen: tuple[Config, frozenset[int]] | None = None

    def run(self, plan: Plan) -> int:
        """Until it is told to stop, or a worker cannot start at all."""
        try:
            self._sockets.open(plan.settings)
        except CannotOpen as error:
            return _cannot_start(str(error), exit_status(may_come=error.may_come))
        with _signals() as heard:
            self._selector.register(heard, selectors.EVENT_READ)
            self._crew.begin(plan, time.monotonic())
            while self._crew.status is None:
                self._wait(heard)
        return _cannot_start(self._trouble, self._crew.status) if self._crew.status else 0

    def _wait(self, heard: int) -> None:
        due_at = self._crew.next_at
        self._selector.select(None if due_at is None else max(0.0, due_at - time.monotonic()))
        at = time.monotonic()
        for number in _read(heard):
            if number == signal.SIGHUP:
                self._wants_renewal = True
            elif number in (signal.SIGTERM, signal.SIGINT):
                self._crew.end(at)
        for process in tuple(self._processes):
            self._look_after(process, at)
        self._crew.tick(at)
        self._choose()
        if self._wants_renewal and not self._crew.is_busy:
            self._wants_renewal = False
            self._renew(at)

    # Workers

    def _start(self, plan: Plan, number: int) -> WorkerProcess:
        process = WorkerProcess(self._path, plan.text, number, self._sockets.lent(plan.settings, number))
        self._selector.register(process.pipe, selectors.EVENT_READ)
        self._processes.append(process)
        return process

    def _look_after(self, process: WorkerProcess, at: float) -> None:
        # Asked first: what it said before it went is not missed.
        has_gone = process.has_gone()
        is_news = process.becomes_ready()
        if is_news or (has_gone and not process.is_ready):
            self._selector.unregister(process.pipe)
            process.hear_no_more()
        if is_news:
            self._crew.ready(process, at)
        if has_gone:
            self._processes.remove(process)
            self._trouble = self._trouble or process.reason or f"a worker {process.how} before it was at work"
            self._crew.gone(process, process.how, process.status, at)

    # Settings

    def _settled(self, plan: Plan) -> None:
        settings = plan.settings
        if not self._sockets.choose(settings, ()):
            _log.warn("this kernel spreads routers over the workers by its own rule, and one router may meet several")
        self._chosen = settings, frozenset()
        self._sockets.keep_only(settings)
        logs.set_level(settings.log_level)
        count = settings.workers
        _log.info(
            "{count} workers answer RADIUS at {auth} and {acct}", count=count, auth=settings.auth, acct=settings.acct
        )

    def _choose(self) -> None:
        """Have those who are at work take over from those who are not."""
        if self._chosen is not None and self._chosen[1] != self._crew.absent:
            self._chosen = self._chosen[0], self._crew.absent
            self._sockets.choose(*self._chosen)

    def _renew(self, at: float) -> None:
        """Have all replaced, unless the configuration is wrong."""
        try:
            plan = read(self._path)
            if self._chosen is not None:
                _same_store(self._chosen[0], plan.settings)
            self._sockets.open(plan.settings)
        except (ConfigError, CannotOpen) as error:
            _log.error("nothing is changed: {error}", error=error)
            return
        _log.info("the configuration is read again, and the workers are replaced one by one")
        self._crew.renew(plan, at)


def read(path: Path) -> Plan:
    """What the configuration says. Raises ConfigError."""
    text = config.text_of(path)
    return Plan(config.parse(path, text), text)


def _same_store(before: Config, after: Config) -> None:
    """Two workers on two stores would each know half. Raises ConfigError."""
    if (before.store_url, before.key_file) != (after.store_url, after.key_file):
        raise ConfigError("another store or key file needs a restart of the server")


def _cannot_start(why: str, status: int) -> int:
    click.echo(f"radiusd: {why}", err=True)
    return status


@contextmanager
def _signals() -> Iterator[int]:
    """A descriptor from which the numbers of signals can be read."""
    ours, theirs = os.pipe()
    for each in (ours, theirs):
        os.set_blocking(each, False)
    before = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    old = {each: signal.signal(each, lambda *_: None) for each in _HEARD}
    try:
        yield ours
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(ours)
        os.close(theirs)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return b""
