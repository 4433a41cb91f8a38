"""Runs a virtual charging partner in a process of its own, telling what it is asked."""

import random
import sys
import time
from typing import Any

import click
from attrs import frozen
from twisted.internet import asyncioreactor
from twisted.internet.error import CannotListenError
from twisted.web.server import Site

from radiusd.virtual_partner.api import Api, Asked
from radiusd.virtual_partner.control import Control, Root
from radiusd.virtual_partner.faults import Faults
from radiusd.virtual_partner.till import Network, Till


@frozen(kw_only=True)
class Plan:
    """What `serve` was told."""

    address: str
    port: int
    networks: tuple[Network, ...]
    units: int
    key: str | None
    faults: Faults
    is_quiet: bool


def serve(plan: Plan) -> None:
    """Until Ctrl-C."""
    asyncioreactor.install()
    from twisted.internet import reactor  # noqa: PLC0415 - installed just now

    till = Till(units=plan.units, networks=list(plan.networks))
    for each in plan.networks:
        till.left(each.branch_id)
    told = _nothing if plan.is_quiet else _tell
    api = Api(reactor, till, random.SystemRandom(), time.time, told, plan.key)
    api.break_down(plan.faults)
    root: Any = Root(Control(till, api), api)
    try:
        listening: Any = reactor
        listening.listenTCP(plan.port, Site(root), interface=plan.address)
    except CannotListenError:
        click.echo(
            f"charging-partner: cannot listen at port {plan.port}: another one is running; give --port", err=True
        )
        sys.exit(2)
    click.echo(f"partner_url is http://{plan.address}:{plan.port}/v1; every café has {plan.units} units")
    reactor.run()


def _tell(asked: Asked) -> None:
    stamp = time.strftime("%H:%M:%S", time.localtime(asked.at))
    what = " ".join(f"{name}={value}" for name, value in asked.fields.items())
    click.echo(f"{stamp}  {asked.operation} {what}: {asked.outcome}")


def _nothing(_: Asked) -> None:
    pass
