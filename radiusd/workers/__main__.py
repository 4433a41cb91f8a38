"""One worker, as its parent starts it: the configuration on standard input, its sockets by number."""

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import click

from radiusd.workers.process import READY
from radiusd.workers.processors import own_processor

_PR_SET_PDEATHSIG = 1


@click.command()
@click.option("--config", "path", required=True, type=click.Path(path_type=Path), help="Where it was read from.")
@click.option("--number", required=True, type=int, help="Which worker it is.")
@click.option("--tell", required=True, type=int, help="The descriptor to say on that it is ready, or why it is not.")
@click.option("--socket", "sockets", multiple=True, help="NAME=DESCRIPTOR of a socket that is lent.")
def main(path: Path, number: int, tell: int, sockets: tuple[str, ...]) -> None:
    """Serve as worker NUMBER until told to stop (SIGTERM). radiusd starts these; nobody else does."""
    from twisted.internet import asyncioreactor  # noqa: PLC0415 - it must come before anything that wants a reactor

    _belong_to_parent()
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    from radiusd import config, serving  # noqa: PLC0415

    os.set_inheritable(tell, False)
    given = {name: int(descriptor) for name, _, descriptor in (each.partition("=") for each in sockets)}

    def begun() -> None:
        # Told once, it goes; told again, by systemd and by the parent, it is going already.
        reactor.addSystemEventTrigger("before", "shutdown", signal.signal, signal.SIGTERM, signal.SIG_IGN)
        try:
            _say(tell, READY)
        except BrokenPipeError:
            # The parent died before anything bound us to it: there is nobody to serve for.
            reactor.stop()

    with serving.explained(lambda why: _say(tell, why.encode())):
        settings = config.parse(path, sys.stdin.buffer.read().decode())
        if settings.pin_workers:
            _stay_on(own_processor(number, settings.workers, os.sched_getaffinity(0)))
        serving.serve(settings, begun, serving.Worker(number, given))


def _belong_to_parent() -> None:
    """Die with the parent, however it dies, as one process would; hear of Ctrl-C and of the terminal's end from it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)


def _stay_on(processor: int | None) -> None:
    if processor is not None:
        # Whoever may not (a filter of systemd's may say so) serves all the same.
        with suppress(OSError):
            os.sched_setaffinity(0, {processor})


def _say(descriptor: int, what: bytes) -> None:
    """Say it, once. Raises BrokenPipeError if the parent is gone."""
    try:
        os.write(descriptor, what)
    finally:
        os.close(descriptor)


main(prog_name="radiusd.workers")
