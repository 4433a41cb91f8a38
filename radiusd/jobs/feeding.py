"""The change feed, kept short and alive."""

from attrs import frozen

from policy.quantities import Instant
from radiusd.store import feed
from radiusd.store.work import Work
from radiusd.store.writer import Job


@frozen
class KeepFeedJob(Job):
    """Tell that `node` lives, and forget what dead nodes told and everybody has read. Once a minute for every node."""

    at: Instant
    node: int

    def run(self, work: Work) -> bool:
        """Whether there may be more to forget."""
        feed.tell(work.database, self.node, (), self.at)
        return feed.prune(work.database, self.at)
