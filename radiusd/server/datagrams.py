"""Many datagrams with one call: recvmmsg and sendmmsg of Linux, behind the port of a Twisted DatagramProtocol.

A call of its own for each datagram costs more than deciding about it. Received is what has come, up to a batch; sent is
what was answered since the reactor last had its turn. The kernel notes when each datagram came, however long it waited
to be taken.
"""

import ctypes
import errno
import os
import socket
import struct
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet import udp
from twisted.internet.interfaces import IDelayedCall

AT_ONCE = 64
_ROUNDS = 4
"""Batches taken in one turn of the reactor, so that others have theirs."""
_LARGEST = 4096 + 4
"""Octets kept of a datagram: more than any RADIUS packet has, so that a longer one is seen to be."""
_NAME = 28  # struct sockaddr_in6
_MESSAGE = 64  # struct mmsghdr, where a pointer has 8 octets
_NAME_LENGTH, _CONTROL_LENGTH, _LENGTH = 8, 40, 56
_CONTROL = 32  # struct cmsghdr, and a struct timespec in it
_TIMESTAMPS = 35  # SO_TIMESTAMPNS, and the kind of control message that it asks for
_STAMP = struct.Struct("=QiiqQ")
_INET = struct.Struct("=H2s4s")
_INET6 = struct.Struct("=H2s4s16sI")
_MOST_NAMES = 10_000
_NAMES_ROOM = array("I", [_NAME] * AT_ONCE)
_CONTROLS_ROOM = array("I", [_CONTROL] * AT_ONCE)

Source = tuple[str, int]


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(_Vector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_uint),
    )


# Neither call waits, and so neither lets go of the interpreter.
_library = ctypes.PyDLL(None, use_errno=True)
_receive: Any = getattr(_library, "recvmmsg", None)
_send: Any = getattr(_library, "sendmmsg", None)
_IS_KNOWN = _receive is not None and _send is not None and ctypes.sizeof(_Header) == _MESSAGE
"""Whether this system has both calls, and lays out their structures as is written here."""


class _Batch:
    """Room for a batch of datagrams and the addresses at their other end."""

    def __init__(self, *, takes_times: bool) -> None:
        self.octets = bytearray(AT_ONCE * _LARGEST)
        self.names = bytearray(AT_ONCE * _NAME)
        self._octets_view, self._names_view = memoryview(self.octets), memoryview(self.names)
        self.controls = bytearray(AT_ONCE * _CONTROL)
        vectors = bytearray(AT_ONCE * ctypes.sizeof(_Vector))
        headers = bytearray(AT_ONCE * _MESSAGE)
        self._vectors = (_Vector * AT_ONCE).from_buffer(vectors)
        self.headers = (_Header * AT_ONCE).from_buffer(headers)
        octets_at = ctypes.addressof((ctypes.c_char * len(self.octets)).from_buffer(self.octets))
        names_at = ctypes.addressof((ctypes.c_char * len(self.names)).from_buffer(self.names))
        controls_at = ctypes.addressof((ctypes.c_char * len(self.controls)).from_buffer(self.controls))
        for number in range(AT_ONCE):
            self._vectors[number] = _Vector(octets_at + number * _LARGEST, _LARGEST)
            header = self.headers[number]
            header.name, header.name_length = names_at + number * _NAME, _NAME
            header.vectors, header.count = ctypes.pointer(self._vectors[number]), 1
            if takes_times:
                header.control, header.control_length = controls_at + number * _CONTROL, _CONTROL
        # The numbers in the headers as arrays, one place for each message: cheaper than field by field.
        numbers = memoryview(headers).cast("I")
        self._name_lengths = numbers[_NAME_LENGTH // 4 :: _MESSAGE // 4]
        self._control_lengths = numbers[_CONTROL_LENGTH // 4 :: _MESSAGE // 4]
        self._datagram_lengths = numbers[_LENGTH // 4 :: _MESSAGE // 4]
        self._room = memoryview(vectors).cast("Q")[1::2]

    def received(self, count: int) -> list[tuple[bytes, bytes]]:
        """The first `count` datagrams, each with the sockaddr it came from; there is room for the next."""
        datagrams, names = self._datagram_lengths[:count].tolist(), self._name_lengths[:count].tolist()
        # The kernel wrote how much it needed.
        self._name_lengths[:] = _NAMES_ROOM
        self._control_lengths[:] = _CONTROLS_ROOM
        octets, addresses = self._octets_view, self._names_view
        return [
            (bytes(octets[at * _LARGEST : at * _LARGEST + size]), bytes(addresses[at * _NAME : at * _NAME + length]))
            for at, (size, length) in enumerate(zip(datagrams, names, strict=True))
        ]

    def came_at(self, number: int) -> int | None:
        """When it came, in milliseconds since 1970; None if the kernel did not tell."""
        length, _, kind, seconds, nanoseconds = _STAMP.unpack_from(self.controls, number * _CONTROL)
        return seconds * 1_000 + nanoseconds // 1_000_000 if (length, kind) == (_CONTROL, _TIMESTAMPS) else None

    def fill(self, datagrams: list[tuple[bytes, bytes]]) -> None:
        """What is to be sent, and where: at most AT_ONCE of them."""
        octets, addresses = self._octets_view, self._names_view
        for at, (datagram, name) in enumerate(datagrams):
            octets[at * _LARGEST : at * _LARGEST + len(datagram)] = datagram
            addresses[at * _NAME : at * _NAME + len(name)] = name
        count = len(datagrams)
        self._room[:count] = array("Q", [len(datagram) for datagram, _ in datagrams])
        self._name_lengths[:count] = array("I", [len(name) for _, name in datagrams])


def _nobody_hears(source: Source, error: OSError) -> None:
    pass


class ManyPort(udp.Port):
    """A UDP port that takes and gives datagrams in batches. `not_sent` hears of what could not be sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.not_sent: Callable[[Source, OSError], None] = _nobody_hears
        self._received = _Batch(takes_times=True)
        self._sending = _Batch(takes_times=False)
        self._taken = 0
        self._waiting: list[tuple[bytes, Source]] = []
        self._sources: dict[bytes, Source] = {}
        self._names: dict[Source, bytes] = {}
        self._flushing: IDelayedCall | None = None
        self._sends_later = False

    def startListening(self) -> None:
        """Open the socket."""
        super().startListening()  # type: ignore[no-untyped-call]
        reactor: Any = self.reactor
        self._later = reactor.callLater
        self._descriptor: int = self.socket.fileno()
        self.socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)

    def doRead(self) -> None:
        """Take what has come, and send what is answered at once."""
        with self.sending_together():
            self._read()

    @contextmanager
    def sending_together(self) -> Iterator[None]:
        """Whatever is written meanwhile is sent at the end, all of it together."""
        self._sends_later = True
        try:
            yield
        finally:
            self._sends_later = False
            self.flush()

    def _read(self) -> None:
        receive, sources = self.protocol.datagramReceived, self._sources
        for _ in range(_ROUNDS):
            count = _receive(self._descriptor, self._received.headers, AT_ONCE, socket.MSG_DONTWAIT, None)
            if count <= 0:
                break
            for number, (datagram, name) in enumerate(self._received.received(count)):
                self._taken = number
                receive(datagram, sources.get(name) or self._source(name))
            if count < AT_ONCE:
                break

    def came_at(self) -> int | None:
        """When the datagram came that the protocol has just been given, in milliseconds since 1970; None if unknown."""
        return self._received.came_at(self._taken)

    def write(self, datagram: bytes, addr: Source | None = None) -> None:
        """Send when the reactor has its next turn, or `sending_together` ends, with all that is written until then."""
        assert addr is not None  # noqa: S101 - the port is connected to nobody
        self._waiting.append((datagram, addr))
        if self._flushing is None and not self._sends_later:
            self._flushing = self._later(0, self._flush_later)

    def _flush_later(self) -> None:
        self._flushing = None
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), AT_ONCE):
            self._send(waiting[first : first + AT_ONCE])

    def _send(self, batch: list[tuple[bytes, Source]]) -> None:
        names = self._names
        while batch:
            self._sending.fill([(datagram, names.get(source) or self._name(source)) for datagram, source in batch])
            sent = _send(self._descriptor, self._sending.headers, len(batch), 0)
            if sent > 0:
                batch = batch[sent:]
                continue
            number = ctypes.get_errno()
            if number not in (errno.EINTR, errno.ECONNREFUSED):
                # The network is full or gone; whoever asked will ask again. ECONNREFUSED is about an earlier one.
                self.not_sent(batch[0][1], OSError(number, os.strerror(number)))
                batch = batch[1:]

    def _source(self, name: bytes) -> Source:
        if len(self._sources) >= _MOST_NAMES:
            self._sources.clear()
        source = self._sources[name] = _source_of(name)
        return source

    def _name(self, source: Source) -> bytes:
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        name = self._names[source] = _name_of(source)
        return name

    def connectionLost(self, reason: Any = None) -> None:
        """Send what waits, and close."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        self.flush()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


def _source_of(name: bytes) -> Source:
    if len(name) >= _INET6.size:
        _, port, _, address, _ = _INET6.unpack_from(name)
        return socket.inet_ntop(socket.AF_INET6, address), int.from_bytes(port)
    _, port, address = _INET.unpack_from(name)
    return socket.inet_ntop(socket.AF_INET, address), int.from_bytes(port)


def _name_of(source: Source) -> bytes:
    host, port = source
    if ":" in host:
        address = socket.inet_pton(socket.AF_INET6, host)
        return _INET6.pack(socket.AF_INET6, port.to_bytes(2), bytes(4), address, 0)
    return _INET.pack(socket.AF_INET, port.to_bytes(2), socket.inet_pton(socket.AF_INET, host)) + bytes(8)


PORT: type[udp.Port] = ManyPort if _IS_KNOWN else udp.Port
"""The port to use on this system."""
