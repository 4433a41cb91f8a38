"""The web root put together."""

import random
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from policy.quantities import Instant
from radiusd.charging.port import CafeAuth
from radiusd.config import Games as GameSettings
from radiusd.config import Web as Settings
from radiusd.pc_system.client import PcSystemClient
from radiusd.pc_system.http import real_http
from radiusd.store.directory import Directory
from radiusd.store.portal import PortalLogin
from radiusd.vault import Vault
from radiusd.web.balances import Balances
from radiusd.web.channel import Limits, WebFactory
from radiusd.web.fair import FairQueue, Submit
from radiusd.web.games import building as game_building
from radiusd.web.games.building import GameParts
from radiusd.web.games.playing import Stopping
from radiusd.web.health import Health, SpoolHealth
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
class Games:
    """Who charges for games, and the rules: see config.Games."""

    cafe: CafeAuth
    stopping: Stopping
    settings: GameSettings


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
    spooled: Callable[[], SpoolHealth] = SpoolHealth
    games: Games
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
            parts.directory,
            self.queue,
            parts.cuts,
            self.balances,
            refusals,
            parts.counters,
            parts.now,
            binds_games=parts.games.settings.bind_to_seat,
        )
        client = PcSystemClient(real_http(parts.reactor), parts.reactor, random.SystemRandom())
        logins = PcLogins(self._guests, client, self.queue, parts.vault, lambda: token_urlsafe(32))
        wallet = Wallet(self._guests, client, self.balances, parts.now)
        health = Health(
            parts.oldest_uncut,
            lambda: parts.waiting() + self.queue.waiting,
            parts.now,
            parts.reactor,
            parts.spooled,
        )
        return (*pc_sync_routes(events), *portal_routes(logins, wallet), *self._game_routes(), health.route())

    def _game_routes(self) -> tuple[Route, ...]:
        parts, games = self._parts, self._parts.games
        outage = games.settings.charge_outage
        return game_building.routes(
            GameParts(
                directory=parts.directory,
                queue=self.queue,
                cafe=games.cafe,
                stopping=games.stopping,
                binds_seats=games.settings.bind_to_seat,
                ends_after=outage * 1000 or None,
            )
        )

    def factory(self, settings: Settings) -> WebFactory:
        """What listens."""
        parts = self._parts
        dialects = game_building.dialects(game_building.new_request_id, parts.now)
        root = WebRoot(self.routes, self._guests.authenticate, settings.proxies, parts.reactor, parts.now, dialects)
        limits = Limits(connections_per_address=settings.connections_per_address)
        return WebFactory(root, limits, parts.reactor, lambda host: is_proxy(host, settings.proxies))
