"""The announcements of a server that has nobody to tell."""

from twisted.internet.defer import Deferred, succeed

from radiusd.cluster.announcements import Announcements, Listeners, Whose


class Alone(Announcements):
    """What is announced is heard in this process and nowhere else."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    def look(self) -> None:
        """Nobody else looks; whoever stored it has carried it out."""

    def balance(self, whose: Whose) -> None:
        """Tell whoever shows it here."""
        self._listeners.balance(whose)

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> "Deferred[None]":
        """Nothing to end."""
        return succeed(None)
