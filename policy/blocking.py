"""Ending what is online when its account or its device is blocked. The pass keeps what is left of it."""

from policy.effects import Effect
from policy.facts import Fact
from policy.holding import Holding, Step, end_session
from policy.quantities import Instant
from policy.session import CutByAdministrator


def end_active(holding: Holding, why: Fact, at: Instant, device: str | None = None) -> Step:
    """End the sessions that hold a place, or only those of `device`, and cut their connections."""
    effects: tuple[Effect, ...] = ()
    for session in tuple(holding.active()):
        if device in (None, session.device):
            holding, more = end_session(holding, session.id, CutByAdministrator(at), (why,))
            effects += more
    return holding, effects
