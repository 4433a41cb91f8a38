"""Builds every part and hands each what it needs; the only module that knows them all."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection as DatabaseConnection
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from policy.quantities import Instant
from radiusd import gaming
from radiusd.away.building import Away, AwayParts
from radiusd.changing import Changer
from radiusd.charging import stops
from radiusd.charging.building import ChargingError
from radiusd.charging.building import build as build_cafe_auth
from radiusd.charging.stopping import Stopping
from radiusd.cluster.announcements import Announcements, Listeners
from radiusd.cluster.building import build as build_announcements
from radiusd.cluster.errors import ClusterError
from radiusd.cluster.pacing import Paced
from radiusd.coa.client import DynamicAuthorizationClient
from radiusd.coa.exchange import Timing
from radiusd.coa.ladder import Pace
from radiusd.coa.routeros import RouterOsApi
from radiusd.config import Address, Config
from radiusd.cutting import Cutter
from radiusd.following import Following
from radiusd.gaming import GameTimer
from radiusd.handlers.access import AccessHandler, Waiting
from radiusd.handlers.accounting import AccountingHandler
from radiusd.handlers.boots import Boots
from radiusd.handlers.directory import Known
from radiusd.handlers.patience import Patience
from radiusd.handlers.returning import Returning
from radiusd.handlers.status import status
from radiusd.hashing import AT_ONCE, HashChecker
from radiusd.jobs.cuts import HurryJob, VoidLeasesJob
from radiusd.jobs.playing import StoppedJob
from radiusd.listening import Listening, drained, may_come, why_not
from radiusd.live.building import build as build_mirror
from radiusd.live.mirroring import Around, Mirroring
from radiusd.ordering import Orders
from radiusd.passwords import verify_hash
from radiusd.probing import Prober
from radiusd.server.counters import Counters
from radiusd.server.nases import Nases
from radiusd.server.protocol import Handler, RadiusProtocol
from radiusd.server.silence import Silence
from radiusd.store import directory as store_directory
from radiusd.store import feed, outbox, portal, revisions
from radiusd.store.database import Database
from radiusd.store.outbox import Seen
from radiusd.store.portal import PortalLogin
from radiusd.store.presence import Presence
from radiusd.store.turns import Turns, wait_for_postgresql
from radiusd.store.work import Afterwards, Moved
from radiusd.store.writer import Committer, Done, Writer
from radiusd.vault import Vault, read_key_file
from radiusd.watching import Watch
from radiusd.web.building import Games, Web, WebParts
from radiusd.web.health import SpoolHealth
from radiusd.web.metrics import MetricsSite
from radiusd.wire import dictionary
from radiusd.wire.codes import Code

_log = Logger()
T = TypeVar("T")
MOST_TALKS = 32
"""Routers whose API is talked to at the same time."""
STAYS_KNOWN_EVERY = 10.0
_ON_THE_SPOT = 0.001
"""Seconds for which one of several workers waits for PostgreSQL before it does anything else."""


class StartError(Exception):
    """The server cannot start; the message says why and what to do. What it needs `may_come` by itself, or not."""

    def __init__(self, why: str, *, may_come: bool = False) -> None:
        super().__init__(why)
        self.may_come = may_come


def wall_clock() -> Instant:
    """Now."""
    return Instant(int(time.time() * 1000))


class App:
    """A whole server, built by `__init__`, listening from `start` to `stop`; if sockets are `given`, at them."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        now: Callable[[], Instant] = wall_clock,
        given: Mapping[str, int] | None = None,
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._now = now
        self._vault = Vault(read_key_file(config.key_file))
        names = dictionary.load(config.dictionary)
        self._database = Database(config.store_url)
        self._database.require_current_schema()
        self._presence, self._staying_known = Presence(self._database), LoopingCall(self._stay_known)
        self._pool = ThreadPool(1, 4, "readers")
        self._hashing = ThreadPool(0, AT_ONCE, "hashing")
        self._listening = Listening(reactor, given)
        self._taking: list[RadiusProtocol] = []
        self.counters = Counters(reactor.seconds)
        turns = Turns(reactor, _ON_THE_SPOT if config.workers > 1 else 0)
        committer = Committer(self._database, turns.in_thread)
        self._lines = committer.memory.lines
        self._writer = Writer(committer, self._delivered, turns)
        self._returning = Returning(self._vault.class_key)
        with self._database.reading() as connection:
            revision = revisions.current(connection)
            known = store_directory.load(connection, self._vault)
            boots = outbox.known_boots(connection)
        self._nases = Nases()
        self._known = Known(known, self._nases)
        cuts = config.cuts
        self._client = DynamicAuthorizationClient(
            reactor,
            names,
            self._now,
            random.SystemRandom(),
            self.counters.count,
            interface=config.coa_source,
            timing=Timing(sends=cuts.sends, gives_up=cuts.decided_after),
        )
        self._talking = ThreadPool(0, MOST_TALKS, "routeros")
        self._api = RouterOsApi(self._talk, reactor.seconds)
        self._away = Away(
            AwayParts(
                settings=config.store_loss,
                database=self._database,
                writer=self._writer.submit,
                directory=lambda: self._known.directory,
                counters=self.counters,
                read=self._read_anyway,
                reactor=reactor,
                now=now,
            )
        )
        submit = self._away.gate.submit
        self._cutter = Cutter(
            self._client,
            self._api,
            reactor,
            self._known,
            submit,
            now,
            self.counters,
            pace=Pace(api_after=cuts.api_after, decided_after=cuts.decided_after, longest_pause=cuts.longest_pause),
        )
        self._prober = Prober(self._client, self._cutter, self._known, submit, now, self.counters)
        changer = Changer(self._client, self._known, submit, now, self.counters)
        self._orders = Orders(self._cutter, changer, self._away.logins.heard)
        self._watch = Watch(self._look, revision, self._known, self._orders, submit, now, self._saw)
        self._following = Following(self._returning, self._begin_node(), submit, lambda: self._writer.waiting, now)
        committer.tell = self._following.tell
        self._nases.when_back = lambda router_id, at: submit(HurryJob(router_id, at), _nobody_waits)
        self._boots = Boots(boots, self._away.gate.submit_when_back)
        try:
            cafe_auth = build_cafe_auth(config.games, lambda: self._known.directory, submit, reactor, now)
        except ChargingError as error:
            raise StartError(str(error)) from error
        self._stopping = Stopping(
            cafe_auth,
            lambda at: self._read(lambda connection: stops.due(connection, at)),
            submit,
            StoppedJob,
            reactor,
            now,
        )
        self._game_timer = GameTimer(lambda at: self._read(lambda connection: gaming.look(connection, at)), submit, now)
        self._web = Web(
            WebParts(
                directory=lambda: self._known.directory,
                submit=submit,
                cuts=self._cutter,
                counters=self.counters,
                vault=self._vault,
                find_guest=self._find_guest,
                oldest_uncut=self._oldest_uncut,
                waiting=lambda: self._writer.waiting,
                spooled=self._spooled,
                games=Games(cafe=cafe_auth, stopping=self._stopping, settings=config.games),
                reactor=reactor,
                now=now,
            )
        )
        self._announcements = self._build_announcements()
        self._have_others_look = Paced(self._announcements.look, reactor)
        self._mirror = self._build_mirror()
        self._web.balances.announce = self._announcements.balance

    def _build_announcements(self) -> Announcements:
        listeners = Listeners(look=Paced(self._watch.look_now, self._reactor), balance=self._web.balances.heard)

        def drop(detail: str) -> None:
            self.counters.drop("announcement", "Redis", detail, what="what is no announcement")

        try:
            address = self._database.address
            through_store = None if address is None else (address, self._talk)
            return build_announcements(self._config.redis, listeners, drop, self._reactor, through_store)
        except ClusterError as error:
            raise StartError(str(error)) from error

    def _build_mirror(self) -> Mirroring:
        around = Around(
            read=self._read, cafes=lambda: self._known.directory.cafes, count=self.counters.count, now=self._now
        )
        try:
            return build_mirror(self._config.redis, around, self._reactor)
        except ClusterError as error:
            raise StartError(str(error)) from error

    def _read(self, read: Callable[[DatabaseConnection], T]) -> "Deferred[T]":
        """What `read` gives, in a thread; a failure at once while the store is away."""
        return self._away.read(read)

    def _read_anyway(self, read: Callable[[DatabaseConnection], T]) -> "Deferred[T]":

        def reading() -> T:
            with self._database.reading() as connection:
                return read(connection)

        return deferToThreadPool(self._reactor, self._pool, reading)

    def _find_guest(self, token: str) -> "Deferred[PortalLogin | None]":
        at = self._now()
        return self._read(lambda connection: portal.find(connection, self._vault, token, at))

    def _spooled(self) -> SpoolHealth:
        spooled = self._away.spooled()
        return SpoolHealth(waiting=spooled.records, oldest=spooled.oldest)

    def _oldest_uncut(self) -> "Deferred[Instant | None]":
        return self._read(outbox.oldest_uncut)

    def _stay_known(self) -> "Deferred[None]":
        # While the store is away nobody else is there to take us for dead.
        return deferToThreadPool(self._reactor, self._pool, self._presence.renew).addErrback(_nobody_waits)

    def _talk(self, call: Callable[[], T]) -> "Deferred[T]":
        return deferToThreadPool(self._reactor, self._talking, call)

    def _look(self, revision: int, at: Instant) -> "Deferred[Seen]":
        following = self._following.asks
        return self._read(lambda connection: outbox.look(connection, self._vault, revision, at, following))

    def _delivered(self, results: list[tuple[Done, Any]], afterwards: list[Afterwards]) -> None:
        # A Disconnect is on the wire before the Access-Accept that took the place.
        try:
            self._orders.carry_out(afterwards)
        except Exception:  # noqa: BLE001 - what is stored is tried again, and an answer to what is stored is due now
            _log.failure("what was ordered could not be carried out")
        for each in afterwards:
            if isinstance(each, Moved):
                self._returning.forget_passes(each.pass_ids)
                self._mirror.moved(each.pass_ids)
        with self._listening.sending_together():
            for done, result in results:
                try:
                    done(result)
                except Exception:  # noqa: BLE001 - one answer's trouble is not the others'
                    _log.failure("an answer could not be given")
        # Who only moved is seen soon enough, and on a busy evening somebody moves with every batch.
        if not all(isinstance(each, Moved) for each in afterwards):
            self._have_others_look()

    def _saw(self, seen: Seen, at: Instant) -> None:
        if seen.directory is not None:
            self._mirror.everything_may_have_moved()
            self._away.logins.others_changed(None)
        elif seen.changes is not None:
            self._away.logins.others_changed(seen.changes.pass_ids)
        self._following.saw(seen, at)

    def _begin_node(self) -> int | None:
        """This process's number in the change feed; none is needed where no other can be on the same store."""
        if self._database.is_sqlite and self._config.workers == 1:
            return None
        with self._database.writing() as connection:
            return feed.begin(connection, self._now())

    def start(self) -> None:
        """Listen. Raises StartError, with nothing left half open, when a port is taken."""
        hashes = HashChecker(
            verify_hash,
            lambda check: deferToThreadPool(self._reactor, self._hashing, check),
            self._reactor.seconds,
            self._vault.class_key,
        )
        access = AccessHandler(
            self._known,
            self._away.logins.submit,
            hashes.check,
            self._boots,
            self._vault,
            self.counters,
            Waiting(self._cutter, self._prober, Patience(self._reactor.callLater, self._now)),
            self._returning,
        )
        accounting = self._away.accounting(
            lambda submit: AccountingHandler(
                self._known, submit, self._boots, self._vault, self.counters, self._lines, self._returning
            )
        )
        try:
            self._listen(
                "auth",
                self._config.auth,
                {Code.ACCESS_REQUEST: access, Code.STATUS_SERVER: status(Code.ACCESS_ACCEPT)},
            )
            self._listen(
                "acct",
                self._config.acct,
                {Code.ACCOUNTING_REQUEST: accounting, Code.STATUS_SERVER: status(Code.ACCOUNTING_RESPONSE)},
            )
            self._listen_web(self._config.web)
        except CannotListenError as error:
            self._listening.close()
            where = f"{error.interface or '*'}:{error.port}"
            raise StartError(why_not(where, error.socketError), may_come=may_come(error.socketError)) from error
        self._pool.start()
        self._hashing.start()
        self._talking.start()
        if not self._database.is_sqlite:
            wait_for_postgresql()
        self._writer.start()
        self._away.start()
        if self._presence.announce():
            self._writer.submit(VoidLeasesJob(self._now()), _nobody_waits)
        self._staying_known.clock = self._reactor
        self._staying_known.start(STAYS_KNOWN_EVERY, now=False)
        self._watch.start(self._reactor)
        self._following.start(self._reactor)
        self._stopping.start()
        self._game_timer.start(self._reactor)
        self._announcements.start()
        self._mirror.start(self._reactor)

    def tell(self) -> None:
        """Log where it answers."""
        _log.info("answering RADIUS at {auth} and {acct}", auth=self._config.auth, acct=self._config.acct)

    def _listen(self, name: str, address: Address, handlers: dict[Code, Handler]) -> None:
        protocol = RadiusProtocol(self._nases, handlers, self.counters, self._now)
        self._listening.udp(name, address, protocol)
        self._taking.append(protocol)

    def _listen_web(self, address: Address | None) -> None:
        if address is not None:
            self._listening.tcp("web", address, self._web.factory(self._config.at_web))
        metrics = self._config.at_web.metrics
        if metrics is not None:
            self.counters.registry.register(Silence(self._nases, lambda: self._known.directory, self._now))
            self._listening.tcp("metrics", metrics, MetricsSite(self.counters.registry, self._reactor))

    def stop(self) -> "Deferred[None]":
        """Take no more requests, commit and answer what was taken, and go."""
        self._listening.stop_taking()
        if self._staying_known.running:
            self._staying_known.stop()
        self._watch.stop()
        self._following.stop()
        self._away.stop()
        self._stopping.stop()
        self._game_timer.stop()
        closing: list[Deferred[Any]] = [
            self._announcements.stop(),
            self._mirror.stop(),
            drained(self._is_idle, self._reactor),
        ]
        return DeferredList(closing).addCallback(lambda _: self._listening.close()).addCallback(self._wind_up)

    def _is_idle(self) -> bool:
        """Whether everything that was taken is answered."""
        return not (self._writer.waiting or self._web.queue.waiting or any(each.in_work for each in self._taking))

    def _wind_up(self, _: object) -> None:
        self._writer.stop()
        self._away.close()
        self._client.close()
        self._api.close()
        self._talking.stop()
        self._pool.stop()
        self._hashing.stop()
        self._presence.end()
        self._database.close()
        self._away.end()


def _nobody_waits(result: object) -> None:
    pass
