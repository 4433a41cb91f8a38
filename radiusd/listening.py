"""The ports of one server: opened by itself, or given by a parent that keeps them open when this process is gone."""

import errno
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall

from radiusd.config import Address
from radiusd.server.datagrams import PORT, ManyPort

RECEIVE_BUFFER = 4 << 20
"""Octets that wait for a busy server."""
BACKLOG = 50
"""Connections that wait to be taken."""
_LARGEST_DATAGRAM = 8192
_MOST_ROUNDS = 32
DRAINS_WITHIN = 5.0
_LOOKS_EVERY = 0.02


class Listening:
    """Everything that is listened at. `given` are descriptors by name; what is not among them is not served here."""

    def __init__(self, reactor: Any, given: Mapping[str, int] | None = None) -> None:
        self._reactor = reactor
        self._given = given
        self._udp: list[Any] = []
        self._tcp: list[IListeningPort] = []

    def udp(self, name: str, address: Address, protocol: DatagramProtocol) -> None:
        """Listen for datagrams. Raises CannotListenError."""
        if self._given is None:
            port = PORT(address.port, protocol, address.host, _LARGEST_DATAGRAM, self._reactor)
            port.startListening()
            port.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        elif name in self._given:
            given = self._given[name]
            port = PORT._fromListeningDescriptor(self._reactor, given, _family(address), protocol, _LARGEST_DATAGRAM)
            port.startListening()
        else:
            return
        self._udp.append(port)

    def tcp(self, name: str, address: Address, factory: Any) -> None:
        """Listen for connections. Raises CannotListenError."""
        if self._given is None:
            port = self._reactor.listenTCP(address.port, factory, BACKLOG, address.host)
        elif name in self._given:
            port = self._reactor.adoptStreamPort(self._given[name], _family(address), factory)
        else:
            return
        self._tcp.append(port)

    @contextmanager
    def sending_together(self) -> Iterator[None]:
        """Whatever is answered meanwhile is sent at the end, all of it together."""
        with ExitStack() as ports:
            for port in self._udp:
                if isinstance(port, ManyPort):
                    ports.enter_context(port.sending_together())
            yield

    def stop_taking(self) -> None:
        """Take what has arrived, and nothing more; what was taken can still be answered."""
        for port in self._udp:
            port.stopReading()
            _take_the_rest(port)
        for port in self._tcp:
            maybeDeferred(port.stopListening)
        self._tcp = []

    def close(self) -> "Deferred[Any]":
        """Close what is still open."""
        ports, self._udp, self._tcp = [*self._udp, *self._tcp], [], []
        return DeferredList([maybeDeferred(port.stopListening) for port in ports])


def why_not(where: str, error: OSError) -> str:
    """In words, why nobody can listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        advice = "is another RADIUS server running? Choose another port in the configuration"
    elif may_come(error):
        advice = "this machine does not have that address, or not yet: is its interface up, is the tunnel?"
    else:
        advice = "choose another address or port in the configuration"
    return f"cannot listen at {where}: {error.strerror}; {advice}"


def may_come(error: OSError) -> bool:
    """Whether it may be possible a moment later, without anybody's help."""
    return error.errno == errno.EADDRNOTAVAIL


def drained(is_idle: Callable[[], bool], clock: IReactorTime) -> "Deferred[None]":
    """Fires once nothing is in work any more, or has been for too long: whoever asked will ask again."""
    until = clock.seconds() + DRAINS_WITHIN
    loop = LoopingCall(lambda: loop.stop() if is_idle() or clock.seconds() >= until else None)
    loop.clock = clock
    done: Deferred[None] = loop.start(_LOOKS_EVERY).addCallback(lambda _: None)
    return done


def _take_the_rest(port: Any) -> None:
    """Closing throws away what is queued. Where others still send, somebody else has taken over by then, or nobody."""
    poll = select.poll()
    poll.register(port.fileno(), select.POLLIN)
    for _ in range(_MOST_ROUNDS):
        if not poll.poll(0):
            return
        port.doRead()


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address.host else socket.AF_INET
