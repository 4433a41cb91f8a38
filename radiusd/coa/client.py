"""Runs exchanges over UDP."""

from collections.abc import Callable
from random import Random
from typing import Any

from pyrad.dictionary import Dictionary
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from policy.quantities import Instant
from radiusd.coa.exchange import FOR_A_CAFE, Datagram, Line, Timing
from radiusd.coa.orders import Answer, Order, Target
from radiusd.coa.steady import steady_time

_log = Logger()
_IDLE = 300.0


class _Socket(DatagramProtocol):
    """One UDP socket of a line; `received` gets what comes from the NAS's address and port, and from nobody else."""

    noisy = False

    def __init__(self, target: Target, received: Callable[[bytes], None], count: Callable[[str], None]) -> None:
        self._target = target
        self._received = received
        self._count = count

    def datagramReceived(self, octets: bytes, source: tuple[str, int]) -> None:
        """Pass on what the NAS sends."""
        if (source[0], source[1]) != (self._target.address, self._target.port):
            self._count("coa_answer_wrong_source")
            return
        self._received(octets)

    def send(self, octets: bytes) -> None:
        """Send; what cannot be sent is as good as lost on the way."""
        if self.transport is not None:
            try:
                self.transport.write(octets, (self._target.address, self._target.port))
            except OSError as error:
                self._count("coa_send_failed")
                _log.debug("cannot send to {address}: {error}", address=self._target.address, error=error.strerror)


class DynamicAuthorizationClient:
    """Asks NASes to disconnect sessions, or to change them. `count` gets a short reason for what is dropped."""

    def __init__(
        self,
        reactor: Any,
        dictionary: Dictionary,
        now: Callable[[], Instant],
        random: Random,
        count: Callable[[str], None],
        interface: str = "",
        timing: Timing = FOR_A_CAFE,
    ) -> None:
        self._reactor = reactor
        self._dictionary = dictionary
        self._now = now
        self._steady = steady_time(reactor)
        self._random = random
        self._count = count
        self._interface = interface
        self._timing = timing
        self._lines: dict[Target, Line] = {}
        self._sockets: dict[tuple[Target, int], Any] = {}
        self._troubles: dict[str, str] = {}
        self._waiting: dict[int, Deferred[Answer]] = {}
        self._timers: dict[Target, IDelayedCall] = {}

    def request(self, order: Order) -> "Deferred[Answer]":
        """What comes of it. The first datagram is on the wire on return, unless 20 are in flight at that NAS."""
        answered: Deferred[Answer] = Deferred()
        self._waiting[order.key] = answered
        line = self._lines.get(order.target)
        if line is None:
            line = Line(order.target, self._dictionary, self._random, self._timing, self._now)
            self._lines[order.target] = line
        at = self._steady()
        line.begin(order, at)
        self._go_on(line, at)
        return answered

    def forget(self, order: Order) -> None:
        """Ask for `order` no more; its Deferred never fires."""
        if self._waiting.pop(order.key, None) is not None:
            line, at = self._lines[order.target], self._steady()
            line.forget(order, at)
            self._go_on(line, at)

    def _go_on(self, line: Line, at: Instant) -> None:
        """Send what is due, and wake when something is again."""
        for datagram in line.due(at):
            self._send(line, datagram)
        for number in line.done_with(at):
            self._close(line.target, number)
        timer = self._timers.pop(line.target, None)
        if timer is not None and timer.active():
            timer.cancel()
        next_at = line.next_at()
        delay = _IDLE if next_at is None else max(0, next_at - at) / 1000
        self._timers[line.target] = self._reactor.callLater(delay, self._wake, line)

    def _wake(self, line: Line) -> None:
        if line.is_idle:
            self._forget(line)
            return
        at = self._steady()
        for orders, answer in tuple(line.give_up(at)):
            self._settle(orders, answer)
        self._go_on(line, at)

    def _received(self, line: Line, socket: int, octets: bytes) -> None:
        at = self._steady()
        result = line.receive(socket, octets, at)
        if isinstance(result, str):
            self._count(f"coa_answer_{result}")
            return
        self._settle(*result)
        for orders, answer in tuple(line.give_up(at)):
            self._settle(orders, answer)
        self._go_on(line, at)

    def _settle(self, orders: list[Order], answer: Answer) -> None:
        for order in orders:
            waiting = self._waiting.pop(order.key, None)
            if waiting is not None:
                waiting.callback(answer)

    def _send(self, line: Line, datagram: Datagram) -> None:
        """Send; what there is no socket for is as good as lost on the way, too."""
        interface = self._from(line.target)
        try:
            socket = self._socket(line, datagram.socket, interface)
        except CannotListenError as error:
            self._count("coa_send_failed")
            self._tell(interface, error.socketError.strerror)
        else:
            socket.send(datagram.octets)

    def _socket(self, line: Line, number: int, interface: str) -> _Socket:
        port = self._sockets.get((line.target, number))
        if port is None:
            protocol = _Socket(line.target, lambda octets: self._received(line, number, octets), self._count)
            port = self._sockets[line.target, number] = self._reactor.listenUDP(0, protocol, interface)
            if self._troubles.pop(interface, None) is not None:
                _log.info("orders are sent from {interface} again", interface=interface or "*")
        protocol = port.protocol
        assert isinstance(protocol, _Socket)  # noqa: S101 - made just above
        return protocol

    def _tell(self, interface: str, why: str) -> None:
        """Once for each cause: it is tried again for every order, and several times."""
        if self._troubles.get(interface) != why:
            self._troubles[interface] = why
            _log.error(
                "orders to routers cannot be sent from {interface}: {why}; they are tried again",
                interface=interface or "*",
                why=why,
            )

    def _from(self, target: Target) -> str:
        """The address to send from; any of the right family when the configured one cannot reach the NAS."""
        is_ipv6 = ":" in target.address
        if is_ipv6 == (":" in self._interface):
            return self._interface
        return "::" if is_ipv6 else ""

    def _forget(self, line: Line) -> None:
        """Nothing was asked for five minutes: its Identifiers have rested, and its sockets may go."""
        self._lines.pop(line.target, None)
        self._timers.pop(line.target, None)
        for target, number in tuple(self._sockets):
            if target == line.target:
                self._close(target, number)

    def _close(self, target: Target, number: int) -> None:
        port = self._sockets.pop((target, number), None)
        if port is not None:  # else it could never be opened
            port.stopListening()

    def close(self) -> None:
        """Ask no more; what is not answered stays stored and is asked again later."""
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._timers.clear()
        for line in tuple(self._lines.values()):
            self._forget(line)
