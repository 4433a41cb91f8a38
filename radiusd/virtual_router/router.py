"""One virtual HotSpot router: its guests' lines, its counters, its clock."""

from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from radiusd.virtual_router.habits import Habits
from radiusd.virtual_router.incoming import Incoming, Named
from radiusd.virtual_router.link import Entry, Link
from radiusd.virtual_router.packets import (
    Counters,
    Grant,
    Identity,
    Line,
    access_request,
    accounting_request,
    read_grant,
)
from radiusd.wire.attributes import MIKROTIK, Attribute, Mikrotik, decode_integer
from radiusd.wire.codes import AcctStatusType, Code, TerminateCause
from radiusd.wire.packet import Packet

_FIRST_BOOT = 0x80100000
_BOOT = 0x00100000
_NEAR_WRAP = (1 << 32) - 500_000


@frozen(kw_only=True)
class Guest:
    """Who asks, with what device; `up` and `down` are the octets a second of the guest's traffic."""

    name: str
    password: str = field(repr=False)
    mac: str = "02:00:00:00:00:01"
    address: str = "10.5.50.2"
    up: int = 100_000
    down: int = 900_000
    chap: bool = True


@define
class Online:
    """A guest who is logged in."""

    guest: Guest
    line: Line
    grant: Grant
    since: float
    timers: list[IDelayedCall] = field(factory=list)


@frozen
class Accepted:
    """Logged in."""

    online: Online


@frozen
class Rejected:
    """Kept out; what the login page shows."""

    message: str


@frozen
class NoAnswer:
    """RADIUS server is not responding."""


Outcome = Accepted | Rejected | NoAnswer
Ended = Callable[[Online, TerminateCause], None]


@frozen(kw_only=True)
class Server:
    """Where the router sends to, and what it shares with it."""

    address: str = "127.0.0.1"
    auth_port: int = 1812
    acct_port: int = 1813
    coa_port: int = 3799
    secret: bytes = field(repr=False)
    timeout: float = 1.1


class VirtualRouter:
    """`start` opens its two sockets; `on_end` hears of every line that ends, and why. `now` is seconds since 1970."""

    def __init__(
        self,
        reactor: Any,
        server: Server,
        random: Random,
        now: Callable[[], float],
        habits: Habits = Habits(),  # noqa: B008 - frozen
        identity: Identity = Identity(),  # noqa: B008 - frozen
    ) -> None:
        self._reactor = reactor
        self._server = server
        self._random = random
        self._now = now
        self._habits = habits
        self._identity = identity
        self._next_number = _FIRST_BOOT + 1
        self._ports: list[Any] = []
        self.journal: list[Entry] = []
        self.link = Link(reactor, server.secret, server.timeout, random, self.journal)
        self.incoming = Incoming(reactor, server.secret, habits, self._act, self.journal)
        self.online: list[Online] = []
        self.on_end: Ended = _nobody_listens

    def start(self) -> None:
        """Open the sockets; raises CannotListenError."""
        self._ports = [
            self._reactor.listenUDP(self._server.coa_port, self.incoming, self._server.address),
            self._reactor.listenUDP(0, self.link, self._server.address),
        ]

    def stop_listening(self) -> None:
        """Close the sockets, without a word to anybody."""
        for each in tuple(self.online):
            self._forget(each)
        self.link.close()
        for port in self._ports:
            port.stopListening()

    # What guests do

    def log_in(self, guest: Guest) -> "Deferred[Outcome]":
        """Ask the server; an accepted guest's Start, interims and limits follow by themselves."""
        mac = self._random_mac() if self._habits.random_mac else guest.mac
        line = Line(number=self._next_number, user_name=guest.name, mac=mac, address=guest.address)
        self._next_number += 1
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

    def _random_mac(self) -> str:
        octets = bytes((0x02,)) + self._random.randbytes(5)  # the bit of a locally made address
        return ":".join(f"{each:02X}" for each in octets)

    def _logged_in(self, guest: Guest, line: Line, reply: Packet | None) -> Outcome:
        if reply is None:
            return NoAnswer()
        grant = read_grant(reply)
        if reply.code != Code.ACCESS_ACCEPT:
            return Rejected(grant.message)
        online = Online(guest, evolve(line, class_=grant.class_), grant, self._reactor.seconds())
        self.online.append(online)
        self._report(online, AcctStatusType.START)
        self._set_limits(online)
        return Accepted(online)

    def _set_limits(self, online: Online) -> None:
        grant = online.grant
        if grant.session_timeout is not None:
            self._later(online, grant.session_timeout, self.end, online, TerminateCause.SESSION_TIMEOUT)
        if grant.interim:
            self._later(online, grant.interim, self._interim, online)
        if grant.total_limit is not None:
            rate = online.guest.up + online.guest.down
            self._later(online, grant.total_limit / max(rate, 1), self.end, online, TerminateCause.NAS_REQUEST)

    def _later(self, online: Online, seconds: float, what: Callable[..., Any], *arguments: Any) -> None:
        online.timers.append(self._reactor.callLater(seconds, what, *arguments))

    def _interim(self, online: Online) -> None:
        self.interim(online)
        self._later(online, online.grant.interim or 120, self._interim, online)

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
        return None if self._habits.lost_stop else self._report(online, AcctStatusType.STOP, counters, cause)

    def log_out(self, online: Online) -> "Deferred[Packet | None] | None":
        """The guest presses logout."""
        return self.end(online, TerminateCause.USER_REQUEST)

    def reboot(self) -> None:
        """Power cut: every line is forgotten, no Stop is sent, and ids count in the next boot from now on."""
        for each in tuple(self.online):
            self._forget(each)
        boot = (self._next_number & 0x00F00000) + _BOOT & 0x00F00000
        self._next_number = 0x80000000 | boot | 1

    def _forget(self, online: Online) -> None:
        for timer in online.timers:
            if timer.active():
                timer.cancel()
        if online in self.online:
            self.online.remove(online)

    # What it counts and reports

    def counters(self, online: Online) -> Counters:
        """The octets and seconds of a line by now."""
        seconds = self._reactor.seconds() - online.since
        start = _NEAR_WRAP if self._habits.wrapped else 0
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
            counted = now.attributes(gigawords=not self._habits.no_gigawords)
        at = int(self._now())

        def request(identifier: int) -> bytes:
            return accounting_request(
                identifier, status, online.line, self._identity, self._server.secret, at, counted, cause
            )

        return self.link.ask(request, (self._server.address, self._server.acct_port))

    # What the server orders

    def _act(self, request: Packet, named: Named) -> bool:
        found = [each for each in self.online if _fits(each, named)]
        for online in found:
            if request.code == Code.DISCONNECT_REQUEST:
                # The answer leaves first, as on the router; the Stop follows.
                self._reactor.callLater(0, self._cut, online)
            else:
                self._change(online, request)
        return bool(found)

    def _cut(self, online: Online) -> None:
        self.end(online, TerminateCause.ADMIN_RESET)
        if self._habits.cookie:
            self.log_in(online.guest)

    def _change(self, online: Online, request: Packet) -> None:
        for timer in online.timers:
            if timer.active():
                timer.cancel()
        online.timers.clear()
        timeout = request.values.get(Attribute.SESSION_TIMEOUT)
        if timeout is not None:
            online.grant = evolve(online.grant, session_timeout=decode_integer(timeout))
        for value in request.all(Attribute.VENDOR_SPECIFIC):
            if int.from_bytes(value[:4]) == MIKROTIK and value[4] == Mikrotik.RATE_LIMIT:
                online.grant = evolve(online.grant, rate_limit=value[6:].decode())
        self._set_limits(online)


def _fits(online: Online, named: Named) -> bool:
    line = online.line
    return (
        named.user_name in (None, line.user_name)
        and named.framed_ip_address in (None, line.address)
        and (named.acct_session_id or line.acct_session_id).lower() == line.acct_session_id
    )


def _nobody_listens(online: Online, cause: TerminateCause) -> None:
    pass
