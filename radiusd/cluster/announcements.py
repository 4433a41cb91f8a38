"""What servers on one store tell each other, and what is done on hearing it.

An announcement is a shortcut and nothing more: whatever it tells of is in the store, where every server looks ten times
a second, or is asked for again anyway. It may be lost, late or told twice.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

Whose = tuple[int, str]
"""A branch's id and the name of a PC user there."""


@frozen
class Listeners:
    """What this server does when it hears that there is something to look at, and whose balance changed."""

    look: Callable[[], None]
    balance: Callable[[Whose], None]


class Announcements(Protocol):
    """Tells other servers, and is told by them. Nothing here ever waits or raises."""

    def look(self) -> None:
        """Something was stored that other servers should look at now; this one knows already."""

    def balance(self, whose: Whose) -> None:
        """This balance changed: whoever shows it, here or elsewhere, should ask for it again."""

    def start(self) -> None:
        """Begin to hear and to tell."""

    def stop(self) -> "Deferred[None]":
        """Neither hear nor tell any more; fires when nothing is left open."""
