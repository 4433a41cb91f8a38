"""Many guests of many routers at once: as much as one process can send, and how long each answer took."""

import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from random import Random

from attrs import define, field, frozen

from radiusd.virtual_router.guests import Server
from radiusd.virtual_router.packets import Counters, Identity, Line, access_request, accounting_request
from radiusd.wire.attributes import Attribute
from radiusd.wire.codes import AcctStatusType, Code, TerminateCause
from radiusd.wire.errors import WireError
from radiusd.wire.packet import MESSAGE_AUTHENTICATOR, decode
from radiusd.wire.replies import is_reply_to

_RESENDS = 3
_PER_SOCKET = 200
_ON_A_LINE = 60  # seconds a line gains from one report to the next, as far as its counters say


@frozen(kw_only=True)
class Load:
    """`guests` evenings, `concurrency` at once, from `routers` routers; `limit` seconds at most."""

    guests: int = 1000
    routers: int = 4
    concurrency: int = 64
    interims: int = 3
    limit: float = 60.0
    names: Callable[[int], tuple[str, str]] = field(repr=False)
    chap: bool = False


@define
class Figures:
    """What came of it; latencies in seconds, by kind of request."""

    requests: int = 0
    answered: int = 0
    accepts: int = 0
    rejects: int = 0
    retransmits: int = 0
    lost: int = 0
    evenings: int = 0
    wall: float = 0.0
    latencies: dict[str, list[float]] = field(factory=lambda: {"login": [], "accounting": []})


@define
class _Evening:
    number: int
    router: Identity
    line: Line
    password: bytes = field(repr=False)
    step: int = -1  # -1 the login, 0 the Start, then interims, last the Stop
    octets: bytes = field(default=b"", repr=False)
    first_sent: float = 0.0
    sends: int = 0


class _Socket:
    """One UDP source port and its Identifiers."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((address, 0))
        self.asked: dict[int, _Evening] = {}
        self._next = 0

    def take(self, evening: _Evening) -> int:
        """A free Identifier for a request of `evening`."""
        while self._next in self.asked:
            self._next = (self._next + 1) % 256
        identifier, self._next = self._next, (self._next + 1) % 256
        self.asked[identifier] = evening
        return identifier


class Driver:
    """Runs one load. `progress` hears of every evening that ended."""

    def __init__(self, server: Server, load: Load, random: Random, progress: Callable[[int], None]) -> None:
        self._server = server
        self._load = load
        self._random = random
        self._progress = progress
        self._tag = random.getrandbits(8)
        count = max(load.routers, -(-load.concurrency // _PER_SOCKET))
        self._sockets = [_Socket(server.own_address) for _ in range(count)]
        self._begun = 0
        self._running = 0
        self._timeouts: deque[tuple[float, _Socket, int, _Evening, int]] = deque()
        self.figures = Figures()

    def run(self) -> Figures:
        """Drive until every evening is over, or the limit is reached."""
        poll = select.epoll()
        by_descriptor = {each.socket.fileno(): each for each in self._sockets}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.EPOLLIN)
        began = time.monotonic()
        self._begin_more()
        while self._running and time.monotonic() - began < self._load.limit:
            for descriptor, _ in poll.poll(0.05):
                self._drain(by_descriptor[descriptor])
            self._resend()
        self.figures.wall = time.monotonic() - began
        self.figures.lost += self._running
        for each in self._sockets:
            each.socket.close()
        return self.figures

    def _begin_more(self) -> None:
        while self._running < self._load.concurrency and self._begun < self._load.guests:
            number = self._begun
            self._begun += 1
            self._running += 1
            name, password = self._load.names(number)
            evening = _Evening(
                number, _router(number % self._load.routers), self._line(number, name), password.encode()
            )
            self._ask(self._sockets[number % len(self._sockets)], evening)

    def _line(self, number: int, name: str) -> Line:
        octets = (0x02, self._tag, number >> 24 & 255, number >> 16 & 255, number >> 8 & 255, number & 255)
        return Line(
            number=0x80100000 | (number // self._load.routers + 1) & 0xFFFFF,
            user_name=name,
            mac=":".join(f"{each:02X}" for each in octets),
            address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        )

    def _ask(self, by: _Socket, evening: _Evening) -> None:
        identifier = by.take(evening)
        evening.octets = self._request(identifier, evening)
        evening.sends = 0
        evening.first_sent = time.monotonic()
        self.figures.requests += 1
        self._send(by, identifier, evening)

    def _request(self, identifier: int, evening: _Evening) -> bytes:
        secret = self._server.secret
        if evening.step < 0:
            return access_request(
                identifier,
                os.urandom(16),
                evening.line,
                evening.router,
                evening.password,
                secret,
                chap=self._load.chap,
            )
        seconds = evening.step * _ON_A_LINE
        counted = Counters(octets_in=seconds * 12_000, octets_out=seconds * 150_000, seconds=seconds)
        is_last = evening.step > self._load.interims
        status = AcctStatusType.INTERIM_UPDATE if evening.step else AcctStatusType.START
        return accounting_request(
            identifier,
            AcctStatusType.STOP if is_last else status,
            evening.line,
            evening.router,
            secret,
            int(time.time()),
            counted.attributes(gigawords=True) if evening.step else b"",
            TerminateCause.USER_REQUEST if is_last else None,
        )

    def _send(self, by: _Socket, identifier: int, evening: _Evening) -> None:
        evening.sends += 1
        port = self._server.auth_port if evening.step < 0 else self._server.acct_port
        by.socket.sendto(evening.octets, (self._server.address, port))
        until = time.monotonic() + self._server.timeout
        self._timeouts.append((until, by, identifier, evening, evening.step))

    def _drain(self, by: _Socket) -> None:
        for _ in range(256):
            try:
                octets = by.socket.recv(4096)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            self._receive(by, octets)

    def _receive(self, by: _Socket, octets: bytes) -> None:
        try:
            reply = decode(octets)
        except WireError:
            return
        evening = by.asked.get(reply.identifier)
        if evening is None or not is_reply_to(reply, evening.octets, self._server.secret):
            return
        if evening.step < 0 and MESSAGE_AUTHENTICATOR not in reply.values:
            return
        del by.asked[reply.identifier]
        self.figures.answered += 1
        kind = "login" if evening.step < 0 else "accounting"
        self.figures.latencies[kind].append(time.monotonic() - evening.first_sent)
        self._go_on(by, evening, reply.code, reply.values.get(Attribute.CLASS))

    def _go_on(self, by: _Socket, evening: _Evening, code: int, class_: bytes | None) -> None:
        if evening.step < 0:
            self.figures.accepts += code == Code.ACCESS_ACCEPT
            self.figures.rejects += code != Code.ACCESS_ACCEPT
            line = evening.line
            evening.line = Line(
                number=line.number, user_name=line.user_name, mac=line.mac, address=line.address, class_=class_
            )
        if code == Code.ACCESS_REJECT or evening.step > self._load.interims:
            self._finish()
            return
        evening.step += 1
        self._ask(by, evening)

    def _finish(self) -> None:
        self._running -= 1
        self.figures.evenings += 1
        self._progress(self.figures.evenings)
        self._begin_more()

    def _resend(self) -> None:
        now = time.monotonic()
        while self._timeouts and self._timeouts[0][0] <= now:
            _, by, identifier, evening, step = self._timeouts.popleft()
            if by.asked.get(identifier) is not evening or evening.step != step:
                continue
            if evening.sends > _RESENDS:
                del by.asked[identifier]
                self.figures.lost += 1
                self._finish()
            else:
                self.figures.retransmits += 1
                self._send(by, identifier, evening)


def _router(number: int) -> Identity:
    return Identity(name=f"virtual-{number}", address=f"10.255.{number >> 8 & 255}.{number & 255}")


def summary(figures: Figures) -> dict[str, object]:
    """The figures as plain numbers, latencies in milliseconds."""
    numbers: dict[str, object] = {
        "requests": figures.requests,
        "answered": figures.answered,
        "accepts": figures.accepts,
        "rejects": figures.rejects,
        "retransmits": figures.retransmits,
        "lost": figures.lost,
        "evenings": figures.evenings,
        "wall_s": round(figures.wall, 3),
        "rps": round(figures.answered / figures.wall, 1) if figures.wall else 0.0,
    }
    every = sorted(figures.latencies["login"] + figures.latencies["accounting"])
    numbers["lat_ms"] = _percentiles(every)
    for kind, found in figures.latencies.items():
        numbers[f"{kind}_lat_ms"] = _percentiles(sorted(found))
    return numbers


def _percentiles(ordered: list[float]) -> dict[str, float]:
    if not ordered:
        return {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}
    last = len(ordered) - 1
    picked = {f"p{percent}": ordered[last * percent // 100] for percent in (50, 90, 99)}
    return {name: round(value * 1000, 3) for name, value in {**picked, "max": ordered[-1]}.items()}
