"""Replies already given, to be given again (RFC 5080 §2.2.2)."""

from collections import OrderedDict
from enum import Enum

from policy.quantities import Instant

KEPT = 10_000
MOST = 200_000

Key = tuple[tuple[str, int], bytes, bytes]


class InWork(Enum):
    """A request that is still being decided."""

    YES = "in work"


class Duplicates:
    """What became of the requests of the last ten seconds.

    A request is known by source address and port, Identifier and Request Authenticator, and must be the same octets.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Key, tuple[Instant, int, bytes | InWork]] = OrderedDict()

    @staticmethod
    def key(datagram: bytes, source: tuple[str, int]) -> Key:
        """What a request is known by: its Identifier and Request Authenticator, and where it came from."""
        return source, datagram[1:2], datagram[4:20]

    @property
    def in_work(self) -> int:
        """How many requests are still being decided."""
        return sum(reply is InWork.YES for _, _, reply in self._known.values())

    def find(self, key: Key, datagram: bytes) -> bytes | InWork | None:
        """The reply to these very octets, InWork while there is none yet, None if they are new."""
        known = self._known.get(key)
        return None if known is None or known[1] != hash(datagram) else known[2]

    def begin(self, key: Key, datagram: bytes, at: Instant) -> None:
        """The request is in work; what is too old is forgotten."""
        known = self._known
        while known:
            oldest = next(iter(known.values()))
            if at - oldest[0] <= KEPT and len(known) < MOST:
                break
            known.popitem(last=False)
        known[key] = (at, hash(datagram), InWork.YES)
        known.move_to_end(key)

    def finish(self, key: Key, reply: bytes) -> None:
        """The request got this reply."""
        known = self._known.get(key)
        if known is not None:
            self._known[key] = (known[0], known[1], reply)

    def forget(self, key: Key) -> None:
        """There is no reply: should the NAS ask again, the request is new."""
        self._known.pop(key, None)
