"""What the server asks of a mirror, what a mirror is given, and the mirror of a server that has none."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from attrs import frozen
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from policy.quantities import Instant
from radiusd.store.directory import Cafe

Read = Callable[[Callable[[Connection], Any]], "Deferred[Any]"]
"""Has something read from the store, in a thread."""


@frozen(kw_only=True)
class Around:
    """`cafes` are those of the moment; `count` counts what happened, by a name."""

    read: Read
    cafes: Callable[[], Mapping[int, Cafe]]
    count: Callable[[str], None]
    now: Callable[[], Instant]


class Mirroring(Protocol):
    """Shows others the sessions. Nothing here ever waits or raises."""

    def moved(self, pass_ids: Collection[int]) -> None:
        """These passes were changed, or their sessions."""

    def everything_may_have_moved(self) -> None:
        """Somebody changed something: have a look at all sessions."""

    def start(self, clock: IReactorTime) -> None:
        """Begin to write."""

    def stop(self) -> "Deferred[None]":
        """Write no more; fires when nothing is left open."""


class NoMirror(Mirroring):
    """Shows nobody anything."""

    def moved(self, pass_ids: Collection[int]) -> None:
        """Nobody looks."""

    def everything_may_have_moved(self) -> None:
        """Nobody looks."""

    def start(self, clock: IReactorTime) -> None:
        """Nothing to begin."""

    def stop(self) -> "Deferred[None]":
        """Nothing to end."""
        return succeed(None)
