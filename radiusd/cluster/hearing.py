"""What is done with a message, however it came."""

from collections.abc import Callable

from twisted.logger import Logger

from radiusd.cluster.announcements import Listeners
from radiusd.cluster.messages import NotAMessage, decode

_log = Logger()


class Ear:
    """Tells the listeners what others announce. `sender` is this server's own name; `drop` hears of what is garbage."""

    def __init__(self, sender: str, listeners: Listeners, drop: Callable[[str], None]) -> None:
        self._sender = sender
        self._listeners = listeners
        self._drop = drop

    def hear(self, octets: object) -> None:
        """Act on a message. Never raises."""
        try:
            message = decode(octets)
        except NotAMessage as error:
            self._drop(str(error))
            return
        # Everybody is given what anybody said; what this server said it has heard already.
        if message.sender == self._sender:
            return
        try:
            if message.look:
                self._listeners.look()
            for whose in message.balances:
                self._listeners.balance(whose)
        except Exception:  # noqa: BLE001 - a mistake of who listens is not one of who told
            _log.failure("an announcement could not be acted upon")
