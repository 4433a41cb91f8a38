"""Runs a virtual PC system in a process of its own, telling what happens as it happens."""

import random
import sys
import time
from pathlib import Path
from typing import Any

import click
from attrs import frozen
from treq.client import HTTPClient
from twisted.internet import asyncioreactor
from twisted.internet.error import CannotListenError
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.server import Site

from radiusd.virtual_pc_system.api import Api
from radiusd.virtual_pc_system.cafe import Cafe
from radiusd.virtual_pc_system.control import Control
from radiusd.virtual_pc_system.faults import Faults
from radiusd.virtual_pc_system.keeping import Keeper, State
from radiusd.virtual_pc_system.page import Root
from radiusd.virtual_pc_system.settings import Settings
from radiusd.virtual_pc_system.users import generated
from radiusd.virtual_pc_system.webhook import AT_ONCE, Event, Sender

_COLOURS = {"done": "green", "waiting": "yellow", "refused": "red", "given up": "red"}


@frozen(kw_only=True)
class Plan:
    """What `serve` was told."""

    address: str
    port: int
    users: int
    settings: Settings | None
    faults: Faults
    state: State | None
    state_file: Path | None
    is_quiet: bool


def say(words: str, colour: str | None = None) -> None:
    """One line, with the time."""
    stamp = time.strftime("%H:%M:%S")
    click.echo(f"{stamp}  {click.style(words, fg=colour) if colour else words}")


def tell(event: Event) -> None:
    """One sending of a webhook, or that there is nobody to send it to."""
    what = f"{event.kind} {event.user}"
    if not event.tries:
        say(f"{what}: not sent, there are no settings", "yellow")
        return
    last = event.tries[-1]
    status = f" {last.status}" if last.status else ""
    say(f"{what} ->{status} in {last.milliseconds:.0f} ms, {last.words}", _COLOURS[event.outcome])


class Running:
    """The parts of a virtual PC system, put together. Raises CannotListenError."""

    def __init__(self, reactor: Any, plan: Plan) -> None:
        self._plan = plan
        chance = random.SystemRandom()
        state = plan.state
        users = {each.name: each for each in state.users} if state else generated(plan.users)
        self.cafe = Cafe(users, chance)
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = AT_ONCE
        http = HTTPClient(Agent(reactor, pool=pool))
        self.sender = Sender(reactor, http, plan.settings, chance, time.time, self._event)
        api_key = plan.settings.api_key if plan.settings else None
        self.api = Api(reactor, self.cafe, chance, time.time, self._asked, api_key)
        self.api.faults = self.sender.faults = plan.faults
        self.keeper = Keeper(reactor, plan.state_file, self.cafe, self.sender) if plan.state_file else None
        self.control = Control(reactor, self.cafe, self.api, self.sender, self._changed)
        if state:
            self._go_on_from(state)
        site = Site(Root(self.control, self.api))
        site.noisy = False
        self.port = reactor.listenTCP(plan.port, site, interface=plan.address)

    def _go_on_from(self, state: State) -> None:
        self.cafe.debits.update(state.debits)
        self.cafe.given.update(state.given)
        for each in state.untold:
            self.sender.send(each.kind, each.user, each.body.encode(), each.at)

    def _event(self, event: Event) -> None:
        if not self._plan.is_quiet:
            tell(event)
        self._changed()

    def _asked(self, line: str) -> None:
        if not self._plan.is_quiet:
            say(line, "cyan")
        self._changed()

    def _changed(self) -> None:
        self.control.touch()
        if self.keeper is not None:
            self.keeper.changed()


def serve(plan: Plan) -> None:
    """Until Ctrl-C."""
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    try:
        running = Running(reactor, plan)
    except CannotListenError:
        click.echo(f"pc-system: cannot listen at port {plan.port}: another one is running; give --port", err=True)
        sys.exit(2)
    _greet(plan, running)
    if running.keeper is not None:
        reactor.addSystemEventTrigger("during", "shutdown", running.keeper.write)
    reactor.run()


def _greet(plan: Plan, running: Running) -> None:
    here = f"http://{plan.address}:{plan.port}"
    first = next(iter(running.cafe.users.values()))
    say(f"the page is at {here}/, the REST API under {here}")
    say(f"{len(running.cafe.users)} users; {first.name} has the password {first.password}, the others likewise")
    if plan.settings:
        say(f"events of {plan.settings.location_id} go to {plan.settings.url}")
    else:
        say("events are only shown: give --settings to send them", "yellow")
