"""The web root put together."""

import random
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from policy.quantities import Instant
from radiusd.config import Web as Settings
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import real_http
from radiusd.store.directory import Directory
from radiusd.store.portal import PortalLogin
from radiusd.vault import Vault
from radiusd.web.balances import Balances
from radiusd.web.channel import Limits, WebFactory
from radiusd.web.fair import FairQueue, Submit
from radiusd.web.health import Health
from radiusd.web.openapi import with_document
from radiusd.web.pc_sync.events import Cuts, PcSyncEvents
from radiusd.web.pc_sync.refusals import Refusals
from radiusd.web.portal.guests import Guests
from radiusd.web.portal.login import PcLogins
from radiusd.web.portal.wallet import Wallet
from radiusd.web.proxies import is_proxy
from radiusd.web.root import WebRoot
from radiusd.web.routes import Route
from radiusd.web.table import pc_sync_routes, portal_routes


@frozen(kw_only=True)
class WebParts:
    """What the web root is made of, from elsewhere."""

    directory: Callable[[], Directory]
    submit: Submit
    cuts: Cuts
    counters: Any
    vault: Vault
    find_guest: Callable[[str], "Deferred[PortalLogin | None]"]
    oldest_uncut: Callable[[], "Deferred[Instant | None]"]
    waiting: Callable[[], int]
    reactor: Any
    now: Callable[[], Instant]


class Web:
    """`routes` are all there are; `balances` those who show one."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self.balances = Balances()
        self._guests = Guests(parts.find_guest, parts.directory)
        self.queue = FairQueue(parts.submit)
        self.routes = with_document(self._routes())

    def _routes(self) -> tuple[Route, ...]:
        parts = self._parts
        refusals = Refusals(parts.submit, parts.counters)
        events = PcSyncEvents(
            parts.directory, self.queue, parts.cuts, self.balances, refusals, parts.counters, parts.now
        )
        client = PcSystemClient(real_http(parts.reactor), parts.reactor, random.SystemRandom())
        logins = PcLogins(self._guests, client, self.queue, parts.vault, lambda: token_urlsafe(32))
        wallet = Wallet(self._guests, client, self.balances, parts.now)
        health = Health(parts.oldest_uncut, lambda: parts.waiting() + self.queue.waiting, parts.now, parts.reactor)
        return (*pc_sync_routes(events), *portal_routes(logins, wallet), health.route())

    def factory(self, settings: Settings) -> WebFactory:
        """What listens."""
        parts = self._parts
        root = WebRoot(self.routes, self._guests.authenticate, settings.proxies, parts.reactor, parts.now)
        limits = Limits(connections_per_address=settings.connections_per_address)
        return WebFactory(root, limits, parts.reactor, lambda host: is_proxy(host, settings.proxies))
