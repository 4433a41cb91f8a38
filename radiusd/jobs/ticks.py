"""Time alone: end what has run out."""

from collections.abc import Mapping

from attrs import frozen

from policy.holding import expire
from policy.quantities import Instant
from radiusd.store.directory import Cafe
from radiusd.store.work import Needs, Work
from radiusd.store.writer import Job


@frozen
class TickJob(Job):
    """Passes whose time to wake has come."""

    at: Instant
    pass_ids: tuple[int, ...]
    cafes: Mapping[int, Cafe]

    def needs(self) -> Needs:
        """Those passes."""
        return Needs(pass_ids=self.pass_ids)

    def run(self, work: Work) -> None:
        """End them, or set a later time to wake."""
        for pass_id in self.pass_ids:
            if work.has_pass(pass_id):
                holding = work.holding(pass_id)
                branch = self.cafes[work.accounts[holding.bought.account_id].branch_id].branch(self.at)
                after, effects = expire(holding, branch, self.at)
                work.put(after, effects, branch, self.at)
