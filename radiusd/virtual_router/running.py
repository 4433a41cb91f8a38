"""Runs a virtual router in a process of its own, telling what happens as it happens."""

import random
import sys
import time

import click
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from radiusd.virtual_router.api import ApiAccount
from radiusd.virtual_router.evening import Evening, Plan
from radiusd.virtual_router.guests import Guest, Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.link import Entry
from radiusd.virtual_router.router import VirtualRouter
from radiusd.virtual_router.telling import tell

_COLOURS = {True: "cyan", False: "green"}


class _Told(list[Entry]):
    """A journal that is told as it is written."""

    def append(self, entry: Entry) -> None:
        super().append(entry)
        _say(tell(entry), _COLOURS[entry.is_sent])


def _say(words: str, colour: str | None = None) -> None:
    stamp = time.strftime("%H:%M:%S")
    click.echo(f"{stamp}  {click.style(words, fg=colour) if colour else words}")


def _router(server: Server, habits: Habits, api: ApiAccount | None) -> VirtualRouter:
    from twisted.internet import reactor  # noqa: PLC0415 - installed by whoever calls

    router = VirtualRouter(reactor, server, random.SystemRandom(), time.time, habits, api=api)
    router.journal = router.link.journal = router.incoming.journal = _Told()
    try:
        router.start()
    except CannotListenError as error:
        click.echo(f"virtual-router: cannot listen at port {error.port}: another one is running", err=True)
        sys.exit(2)
    return router


def run_evening(server: Server, guest: Guest, plan: Plan, habits: Habits, api: ApiAccount | None = None) -> bool:
    """Whether it went well."""
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    router = _router(server, habits, api)
    evening = Evening(reactor, router, guest, plan, habits, lambda words: _say(f"   {words}"))
    results: list[bool] = []
    done = Deferred.fromCoroutine(evening.run())
    done.addCallbacks(results.append, lambda failure: click.echo(failure.getTraceback(), err=True))
    done.addBoth(lambda _: reactor.callLater(0, reactor.stop))
    reactor.run()
    router.stop_listening()
    went_well = results == [True]
    _say("the evening went well" if went_well else "the evening did not go well", "green" if went_well else "red")
    return went_well


def run_listener(server: Server, habits: Habits, api: ApiAccount | None = None) -> None:
    """Until Ctrl-C."""
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    _router(server, habits, api)
    _say(f"   listening for disconnects at {server.own_address}:{habits.listens_at or server.coa_port}")
    reactor.run()
