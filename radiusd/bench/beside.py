"""RADIUS beside what is measured: so many requests a second, whatever the server does (an open loop).

A process of its own, so that its times are its own as well: `python -m radiusd.bench.beside`. It is told what to do by
a line of JSON, logs its guests in, says `ready`, and asks until its standard input ends; then it prints each request.
"""

import heapq
import json
import secrets
import selectors
import socket
import sys
import time
from collections.abc import Callable

import msgspec
from attrs import define, evolve, frozen

from radiusd.bench.guests import PASSWORD, SECRET, USER
from radiusd.virtual_router.packets import (
    Counters,
    Identity,
    Line,
    access_request,
    accounting_request,
    read_grant,
)
from radiusd.wire.codes import AcctStatusType, Code
from radiusd.wire.errors import WireError
from radiusd.wire.packet import Packet, decode
from radiusd.wire.replies import is_reply_to

_SOCKETS = 8
_AGAIN_AFTER, _MOST_SENDS = 1.0, 4
_IN_FLIGHT = 32
_STARTS_WITHIN = 60.0
_IDENTITY = Identity(name="beside")
_KEY = SECRET.encode()
_NUMBER = 0x80200000


@frozen(kw_only=True)
class Wish:
    """What to ask: `rate` requests a second, of the first `users` guests, each logged in once before."""

    auth_port: int
    acct_port: int
    users: int
    rate: float


@define
class _Asked:
    """A request under way; `done` gets its reply, None without one."""

    octets: bytes
    port: int
    done: Callable[[Packet | None], None]
    first_sent: float = 0.0
    sends: int = 0
    is_over: bool = False


class Asker:
    """Sends requests from a few sockets, again after a second, and finds the request to a reply."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._sockets = [_open(selector) for _ in range(_SOCKETS)]
        self._asked: list[dict[int, _Asked]] = [{} for _ in self._sockets]
        self._next = 0
        self._due: list[tuple[float, int, int, _Asked]] = []
        self._count = 0

    def ask(self, port: int, make: Callable[[int], bytes], done: Callable[[Packet | None], None]) -> bool:
        """Send what `make` builds for an Identifier; False when all Identifiers are in flight."""
        for _ in range(_SOCKETS * 256):
            self._next += 1
            index, identifier = self._next % _SOCKETS, self._next // _SOCKETS % 256
            if identifier not in self._asked[index]:
                asked = _Asked(make(identifier), port, done)
                self._asked[index][identifier] = asked
                asked.first_sent = time.time()
                self._send(index, identifier, asked)
                return True
        return False

    def _send(self, index: int, identifier: int, asked: _Asked) -> None:
        asked.sends += 1
        self._sockets[index].sendto(asked.octets, ("127.0.0.1", asked.port))
        self._count += 1
        heapq.heappush(self._due, (time.time() + _AGAIN_AFTER, self._count, index << 8 | identifier, asked))

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is still to come."""
        return any(self._asked)

    def send_again(self) -> None:
        """What was not answered within a second, or give it up."""
        now = time.time()
        while self._due and self._due[0][0] <= now:
            _, _, place, asked = heapq.heappop(self._due)
            if asked.is_over:
                continue
            if asked.sends < _MOST_SENDS:
                self._send(place >> 8, place & 0xFF, asked)
            else:
                self._end(place >> 8, place & 0xFF, asked, None)

    def _end(self, index: int, identifier: int, asked: _Asked, reply: Packet | None) -> None:
        asked.is_over = True
        del self._asked[index][identifier]
        asked.done(reply)

    def receive(self, ready: socket.socket) -> None:
        """All replies that lie at one of the sockets."""
        index = self._sockets.index(ready)
        while True:
            try:
                octets = ready.recv(4096)
            except OSError:  # nothing more, or nobody there just now
                return
            asked = self._asked[index].get(octets[1]) if len(octets) > 1 else None
            try:
                reply = decode(octets)
            except WireError:
                continue
            if asked is not None and is_reply_to(reply, asked.octets, _KEY):
                self._end(index, octets[1], asked, reply)


def _open(selector: selectors.BaseSelector) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    selector.register(made, selectors.EVENT_READ)
    return made


class Beside:
    """Logs guests in, then asks at a steady rate until its standard input ends; each sample is (sent, ms, is right)."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._selector = selectors.DefaultSelector()
        self._asker = Asker(self._selector)
        self._lines: list[Line] = []
        self._number = _NUMBER
        self._turn = 0
        self._is_over = False
        self.samples: list[tuple[float, float | None, bool]] = []

    def come_online(self) -> None:
        """Every guest logs in and begins; raises TimeoutError."""
        waiting = list(range(self._wish.users))
        in_flight = 0
        until = time.time() + _STARTS_WITHIN

        def began(_: Packet | None) -> None:
            nonlocal in_flight
            in_flight -= 1

        def let_in(line: Line) -> Callable[[Packet | None], None]:
            def done(reply: Packet | None) -> None:
                if reply is None or reply.code != Code.ACCESS_ACCEPT:
                    raise PermissionError(f"{line.user_name} was not let in")
                known = evolve(line, class_=read_grant(reply).class_)
                self._lines.append(known)
                self._report(known, AcctStatusType.START, began)

            return done

        while waiting or in_flight:
            while waiting and in_flight < _IN_FLIGHT:
                in_flight += 1
                self._log_in(waiting[-1], let_in)
                waiting.pop()
            self._wait(0.05)
            if time.time() > until:
                raise TimeoutError(f"the guests beside were not online within {_STARTS_WITHIN:.0f} s")

    def _log_in(self, number: int, then: Callable[[Line], Callable[[Packet | None], None]]) -> bool:
        self._number += 1
        line = Line(
            number=self._number,
            user_name=USER % number,
            mac=":".join(f"{each:02X}" for each in (0x02, 0x20, *number.to_bytes(4))),
            address=f"10.200.{number // 250}.{number % 250 + 1}",
        )
        authenticator = secrets.token_bytes(16)
        password = (PASSWORD % number).encode()

        def make(identifier: int) -> bytes:
            return access_request(identifier, authenticator, line, _IDENTITY, password, _KEY, chap=False)

        return self._asker.ask(self._wish.auth_port, make, then(line))

    def _report(self, line: Line, status: AcctStatusType, then: Callable[[Packet | None], None]) -> bool:
        now = time.time()
        seconds = int(now) % 10_000_000
        counted = Counters(octets_in=seconds * 1000, octets_out=seconds * 9000, seconds=self._turn // 100)

        def make(identifier: int) -> bytes:
            told = b"" if status is AcctStatusType.START else counted.attributes(gigawords=True)
            return accounting_request(identifier, status, line, _IDENTITY, _KEY, int(now), told)

        return self._asker.ask(self._wish.acct_port, make, then)

    def ask_on(self) -> None:
        """Until standard input ends, and what is under way then."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        began, count = time.time(), 0
        while not self._is_over:
            due = began + count / self._wish.rate
            now = time.time()
            if due <= now:
                self._ask_one()
                count += 1
            else:
                self._wait(min(due - now, 0.05))
        until = time.time() + 1
        while self._asker.is_waiting and time.time() < until:
            self._wait(0.02)

    def _ask_one(self) -> None:
        """A login of a known device, and an interim of another, in turn."""
        self._turn += 1
        position = self._turn // 2 % len(self._lines)
        sent = time.time()
        index = len(self.samples)
        self.samples.append((sent, None, False))

        def answered(reply: Packet | None) -> None:
            if reply is not None:
                is_right = reply.code in (Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE)
                self.samples[index] = (sent, (time.time() - sent) * 1000, is_right)

        if self._turn % 2:
            self._log_in(position, lambda _: answered)
        else:
            self._report(self._lines[position], AcctStatusType.INTERIM_UPDATE, answered)

    def _wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if isinstance(key.fileobj, socket.socket):
                self._asker.receive(key.fileobj)
            else:
                self._is_over = True
        self._asker.send_again()


def main() -> None:
    """Be the process."""
    beside = Beside(msgspec.json.decode(sys.stdin.readline(), type=Wish))
    try:
        beside.come_online()
    except (TimeoutError, PermissionError) as error:
        sys.exit(f"beside: {error}")
    print("ready", flush=True)
    beside.ask_on()
    print(json.dumps(beside.samples))


if __name__ == "__main__":
    main()
