"""A café that closes: everybody logs off, as fast as it can be told."""

from typing import Any

from radiusd.virtual_pc_system.cafe import Cafe
from radiusd.virtual_pc_system.webhook import Event, Sender

_PER_TURN = 100


class Storm:
    """The latest of them, and how far it is. More logouts than there are users go round them again."""

    def __init__(self, clock: Any, cafe: Cafe, sender: Sender) -> None:
        self._clock = clock
        self._cafe = cafe
        self._sender = sender
        self._events: list[Event] = []
        self._wanted = 0
        self._began = 0.0
        self._ended: float | None = None

    def begin(self, count: int) -> None:
        """Log `count` users off; one that still runs is left as it is."""
        self._events = []
        self._wanted = count
        self._began = self._clock.seconds()
        self._ended = None
        self._go_on(self._events)

    def _go_on(self, events: list[Event]) -> None:
        if events is not self._events:
            return
        names = list(self._cafe.users)
        until = min(self._wanted, len(events) + _PER_TURN)
        for number in range(len(events), until):
            name = names[number % len(names)]
            self._cafe.set_on(name, False)
            events.append(self._sender.happened("USER_LOGOUT", name))
        if len(events) < self._wanted:
            # In between there is time to send, and to answer whoever asks how far it is.
            self._clock.callLater(0, self._go_on, events)

    def told(self) -> dict[str, Any]:
        """How many there are of each outcome, and how long they took."""
        outcomes = [each.outcome for each in self._events]
        is_over = len(outcomes) == self._wanted and "waiting" not in outcomes
        if is_over and self._ended is None:
            self._ended = self._clock.seconds()
        times = sorted(each.tries[-1].milliseconds for each in self._events if each.tries)
        return {
            "wanted": self._wanted,
            "outcomes": {each: outcomes.count(each) for each in sorted(set(outcomes))},
            "is_over": is_over,
            "seconds": round((self._ended or self._clock.seconds()) - self._began, 2),
            "sessions_terminated": sum(each.sessions_terminated or 0 for each in self._events),
            "tries": sum(len(each.tries) for each in self._events),
            "p50": times[len(times) // 2] if times else None,
            "p99": times[len(times) * 99 // 100] if times else None,
            "slowest": times[-1] if times else None,
        }
