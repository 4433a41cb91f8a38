"""A decision on top of one that was made: why it came out otherwise."""

from attrs import frozen

from radiusd.store.decisions import Decision
from radiusd.store.work import Work
from radiusd.store.writer import Job


@frozen
class KeepDecisionJob(Job):
    """Keep why."""

    decision: Decision

    def run(self, work: Work) -> None:
        """Keep it."""
        work.decide(self.decision)


@frozen
class KeepDecisionsJob(Job):
    """Keep what was decided from memory."""

    decisions: tuple[Decision, ...]

    def run(self, work: Work) -> None:
        """Keep them."""
        for each in self.decisions:
            work.decide(each)
