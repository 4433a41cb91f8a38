"""One virtual HotSpot router: its guests' lines, its counters, its clock."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from radiusd.virtual_router.air import Air
from radiusd.virtual_router.api import ApiAccount, ApiFactory
from radiusd.virtual_router.api_menus import menus
from radiusd.virtual_router.guests import Accepted, Ended, Guest, NoAnswer, Online, Outcome, Rejected, Server
from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.incoming import Incoming
from radiusd.virtual_router.link import Entry, Link
from radiusd.virtual_router.memory import Memory
from radiusd.virtual_router.orders import Orders
from radiusd.virtual_router.packets import (
    Counters,
    Grant,
    Identity,
    Line,
    access_request,
    accounting_request,
    read_grant,
)
from radiusd.wire.codes import AcctStatusType, Code, TerminateCause
from radiusd.wire.packet import Packet

__all__ = ["Accepted", "Guest", "NoAnswer", "Online", "Outcome", "Rejected", "Server", "VirtualRouter"]

_FIRST_BOOT = 0x80100000
_BOOT = 0x00100000
_NEAR_WRAP = (1 << 32) - 500_000
_COMES_BACK_AFTER = 0.3


class VirtualRouter:
    """`start` opens its sockets; `on_end` hears of every line that ends, and why. `now` is seconds since 1970.

    `habits` may be changed at any time. The same `random` makes the same router, lost datagrams included.
    """

    def __init__(
        self,
        reactor: Any,
        server: Server,
        random: Random,
        now: Callable[[], float],
        habits: Habits = Habits(),  # noqa: B008 - frozen
        identity: Identity = Identity(),  # noqa: B008 - frozen
        api: ApiAccount | None = None,
    ) -> None:
        self._reactor = reactor
        self._server = server
        self._random = random
        self._now = now
        self.habits = habits
        self._identity = identity
        self._next_number = _FIRST_BOOT + 1
        self._ports: list[Any] = []
        self._returns: list[IDelayedCall] = []
        self.journal: list[Entry] = []
        self.memory = Memory()
        self.air = Air(reactor, random, lambda: self.habits)
        self.link = Link(reactor, server.secret, server.timeout, random, self.air, self.journal)
        orders = Orders(self)
        self.incoming = Incoming(reactor, server.secret, lambda: self.habits, orders.take, self.air, self.journal)
        self.api = None if api is None else ApiFactory(reactor, api, lambda: self.habits, menus(self), random)
        self.online: list[Online] = []
        self.on_end: Ended = _nobody_listens

    def start(self) -> None:
        """Open the sockets; raises CannotListenError."""
        address = self._server.own_address
        coa_port = self.habits.listens_at or self._server.coa_port
        self._ports = [
            self._reactor.listenUDP(coa_port, self.incoming, address),
            self._reactor.listenUDP(0, self.link, address),
        ]
        if self.api is not None and not self.habits.api_refuse:
            self._ports.append(self._reactor.listenTCP(self.api.account.port, self.api, interface=address))

    def stop_listening(self) -> None:
        """Close the sockets, without a word to anybody."""
        for each in tuple(self.online):
            self._forget(each)
        for phone in self._returns:
            if phone.active():
                phone.cancel()
        self.link.close()
        if self.api is not None:
            self.api.hang_up()
        for port in self._ports:
            port.stopListening()

    # What guests do

    def log_in(self, guest: Guest) -> "Deferred[Outcome]":
        """Ask the server; an accepted guest's Start, interims and limits follow by themselves."""
        line = self._line(guest)
        authenticator = self._random.randbytes(16)

        def request(identifier: int) -> bytes:
            return access_request(
                identifier,
                authenticator,
                line,
                self._identity,
                guest.password.encode(),
                self._server.secret,
                chap=guest.chap,
            )

        asked = self.link.ask(request, (self._server.address, self._server.auth_port))
        return asked.addCallback(lambda reply: self._logged_in(guest, line, reply))

    def admit(self, guest: Guest, grant: Grant = Grant()) -> Online:  # noqa: B008 - frozen
        """Let a guest in as if the server had said so; the Start is sent."""
        return self._admit(guest, self._line(guest), grant)

    def _line(self, guest: Guest) -> Line:
        mac = self._random_mac() if self.habits.random_mac else guest.mac
        line = Line(number=self._next_number, user_name=guest.name, mac=mac, address=guest.address)
        self._next_number += 1
        return line

    def _random_mac(self) -> str:
        octets = bytes((0x02,)) + self._random.randbytes(5)  # the bit of a locally made address
        return ":".join(f"{each:02X}" for each in octets)

    def _logged_in(self, guest: Guest, line: Line, reply: Packet | None) -> Outcome:
        if reply is None:
            return NoAnswer()
        grant = read_grant(reply)
        if reply.code != Code.ACCESS_ACCEPT:
            return Rejected(grant.message)
        return Accepted(self._admit(guest, line, grant))

    def _admit(self, guest: Guest, line: Line, grant: Grant) -> Online:
        online = Online(guest, evolve(line, class_=grant.class_), grant, self._reactor.seconds())
        self.online.append(online)
        self.memory.begin(online, has_cookie=self.habits.cookie, is_fasttracked=self.habits.fasttrack)
        self._report(online, AcctStatusType.START)
        self._set_limits(online)
        return online

    def _set_limits(self, online: Online) -> None:
        grant = online.grant
        if grant.session_timeout is not None:
            self._later(online, "timeout", grant.session_timeout, self._time_out)
        if grant.interim:
            self._later(online, "interim", grant.interim, self._interim)
        if grant.total_limit is not None:
            rate = online.guest.up + online.guest.down
            self._later(online, "total", grant.total_limit / max(rate, 1), self._run_out)

    def _later(self, online: Online, name: str, seconds: float, what: Callable[[Online], object]) -> None:
        online.timers[name] = self._reactor.callLater(seconds, what, online)

    def _time_out(self, online: Online) -> None:
        self.end(online, TerminateCause.SESSION_TIMEOUT)

    def _run_out(self, online: Online) -> None:
        self.end(online, TerminateCause.NAS_REQUEST)

    def _interim(self, online: Online) -> None:
        self.interim(online)
        self._later(online, "interim", online.grant.interim or 120, self._interim)

    def interim(self, online: Online) -> "Deferred[Packet | None]":
        """Report the counters as they are."""
        return self._report(online, AcctStatusType.INTERIM_UPDATE)

    def end(self, online: Online, cause: TerminateCause) -> "Deferred[Packet | None] | None":
        """The line is over; its Stop is sent, unless the router loses it."""
        if online not in self.online:
            return None
        counters = self.counters(online)
        self._forget(online)
        self.on_end(online, cause)
        return None if self.habits.lost_stop else self._report(online, AcctStatusType.STOP, counters, cause)

    def log_out(self, online: Online) -> "Deferred[Packet | None] | None":
        """The guest presses logout."""
        self.memory.forget_cookie(online)
        return self.end(online, TerminateCause.USER_REQUEST)

    def reboot(self, off_for: float = 0.0) -> None:
        """Power cut: every line is forgotten, no Stop is sent, and ids count in the next boot from now on."""
        for each in tuple(self.online):
            self._forget(each)
        boot = (self._next_number & 0x00F00000) + _BOOT & 0x00F00000
        self._next_number = 0x80000000 | boot | 1
        self.memory.reboot()
        self.incoming.reboot()
        self.air.go_off(off_for)
        if self.api is not None:
            self.api.hang_up(for_seconds=off_for)
        self.link.forget()

    def _forget(self, online: Online) -> None:
        for timer in online.timers.values():
            if timer.active():
                timer.cancel()
        self.memory.end(online)
        if online in self.online:
            self.online.remove(online)

    # What is ordered

    def cut(self, online: Online) -> None:
        """End a line by order, over RADIUS or the API; a phone whose cookie is left comes back."""
        self.end(online, TerminateCause.ADMIN_RESET)
        if self.memory.cookie(online) is not None:
            self._returns = [each for each in self._returns if each.active()]
            self._returns.append(self._reactor.callLater(_COMES_BACK_AFTER, self._come_back, online))

    def _come_back(self, online: Online) -> None:
        if self.memory.cookie(online) is not None:
            self.log_in(online.guest)

    def change(self, online: Online, timeout: int | None, rate_limit: str | None) -> None:
        """Another Session-Timeout or rate, in flight; what is None stays."""
        if rate_limit is not None:
            online.grant = evolve(online.grant, rate_limit=rate_limit)
        if timeout is None:
            return
        online.grant = evolve(online.grant, session_timeout=timeout)
        running = online.timers.get("timeout")
        if running is not None and running.active():
            running.cancel()
        gone = self._reactor.seconds() - online.since if self.habits.timeout_since_start else 0
        self._later(online, "timeout", max(0, timeout - gone), self._time_out)

    def time_left(self, online: Online) -> float | None:
        """Seconds until the Session-Timeout; None without one."""
        timer = online.timers.get("timeout")
        return None if timer is None else float(timer.getTime() - self._reactor.seconds())

    def uptime(self, online: Online) -> int:
        """Whole seconds since the login."""
        return int(self._reactor.seconds() - online.since)

    # What it counts and reports

    def counters(self, online: Online) -> Counters:
        """The octets and seconds of a line by now."""
        seconds = self._reactor.seconds() - online.since
        start = _NEAR_WRAP if self.habits.wrapped else 0
        return Counters(
            octets_in=start + int(seconds * online.guest.up),
            octets_out=start + int(seconds * online.guest.down),
            seconds=int(seconds),
        )

    def _report(
        self,
        online: Online,
        status: AcctStatusType,
        counters: Counters | None = None,
        cause: TerminateCause | None = None,
    ) -> "Deferred[Packet | None]":
        counted = b""
        if status is not AcctStatusType.START:
            now = self.counters(online) if counters is None else counters
            counted = now.attributes(gigawords=not self.habits.no_gigawords)
        at = int(self._now())

        def request(identifier: int) -> bytes:
            return accounting_request(
                identifier, status, online.line, self._identity, self._server.secret, at, counted, cause
            )

        return self.link.ask(request, (self._server.address, self._server.acct_port))


def _nobody_listens(online: Online, cause: TerminateCause) -> None:
    pass
