"""Routers that report without a pause: each sends, waits as RouterOS does, sends again, and counts what that took."""

import hashlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Self

from attrs import define

from tests.end_to_end.cafe import SECRET

_PATIENCE = 0.3
_TRIES = 4
_INTERIM, _ACCOUNTING_REQUEST, _ACCOUNTING_RESPONSE = 3, 4, 5


@define
class Sender:
    """One source port with one session."""

    socket: socket.socket
    datagrams: Iterator[bytes]
    sent: bytes = b""
    answer: bytes = b""
    sent_at: float = 0.0
    tries: int = 0


@define
class Told:
    """What became of the requests."""

    answered: int = 0
    retried: int = 0
    lost: int = 0
    slowest: float = 0.0


class Fleet:
    """`size` source ports that send Interim-Updates to one port."""

    def __init__(self, port: int, size: int) -> None:
        self._senders = [_sender(port, number) for number in range(size)]
        self.told = Told()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._senders:
            each.socket.close()

    def run(self, is_over: Callable[[], bool], within: float = 60.0) -> Told:
        """Report until `is_over`, and until what is on its way then is answered or lost."""
        by_socket = {each.socket: each for each in self._senders}
        until = time.monotonic() + within
        active = set(by_socket)
        for each in self._senders:
            _send_next(each)
        while active:
            ready, _, _ = select.select(list(active), [], [], 0.02)
            must_end = is_over() or time.monotonic() > until
            for each in ready:
                self._answered(by_socket[each])
                if must_end:
                    active.discard(each)
                else:
                    _send_next(by_socket[each])
            for each in [each for each in active if self._gives_up(by_socket[each])]:
                active.discard(each)
        assert time.monotonic() < until + 5, "it did not end in time"
        return self.told

    def repeat(self) -> list[bool]:
        """Send the last request of each once more: whether the octets that come back are those of the first answer."""
        for each in self._senders:
            each.socket.settimeout(5)
            each.socket.send(each.sent)
        return [each.socket.recv(4096) == each.answer for each in self._senders]

    def send_to_all(self) -> None:
        """One request from each port."""
        for each in self._senders:
            _send_next(each)

    def answers(self) -> int:
        """How many of them are answered by now."""
        ready, _, _ = select.select([each.socket for each in self._senders], [], [], 0)
        return len(ready)

    @staticmethod
    def a_request() -> bytes:
        """Some Interim-Update."""
        return next(_interims("80fffff"))

    def _answered(self, sender: Sender) -> None:
        reply = sender.socket.recv(4096)
        assert reply[0] == _ACCOUNTING_RESPONSE
        if reply[1] != sender.sent[1]:
            return  # a second answer to what was sent twice
        sender.answer = reply
        self.told.answered += 1
        self.told.slowest = max(self.told.slowest, time.monotonic() - sender.sent_at)

    def _gives_up(self, sender: Sender) -> bool:
        if time.monotonic() - sender.sent_at < sender.tries * _PATIENCE:
            return False
        if sender.tries == _TRIES:
            self.told.lost += 1
            return True
        self.told.retried += 1
        sender.tries += 1
        sender.socket.send(sender.sent)
        return False


def _sender(port: int, number: int) -> Sender:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(("127.0.0.1", port))
    return Sender(made, _interims(f"80f{number:05x}"))


def _send_next(sender: Sender) -> None:
    sender.sent, sender.sent_at, sender.tries = next(sender.datagrams), time.monotonic(), 1
    sender.socket.send(sender.sent)


def _interims(session: str) -> Iterator[bytes]:
    """Reports of one session, each with a second and an octet more."""
    for number in count(1):
        attributes = _attribute(40, struct.pack("!I", _INTERIM))
        attributes += _attribute(44, session.encode()) + _attribute(32, b"r1") + _attribute(1, b"nobody")
        attributes += _attribute(46, struct.pack("!I", number)) + _attribute(42, struct.pack("!I", number))
        head = struct.pack("!BBH", _ACCOUNTING_REQUEST, number % 256, 20 + len(attributes))
        signed = hashlib.md5(head + bytes(16) + attributes + SECRET.encode(), usedforsecurity=False).digest()
        yield head + signed + attributes


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value
