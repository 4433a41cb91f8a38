"""What accounting must come to, reckoned without the product: the greatest counters of each line that were reported.

A record that a router got an answer to must be in the store, and what is in the store must have reached a server. So
what the store has of a line lies between the greatest acknowledged report and the greatest that arrived; and once all
is acknowledged it is that one, to the octet. Counted twice, or lost, it cannot be.
"""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from attrs import define

from radiusd.virtual_router.packets import Counters

Key = tuple[int, str, int]
"""A router's id, an Acct-Session-Id, and how often the router had started, for it names lines anew each time."""
_SECONDS_OFF = 5


@define(eq=False)
class Record:
    """One report of a router."""

    key: Key
    counters: Counters
    is_acknowledged: bool = False
    has_arrived: bool = False


class Ledger:
    """Every report of a world."""

    def __init__(self) -> None:
        self._records: defaultdict[tuple[int, str], list[Record]] = defaultdict(list)
        self._carried: dict[bytes, Record] = {}

    def record(self, key: Key, counters: Counters) -> Record:
        """A router has something to report."""
        record = Record(key, counters)
        self._records[key[:2]].append(record)
        return record

    def carries(self, octets: bytes, record: Record) -> None:
        """This datagram carries the report."""
        self._carried[_name(octets)] = record

    def arrived(self, octets: bytes) -> None:
        """A datagram came to a server that runs."""
        record = self._carried.get(_name(octets))
        if record is not None:
            record.has_arrived = True

    def acknowledged(self, record: Record) -> None:
        """The router got the answer to it."""
        record.is_acknowledged = True

    def wrong(self, stored: dict[tuple[int, str], tuple[int, int, int]]) -> Iterator[str]:
        """What does not agree with `stored`: octets up and down and seconds of each router and Acct-Session-Id."""
        for name, records in self._records.items():
            least, most = _sum(records, "is_acknowledged"), _sum(records, "has_arrived")
            has = stored.get(name, (0, 0, 0))
            # A time is not believed beyond what passed on the wall, which for a late report is known to a few seconds.
            least = (*least[:2], max(0, least[2] - _SECONDS_OFF))
            if not all(low <= value <= high for low, value, high in zip(least, has, most, strict=True)):
                yield f"line {name[1]} of router {name[0]}: {has} is stored, {least} acknowledged, {most} arrived"


def _sum(records: list[Record], which: str) -> tuple[int, int, int]:
    """The greatest counters of each line, added up over the lines of one name."""
    greatest: dict[Any, tuple[int, int, int]] = {}
    for each in records:
        if getattr(each, which):
            now = each.counters
            up, down, seconds = greatest.get(each.key, (0, 0, 0))
            greatest[each.key] = (max(up, now.octets_in), max(down, now.octets_out), max(seconds, now.seconds))
    columns = zip(*greatest.values(), strict=True) if greatest else ((0,), (0,), (0,))
    up, down, seconds = (sum(each) for each in columns)
    return up, down, seconds


def _name(octets: bytes) -> bytes:
    return blake2b(octets, digest_size=12).digest()
