"""A circuit breaker: a PC system that fails is left alone for a while, and nobody waits for it in vain.

No clock: times, in seconds, are arguments. A call is one wish with all its repeats and has a number of its own. Three
calls that failed since the last answer open the breaker; one call alone does not, however often it fails, so that it
may use all its repeats. After 30 s one try is let through, and what comes of it decides.
"""

from attrs import define, field

FAILURES = 3
RESTS = 30.0


@define
class Breaker:
    """Whether a branch's PC system may be asked."""

    _failed: set[int] = field(factory=set)
    _opened_at: float | None = None
    _probe: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it failed lately, and has not answered since."""
        return self._opened_at is not None

    def begin(self, call: int, at: float) -> bool:
        """Whether `call` may try now; if so, tell what comes of it."""
        if self._opened_at is None:
            return True
        if self._probe is not None or at - self._opened_at < RESTS:
            return False
        self._probe = call
        return True

    def answered(self) -> None:
        """An answer came, whatever it says."""
        self._failed.clear()
        self._opened_at = self._probe = None

    def failed(self, call: int, at: float) -> bool:
        """No answer came; whether that opened the breaker, now or again."""
        if self._opened_at is not None:
            # Tries that began before it opened say nothing new.
            if call != self._probe:
                return False
            self._probe, self._opened_at = None, at
            return True
        self._failed.add(call)
        if len(self._failed) < FAILURES:
            return False
        self._opened_at = at
        return True

    def abandoned(self, call: int) -> None:
        """Whoever asked wants no answer any more; if this was the one try, another may have it."""
        if call == self._probe:
            self._probe = None
