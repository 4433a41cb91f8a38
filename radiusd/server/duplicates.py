"""Replies already given, to be given again (RFC 5080 §2.2.2)."""

from collections import deque
from enum import Enum
from struct import Struct

from policy.quantities import Instant

KEPT = 10_000
MOST = 200_000

Key = bytes
_NOTED = Struct("!Qqq")
"""What is noted of a request, and its reply after that: its number, when it came, and the hash of its octets."""


class InWork(Enum):
    """A request that is still being decided."""

    YES = "in work"


class Duplicates:
    """What became of the requests of the last ten seconds.

    A request is known by source address and port, Identifier and Request Authenticator, and must be the same octets.
    On a busy evening there are many, so each is two strings of octets: its key, and what is noted of it.
    """

    def __init__(self) -> None:
        self._known: dict[Key, bytes] = {}
        self._in_turn: deque[Key] = deque()
        """The keys as they came; one that was forgotten, or came again, is still where it was first."""
        self._first = 0
        """The number of the first of these; they are numbered in turn."""

    @staticmethod
    def key(datagram: bytes, source: tuple[str, int]) -> Key:
        """What a request is known by: its Identifier, Length and Request Authenticator, and where it came from."""
        return datagram[1:20] + source[1].to_bytes(2) + source[0].encode()

    @property
    def in_work(self) -> int:
        """How many requests are still being decided."""
        return sum(len(noted) == _NOTED.size for noted in self._known.values())

    def find(self, key: Key, datagram: bytes) -> bytes | InWork | None:
        """The reply to these very octets, InWork while there is none yet, None if they are new."""
        noted = self._known.get(key)
        if noted is None or _NOTED.unpack_from(noted)[2] != hash(datagram):
            return None
        return noted[_NOTED.size :] or InWork.YES

    def begin(self, key: Key, datagram: bytes, at: Instant) -> None:
        """The request is in work; what is too old is forgotten."""
        self._forget_old(at)
        self._known[key] = _NOTED.pack(self._first + len(self._in_turn), at, hash(datagram))
        self._in_turn.append(key)

    def _forget_old(self, at: Instant) -> None:
        known, in_turn = self._known, self._in_turn
        while in_turn:
            noted = known.get(in_turn[0])
            if noted is not None:
                number, came_at, _ = _NOTED.unpack_from(noted)
                if number == self._first:
                    if at - came_at <= KEPT and len(known) < MOST:
                        return
                    del known[in_turn[0]]
            in_turn.popleft()
            self._first += 1

    def finish(self, key: Key, reply: bytes) -> None:
        """The request got this reply."""
        noted = self._known.get(key)
        if noted is not None:
            self._known[key] = noted[: _NOTED.size] + reply

    def forget(self, key: Key) -> None:
        """There is no reply: should the NAS ask again, the request is new."""
        self._known.pop(key, None)
