"""The gaming PC and the WiFi: log off the one and the other is gone, with what is left of the pass kept or not."""

from collections.abc import Collection
from enum import Enum

from attrs import frozen

from policy.effects import Effect
from policy.facts import fact
from policy.holding import Holding, end_session, is_spent
from policy.quantities import Instant, Seconds
from policy.session import PcLogout, Session
from policy.values import evolve


class Resume(Enum):
    """A branch's rule for what is left of a pass when the gaming PC was logged off."""

    NEVER = "never"
    """Only the staff lets it go on."""
    AFTER_PC_LOGIN = "after_pc_login"
    """Its clock stands still until the guest logs in at a PC again."""
    FREE = "free"
    """The guest may log in to the WiFi again at once."""


@frozen
class Presence:
    """When somebody was last reported to log in and out at the PCs of a branch; None if never."""

    logged_in_at: Instant | None = None
    logged_out_at: Instant | None = None

    def is_older_than_login(self, at: Instant) -> bool:
        """Whether a logout at `at` was overtaken: the guest logged in since."""
        return self.logged_in_at is not None and self.logged_in_at > at

    def is_older_than_logout(self, at: Instant) -> bool:
        """Whether a login at `at` was overtaken: the guest logged out since."""
        return self.logged_out_at is not None and self.logged_out_at > at

    def with_login(self, at: Instant) -> "Presence":
        """This, and a login at `at`."""
        return evolve(self, logged_in_at=max(at, self.logged_in_at or at))

    def with_logout(self, at: Instant) -> "Presence":
        """This, and a logout at `at`."""
        return evolve(self, logged_out_at=max(at, self.logged_out_at or at))


@frozen(kw_only=True)
class LoggedOff:
    """The PC of `pc_user` was logged off at `happened_at`, which we heard of at `at`.

    `router_ids` are those of the branch it stands in.
    """

    at: Instant
    happened_at: Instant
    pc_user: str
    branch: str
    router_ids: Collection[int]


def log_off(
    holding: Holding, event: LoggedOff, rule: Resume, *, is_of_branch: bool
) -> tuple[Holding, tuple[Effect, ...], int]:
    """End the sessions that the guest has at that branch, and say how many. What is left of the pass follows `rule`.

    A session that began after the event stays: the event is not about it. `is_of_branch`: whether the pass was bought
    there, which decides about sessions that no router has a connection of, and about a pass in use that nobody is
    online with just now.
    """
    effects: tuple[Effect, ...] = ()
    meant = [each for each in holding.active() if _is_meant(holding, each, event, is_of_branch=is_of_branch)]
    why = (fact("pc_logged_off", pc_user=event.pc_user, branch=event.branch),)
    for session in meant:
        holding, more = end_session(holding, session.id, PcLogout(event.at), why)
        effects += more
    is_in_use = is_of_branch and holding.bought.first_login_at is not None and not is_spent(holding, event.at)
    if (meant or is_in_use) and not any(holding.active()):
        holding = _kept(holding, event, rule)
    return holding, effects, len(meant)


def _is_meant(holding: Holding, session: Session, event: LoggedOff, *, is_of_branch: bool) -> bool:
    if session.started_at is None or session.started_at > event.happened_at:
        return False
    running = list(holding.running(session.id))
    return any(each.router_id in event.router_ids for each in running) if running else is_of_branch


def _kept(holding: Holding, event: LoggedOff, rule: Resume) -> Holding:
    bought = holding.bought
    if rule is Resume.FREE or bought.held is not None:
        return holding
    why = f"the gaming PC of {event.pc_user} was logged off"
    paused_at = event.at if rule is Resume.AFTER_PC_LOGIN else None
    return evolve(holding, bought=evolve(bought, held=why, paused_at=paused_at))


def resume(holding: Holding, at: Instant) -> Holding:
    """Let a pass be used again; a clock that stood still goes on, with whole seconds in the guest's favour."""
    bought = holding.bought
    stood = 0 if bought.paused_at is None else -((bought.paused_at - at) // 1000)
    paused_for = Seconds(bought.paused_for + max(0, stood))
    return evolve(holding, bought=evolve(bought, held=None, paused_at=None, paused_for=paused_for))
